/**
 * Stored actions, retry, cancel, labels, details and the summary: what the client sends, and what it makes of the
 * answers.
 */

import { describe, expect, it } from "vitest";
import { type Answer, all, json, nothing, RUN, refusal, reset, stub, thrown } from "./stub.ts";

const DEFINITION = {
  description: "Deploys the shop.",
  trigger: { type: "webhook", url: "https://ci.example.com/hooks", headers: { Authorization: null } },
} as const;
const ACTIONS = "/acme/shop/envs/prod/actions";
const RUNS = "/acme/shop/envs/prod/action-runs";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const tagged = (status: number, etag: string) => json(status, DEFINITION, { ETag: etag });

describe("put", () => {
  it.each([
    ["without a condition", undefined, {}],
    ["for one version", 3, { "if-match": '"3"' }],
    ["for a new action", null, { "if-none-match": "*" }],
  ])("%s sends the definition, and resolves with the version", async (_, ifVersion, conditions) => {
    const { client, asked } = await stub(tagged(201, '"4"'));
    const put = await client().actions.put("deploy", DEFINITION, { ifVersion });
    expect(put).toEqual({ name: "deploy", version: 4, definition: DEFINITION });
    expect(asked).toMatchObject([{ method: "PUT", url: `${ACTIONS}/deploy`, headers: conditions }]);
    expect(JSON.parse(asked[0]?.body ?? "")).toEqual(DEFINITION);
    const sent = Object.keys(asked[0]?.headers ?? {}).filter((name) => name.startsWith("if-"));
    expect(sent).toEqual(Object.keys(conditions));
  });

  it("is retried, but not with a condition that its own first try could break", async () => {
    const { client, asked } = await stub(reset, tagged(200, '"4"'));
    await client().actions.put("deploy", DEFINITION);
    expect(asked).toHaveLength(2);
    for (const ifVersion of [3, null]) {
      const other = await stub(reset, tagged(200, '"4"'));
      const error = await thrown(other.client().actions.put("deploy", DEFINITION, { ifVersion }));
      expect(error).toMatchObject({ code: "unreachable" });
      expect(other.asked).toHaveLength(1);
    }
  });

  it("throws the refusal of a condition", async () => {
    const { client } = await stub(refusal(412, "precondition_failed"));
    const error = await thrown(client().actions.put("deploy", DEFINITION, { ifVersion: 3 }));
    expect(error).toMatchObject({ status: 412, code: "precondition_failed" });
  });
});

describe("get", () => {
  it.each(['"7"', 'W/"7"'])("resolves with the definition and the version of the ETag %s", async (etag) => {
    const { client, asked } = await stub(tagged(200, etag));
    const got = await client().actions.get("deploy");
    expect(got).toEqual({ name: "deploy", version: 7, definition: DEFINITION });
    expect(asked).toMatchObject([{ method: "GET", url: `${ACTIONS}/deploy` }]);
  });

  it("throws if the response has no version", async () => {
    const { client } = await stub(json(200, DEFINITION));
    expect(await thrown(client().actions.get("deploy"))).toMatchObject({ code: "unexpected_answer" });
  });
});

it.each(["", "..", ".x", "a/b", "a b", "a".repeat(64), "ü"])(
  "an action can't have the name %j, and nothing is sent",
  async (name) => {
    const { client, asked } = await stub(tagged(200, '"1"'));
    const { actions } = client();
    for (const call of [
      () => actions.get(name),
      () => actions.put(name, {}),
      () => actions.delete(name),
      () => actions.run(name),
    ])
      expect(await thrown(call())).toBeInstanceOf(TypeError);
    expect(asked).toEqual([]);
  },
);

it("a list follows its pages", async () => {
  const entry = (name: string) => ({ name, version: 1, changedAt: RUN.createdAt, definition: DEFINITION });
  const next = { Link: `<https://elsewhere.example${ACTIONS}?cursor=c1>; rel="next"` };
  const { client, asked } = await stub(json(200, [entry("a")], next), json(200, [entry("b")]));
  expect((await all(client().actions.list())).map(({ name }) => name)).toEqual(["a", "b"]);
  expect(asked.map(({ url }) => url)).toEqual([ACTIONS, `${ACTIONS}?cursor=c1`]);
});

describe("delete", () => {
  it("sends the condition, and resolves with nothing", async () => {
    const { client, asked } = await stub(nothing);
    expect(await client().actions.delete("deploy", { ifVersion: 3 })).toBeUndefined();
    expect(asked).toMatchObject([{ method: "DELETE", url: `${ACTIONS}/deploy`, headers: { "if-match": '"3"' } }]);
  });

  it("succeeds if the first try did and its response was lost, and only then", async () => {
    const { client } = await stub(reset, refusal(404, "action_not_found"));
    await client().actions.delete("deploy");
    const other = await stub(refusal(404, "action_not_found"));
    expect(await thrown(other.client().actions.delete("deploy"))).toMatchObject({ code: "action_not_found" });
    const third = await stub(reset, refusal(404, "not_found"));
    expect(await thrown(third.client().actions.delete("deploy"))).toMatchObject({ code: "not_found" });
  });
});

describe("a call that makes or cancels a run", () => {
  const body = { parameters: { version: "1.4.2" }, labels: ["team:shop"], timeout: 5 };
  const details = { include: "details" } as const;

  it.each([
    ["actions.run", `${ACTIONS}/deploy/runs`, body, 201],
    ["runs.create", RUNS, { actionName: "deploy", ...body }, 201],
    ["runs.retry", `${RUNS}/${RUN.id}/retry`, { parameters: body.parameters }, 201],
    ["runs.cancel", `${RUNS}/${RUN.id}/cancel`, { reason: "wrong branch", graceSeconds: 0 }, 202],
  ])("%s posts its body with one key, and asks for details if told to", async (what, url, sent, status) => {
    const { client, asked } = await stub(reset, json(status, RUN));
    const { actions, runs } = client();
    const calls: Record<string, () => Promise<unknown>> = {
      "actions.run": () => actions.run("deploy", body, details),
      "runs.create": () => runs.create({ actionName: "deploy", ...body }, details),
      "runs.retry": () => runs.retry(RUN.id, { parameters: body.parameters, ...details }),
      "runs.cancel": () => runs.cancel(RUN.id, { reason: "wrong branch", graceSeconds: 0, ...details }),
    };
    expect(await calls[what]?.()).toEqual(RUN);
    expect(asked).toMatchObject([{ method: "POST", url: `${url}?include=details` }, { method: "POST" }]);
    expect(asked.map((one) => JSON.parse(one.body))).toEqual([sent, sent]);
    const [key, other] = asked.map(({ headers }) => headers["idempotency-key"]);
    expect(key).toMatch(UUID);
    expect(other).toBe(key);
  });

  it("sends no more than it was given", async () => {
    const { client, asked } = await stub(json(201, RUN));
    const { actions, runs } = client();
    await actions.run("deploy");
    await runs.retry(RUN.id);
    await runs.cancel(RUN.id, { idempotencyKey: "k" });
    expect(asked.map(({ url, body }) => [url, body])).toEqual([
      [`${ACTIONS}/deploy/runs`, "{}"],
      [`${RUNS}/${RUN.id}/retry`, "{}"],
      [`${RUNS}/${RUN.id}/cancel`, "{}"],
    ]);
    expect(asked[2]?.headers["idempotency-key"]).toBe("k");
  });

  it("cancelPending deletes, which leaves a running run alone", async () => {
    const { client, asked } = await stub(refusal(409, "run_running"));
    expect(await thrown(client().runs.cancelPending(RUN.id))).toMatchObject({ code: "run_running" });
    expect(asked).toMatchObject([{ method: "DELETE", url: `${RUNS}/${RUN.id}` }]);
  });
});

describe("reads", () => {
  it("get and wait ask for details if told to", async () => {
    const { client, asked } = await stub(json(200, { ...RUN, status: "failed" }));
    const { runs } = client();
    await runs.get(RUN.id, { include: "details" });
    await runs.wait(RUN.id, { include: "details" });
    await runs.get(RUN.id);
    expect(asked.map(({ url }) => url)).toEqual([
      `${RUNS}/${RUN.id}?include=details`,
      `${RUNS}/${RUN.id}?wait=60&include=details`,
      `${RUNS}/${RUN.id}`,
    ]);
  });

  it("getText gives a run just as the API sent it, and throws a refusal", async () => {
    const text = '{"id": "x", "parameters": {"n": 9007199254740993, "f": 1.0}}';
    const sent: Answer = (response) => {
      response.writeHead(200, { "Content-Type": "application/json" }).end(text);
    };
    const { client, asked } = await stub(sent, refusal(404, "run_not_found"));
    const { runs } = client();
    expect(await runs.getText(RUN.id, { include: "details" })).toBe(text);
    expect(asked[0]?.url).toBe(`${RUNS}/${RUN.id}?include=details`);
    expect(await thrown(runs.getText(RUN.id))).toMatchObject({ status: 404, code: "run_not_found" });
  });

  it("a list filters by labels, each as a parameter of its own", async () => {
    const { client, asked } = await stub(json(200, []));
    await all(client().runs.list({ label: ["team:shop", "a&b"], include: "details" }));
    expect(asked[0]?.url).toBe(`${RUNS}?label=team%3Ashop&label=a%26b&include=details`);
  });

  it("a summary takes the filters of a list", async () => {
    const counts = { pending: 0, running: 2, succeeded: { atLeast: 1000 }, failed: 1, cancelled: 0 };
    const { client, asked } = await stub(json(200, counts));
    expect(await client().runs.summary({ actionName: "deploy", label: ["x"] })).toEqual(counts);
    expect(asked[0]?.url).toBe(`${RUNS}/summary?actionName=deploy&label=x`);
  });
});
