/** Decisions about runs, pauses, groups and gates: what the client sends, and what it makes of the answers. */

import { describe, expect, it } from "vitest";
import { all, json, nothing, RUN, refusal, reset, stream, stub, thrown } from "./stub.ts";

const ENVIRONMENT = "/acme/shop/envs/prod";
const ONE = `${ENVIRONMENT}/action-runs/${RUN.id}`;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PAUSE = { group: "deploys", reason: "lunch", until: null, by: "ada", via: null, at: RUN.createdAt };
const GATES = { notBefore: "2026-11-30T06:00:00+01:00", waitTimeout: 60 };

describe("a decision", () => {
  it.each([
    ["approve", { reason: "tested" }, { reason: "tested" }],
    ["approve", {}, {}],
    ["reject", { reason: "not today" }, { reason: "not today" }],
    ["release", {}, null],
  ] as const)("%s with %j posts %j with one key, and asks for details if told to", async (what, given, sent) => {
    const { client, asked } = await stub(reset, json(200, RUN));
    expect(await client().runs[what](RUN.id, { ...given, include: "details" })).toEqual(RUN);
    const url = `${ONE}/${what}?include=details`;
    expect(asked).toMatchObject([
      { method: "POST", url },
      { method: "POST", url },
    ]);
    expect(asked.map(({ body }) => (body === "" ? null : JSON.parse(body)))).toEqual([sent, sent]);
    const [key, other] = asked.map(({ headers }) => headers["idempotency-key"]);
    expect(key).toMatch(UUID);
    expect(other).toBe(key);
  });

  it("uses the key that it is given, and throws a refusal", async () => {
    const { client, asked } = await stub(refusal(403, "own_run"));
    const error = await thrown(client().runs.approve(RUN.id, { idempotencyKey: "k" }));
    expect(error).toMatchObject({ status: 403, code: "own_run" });
    expect(asked).toMatchObject([{ url: `${ONE}/approve`, headers: { "idempotency-key": "k" } }]);
  });

  it("can't be about another address than a run's", async () => {
    const { client, asked } = await stub(json(200, RUN));
    const { runs } = client();
    for (const call of [runs.approve, runs.reject, runs.release, runs.approval]) {
      expect(await thrown(call(".."))).toBeInstanceOf(TypeError);
    }
    expect(asked).toEqual([]);
  });

  it("is prepared by what will be sent", async () => {
    const approval = { required: 1, allowSelf: false, approvals: [] };
    const { client, asked } = await stub(json(200, approval));
    expect(await client().runs.approval(RUN.id)).toEqual(approval);
    expect(asked).toMatchObject([{ method: "GET", url: `${ONE}/approval` }]);
  });
});

it("each call that makes a run sends its gates", async () => {
  const { client, asked } = await stub(json(201, RUN));
  const { actions, runs } = client();
  await actions.run("deploy", GATES);
  await runs.create({ actionName: "deploy", ...GATES });
  await runs.retry(RUN.id, GATES);
  const sent = asked.map(({ body }) => JSON.parse(body));
  expect(sent).toEqual([GATES, { actionName: "deploy", ...GATES }, GATES]);
});

it("lists, summaries, the list of a follower and its feed take the filters of gates", async () => {
  const filter = { waiting: "any", group: "deploys" } as const;
  const changes = { runs: [], cursor: "9.1", caughtUp: true };
  const { client, asked } = await stub(
    json(200, []),
    json(200, {}),
    json(200, changes),
    json(200, []),
    stream(`data: ${JSON.stringify(changes)}\n\n`, "hang"),
  );
  const { runs } = client();
  await all(runs.list(filter));
  await runs.summary(filter);
  for await (const { caughtUp } of runs.follow(filter)) if (caughtUp) break;
  const query = "waiting=any&group=deploys";
  expect(asked.map(({ url = "" }) => url.slice(`${ENVIRONMENT}/action-runs`.length))).toEqual([
    `?${query}`,
    `/summary?${query}`,
    "/changes",
    `?${query}&limit=200`,
    `/changes?${query}&after=9.1`,
  ]);
});

describe("pauses", () => {
  it("are put, listed and deleted by the name of their group, or of the environment", async () => {
    const { client, asked } = await stub(json(200, PAUSE), json(200, [PAUSE]), nothing);
    const { pauses } = client();
    expect(await pauses.put("deploys", { reason: "lunch", until: GATES.notBefore })).toEqual(PAUSE);
    expect(await pauses.list()).toEqual([PAUSE]);
    await pauses.delete("-environment");
    expect(asked).toMatchObject([
      { method: "PUT", url: `${ENVIRONMENT}/pauses/deploys` },
      { method: "GET", url: `${ENVIRONMENT}/pauses` },
      { method: "DELETE", url: `${ENVIRONMENT}/pauses/-environment` },
    ]);
    expect(JSON.parse(asked[0]?.body ?? "")).toEqual({ reason: "lunch", until: GATES.notBefore });
  });

  it("end although the response to the first try got lost, and only then", async () => {
    const { client } = await stub(reset, refusal(404, "pause_not_found"));
    await client().pauses.delete("deploys");
    const other = await stub(refusal(404, "pause_not_found"));
    expect(await thrown(other.client().pauses.delete("deploys"))).toMatchObject({ code: "pause_not_found" });
  });

  it.each(["", "..", "a/b", "-env", "a".repeat(64)])("have no group %j, and nothing is sent", async (group) => {
    const { client, asked } = await stub(nothing);
    const { pauses } = client();
    expect(await thrown(pauses.put(group, { reason: "x" }))).toBeInstanceOf(TypeError);
    expect(await thrown(pauses.delete(group))).toBeInstanceOf(TypeError);
    expect(asked).toEqual([]);
  });
});

it("a list of groups follows its pages, and one page gives the cursor of the next", async () => {
  const entry = (key: string) => ({ group: "deploys", key, limit: 1, holders: 1, waiters: 2, paused: null });
  const groups = `${ENVIRONMENT}/concurrency-groups`;
  const next = { Link: `<https://elsewhere.example${groups}?cursor=c1>; rel="next"` };
  const { client, asked } = await stub(json(200, [entry("a")], next), json(200, [entry("b")]));
  const { concurrencyGroups } = client();
  const listed = await all(concurrencyGroups.list({ group: "deploys" }));
  expect(listed.map(({ key }) => key)).toEqual(["a", "b"]);
  expect(await concurrencyGroups.page({ limit: 1 })).toEqual({ groups: [entry("b")], next: null });
  expect(asked.map(({ url }) => url)).toEqual([
    `${groups}?group=deploys`,
    `${groups}?group=deploys&cursor=c1`,
    `${groups}?limit=1`,
  ]);
});
