/** Where each call asks, what it sends, and what it makes of the response. test/client/repeats.test.ts repeats the calls. */

import { describe, expect, it } from "vitest";
import type { BulkChange, Client, Schemas } from "../../src/client/index.ts";
import { type Answer, all, json, nothing, page, RUN, refusal, stub, thrown } from "./stub.ts";

const PROJECT = "/acme/shop";
const ENV = `${PROJECT}/envs/prod`;
const RUNS = `${ENV}/action-runs`;
const ONE = `${RUNS}/${RUN.id}`;
const NIGHTLY = `${ENV}/schedules/nightly`;
const INBOUND = `${ENV}/actions/deploy/inbound`;
const CHAT = `${ENV}/webhook-endpoints/chat`;
const details = { include: "details" } as const;
const gates = { notBefore: "2026-11-30T06:00:00+01:00", waitTimeout: 60 };
const inputs = { parameters: { version: "1.4.2" }, labels: ["team:shop"], timeout: 5, ...gates };
const recovery = { since: RUN.createdAt, include: "missing" } as const;
const change: BulkChange = { operation: "cancel", filter: { status: ["running"] }, maxRuns: 10 };
const pause = { reason: "lunch", until: RUN.createdAt };
const endpointTest = { type: "action_run.failed", definition: { url: "https://x.example", events: [] } } as const;

const event = { headers: { "X-GitHub-Event": "push" }, body: { after: "3b1c0f2" } };
const trial = { definition: { timeout: 5 }, parameters: { version: "1.4.2" } };

/** The call, what it asks for, the body that it sends, and the response, which it resolves with unless there is another value. */
type Case = [call: (client: Client) => Promise<unknown>, asks: string, sends?: unknown, gets?: unknown];

const CASES: readonly Case[] = [
  [({ whoami }) => whoami(), "GET /whoami", undefined, { name: "ci" }],
  [({ operator }) => operator.readiness(), "GET /readyz", undefined, { status: "ready" }],
  [({ operator }) => operator.place(), `GET ${ENV}/database`],
  [({ operator }) => operator.place({ project: "acme/web", envName: "x" }), "GET /acme/web/envs/x/database"],
  [({ operator }) => operator.move(2), `PUT ${ENV}/database`, { database: 2 }],
  [({ operator }) => operator.purge(7), `POST ${ENV}/purge`, { days: 7 }],
  [({ operator }) => operator.purge(7, { dryRun: true }), `POST ${ENV}/purge`, { days: 7, dryRun: true }],
  [({ operator }) => operator.newestPurge(), `GET ${ENV}/purge`],
  [
    ({ operator }) => operator.erase("acme/shop/x", { reason: "left" }),
    "POST /acme/shop/envs/x/erase",
    { confirm: "acme/shop/x", reason: "left" },
  ],
  [({ operator }) => operator.erase("acme/web"), "POST /acme/web/erase", { confirm: "acme/web" }],
  [({ operator }) => operator.erasure("acme/web"), "GET /acme/web/erase"],
  [({ operator }) => operator.erasure("acme/shop/x"), "GET /acme/shop/envs/x/erase"],
  [({ operator }) => operator.resync(), `POST ${ENV}/resync`],
  [({ operator }) => operator.resyncDatabase(1, { cursor: "Mg" }), "POST /databases/1/resync?cursor=Mg"],
  [({ runs }) => runs.create({ actionName: "deploy", ...inputs }), `POST ${RUNS}`, { actionName: "deploy", ...inputs }],
  [({ runs }) => runs.create({ actionName: "deploy" }, details), `POST ${RUNS}?include=details`],
  [({ runs }) => runs.get(RUN.id), `GET ${ONE}`],
  [({ runs }) => runs.get(RUN.id, details), `GET ${ONE}?include=details`],
  [
    ({ runs }) => runs.wait(RUN.id, details),
    `GET ${ONE}?wait=60&include=details`,
    undefined,
    { ...RUN, status: "failed" },
  ],
  [
    ({ runs }) => runs.summary({ label: ["x"], waiting: "any", group: "deploys" }),
    `GET ${RUNS}/summary?label=x&waiting=any&group=deploys`,
  ],
  [({ runs }) => runs.facets({ field: "label", contains: "te" }), `GET ${RUNS}/facets?field=label&contains=te`],
  [({ runs }) => runs.newest(["a", "b"]), `GET ${RUNS}/newest?actionName=a&actionName=b`],
  [
    ({ runs }) => runs.cancel(RUN.id, { reason: "no", graceSeconds: 0, ...details }),
    `POST ${ONE}/cancel?include=details`,
    { reason: "no", graceSeconds: 0 },
  ],
  [({ runs }) => runs.cancel(RUN.id), `POST ${ONE}/cancel`, {}],
  [({ runs }) => runs.cancelPending(RUN.id), `DELETE ${ONE}`],
  [
    ({ runs }) => runs.retry(RUN.id, { parameters: { a: 1 }, ...gates, ...details }),
    `POST ${ONE}/retry?include=details`,
    { parameters: { a: 1 }, ...gates },
  ],
  [({ runs }) => runs.retry(RUN.id), `POST ${ONE}/retry`, {}],
  [({ runs }) => runs.approval(RUN.id), `GET ${ONE}/approval`],
  [
    ({ runs }) => runs.approve(RUN.id, { reason: "tested", ...details }),
    `POST ${ONE}/approve?include=details`,
    { reason: "tested" },
  ],
  [({ runs }) => runs.approve(RUN.id), `POST ${ONE}/approve`, {}],
  [({ runs }) => runs.reject(RUN.id, { reason: "not today" }), `POST ${ONE}/reject`, { reason: "not today" }],
  [({ runs }) => runs.release(RUN.id, details), `POST ${ONE}/release?include=details`],
  [({ actions }) => actions.run("deploy", inputs, details), `POST ${ENV}/actions/deploy/runs?include=details`, inputs],
  [({ actions }) => actions.run("deploy"), `POST ${ENV}/actions/deploy/runs`, {}],
  [({ actions }) => actions.preview("deploy", trial), `POST ${ENV}/actions/deploy/preview`, trial],
  [({ actions }) => actions.test("deploy", trial), `POST ${ENV}/actions/deploy/test`, trial],
  [({ actions }) => actions.test("deploy"), `POST ${ENV}/actions/deploy/test`, {}],
  [({ actions }) => actions.getVersion("deploy", 7), `GET ${ENV}/actions/deploy/versions/7`],
  [({ actions }) => actions.inbound("deploy"), `GET ${INBOUND}`],
  [({ actions }) => actions.tryInbound("deploy", event), `POST ${INBOUND}/try`, event],
  [({ actions }) => actions.rotateInboundSecret("deploy"), `POST ${INBOUND}/rotate-secret`, {}],
  [
    ({ actions }) => actions.rotateInboundSecret("deploy", { gracePeriodSeconds: 60 }),
    `POST ${INBOUND}/rotate-secret`,
    { gracePeriodSeconds: 60 },
  ],
  [({ schedules }) => schedules.status("nightly"), `GET ${NIGHTLY}/status`],
  [({ schedules }) => schedules.getVersion("nightly", 7), `GET ${NIGHTLY}/versions/7`],
  [({ webhookEndpoints }) => webhookEndpoints.getVersion("chat", 7), `GET ${CHAT}/versions/7`],
  [({ webhookEndpoints }) => webhookEndpoints.status("chat"), `GET ${CHAT}/status`],
  [({ webhookEndpoints }) => webhookEndpoints.recover("chat", recovery), `POST ${CHAT}/recover`, recovery],
  [({ webhookEndpoints }) => webhookEndpoints.test("chat"), `POST ${CHAT}/test`, {}],
  [
    ({ webhookEndpoints }) =>
      webhookEndpoints.test("chat", { ...endpointTest, definition: { ...endpointTest.definition, events: [] } }),
    `POST ${CHAT}/test`,
    endpointTest,
  ],
  [
    ({ webhookEndpoints }) => webhookEndpoints.rotateSecret("chat", { gracePeriodSeconds: 60 }),
    `POST ${CHAT}/rotate-secret`,
    { gracePeriodSeconds: 60 },
  ],
  [({ bulkOperations }) => bulkOperations.create(change), `POST ${ENV}/bulk-operations`, change],
  [
    ({ bulkOperations }) => bulkOperations.preview(change),
    `POST ${ENV}/bulk-operations`,
    { ...change, dryRun: true },
    { byStatus: {} },
  ],
  [({ bulkOperations }) => bulkOperations.get("b1"), `GET ${ENV}/bulk-operations/b1`],
  [({ bulkOperations }) => bulkOperations.cancel("b1"), `POST ${ENV}/bulk-operations/b1/cancel`],
  [({ pauses }) => pauses.put("deploys", pause), `PUT ${ENV}/pauses/deploys`, pause],
  [({ pauses }) => pauses.put("-environment", pause), `PUT ${ENV}/pauses/-environment`, pause],
  [({ pauses }) => pauses.list(), `GET ${ENV}/pauses`, undefined, [pause]],
  [
    ({ tokens }) => tokens.create({ name: "ci", role: "member" }),
    `POST ${PROJECT}/tokens`,
    { name: "ci", role: "member" },
  ],
  [
    ({ tokens }) => tokens.rotate("t1", { overlapSeconds: 0 }),
    `POST ${PROJECT}/tokens/t1/rotate`,
    { overlapSeconds: 0 },
  ],
  [({ tokens }) => tokens.exchange("t1", "a.b.c"), `POST ${PROJECT}/tokens/t1/exchange`, { proof: "a.b.c" }],
  [({ tokens }) => tokens.revoke("t1"), `DELETE ${PROJECT}/tokens/t1`],
];

describe("a call asks the API for what it says, and resolves with the response", () => {
  it.each(CASES.map((one) => [one[1], one] as const))("sends %s", async (asks, [call, , sends, gets = RUN]) => {
    const { client, asked } = await stub(json(200, gets));
    expect(await call(client())).toEqual(gets);
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([asks]);
    if (sends !== undefined) expect(JSON.parse(asked[0]?.body ?? "")).toEqual(sends);
  });

  it("which can be empty", async () => {
    const accepted: Answer = (response) => void response.writeHead(202).end();
    const { client, asked } = await stub(accepted, accepted, nothing);
    const { webhookEndpoints } = client();
    expect(await webhookEndpoints.resend("chat", RUN.id)).toBeUndefined();
    await webhookEndpoints.resend("chat", RUN.id, { type: "action_run.failed" });
    expect(await webhookEndpoints.enable("chat")).toBeUndefined();
    expect(asked.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["POST", `${CHAT}/deliveries/${RUN.id}/resend`, "{}"],
      ["POST", `${CHAT}/deliveries/${RUN.id}/resend`, '{"type":"action_run.failed"}'],
      ["POST", `${CHAT}/enable`, ""],
    ]);
  });

  it("as text, if the caller must read each digit", async () => {
    const text = '{"id": "x", "parameters": {"n": 9007199254740993, "f": 1.0}}';
    const { client, asked } = await stub(page(200, text, { "Content-Type": "application/json" }));
    expect(await client().runs.getText(RUN.id, details)).toBe(text);
    expect(asked[0]?.url).toBe(`${ONE}?include=details`);
  });

  it("and says once if the run can lack its newest changes", async () => {
    const { client } = await stub(json(200, RUN, { "Action-Runs-Stale": "true" }), json(200, RUN));
    let stale = 0;
    const onStale = () => stale++;
    await client().runs.get(RUN.id, { onStale });
    await client().runs.get(RUN.id, { onStale });
    expect(stale).toBe(1);
  });
});

describe("a definition", () => {
  const SHOWN = { description: "Deploys the shop.", labels: ["shop"] };

  it.each([
    ["whatever is there", undefined, {}],
    ["for one version", 3, { "if-match": '"3"' }],
    ["only if there is none", null, { "if-none-match": "*" }],
  ])("is stored %s, and resolves with its version", async (_, ifVersion, conditions) => {
    const { client, asked } = await stub(json(201, SHOWN, { ETag: '"4"' }));
    const put = await client().actions.put("deploy", SHOWN, { ifVersion });
    expect(put).toEqual({ name: "deploy", version: 4, definition: SHOWN, inboundSecret: null });
    expect(asked).toMatchObject([{ method: "PUT", url: `${ENV}/actions/deploy`, body: JSON.stringify(SHOWN) }]);
    const sent = Object.entries(asked[0]?.headers ?? {}).filter(([name]) => name.startsWith("if-"));
    expect(Object.fromEntries(sent)).toEqual(conditions);
  });

  it("of an endpoint gives the secret that was made beside a definition that can be put again", async () => {
    const shown = { url: null, events: ["action_run.failed"], signingSecret: null };
    const made = json(201, { ...shown, signingSecret: "whsec_x" }, { ETag: '"1"' });
    const { client, asked } = await stub(made, json(200, shown, { ETag: '"2"' }));
    const { webhookEndpoints } = client();
    const definition: Schemas["WebhookEndpoint"] = { url: "https://x.example", events: ["action_run.failed"] };
    const put = await webhookEndpoints.put("chat", definition);
    expect(put).toEqual({ name: "chat", version: 1, definition: shown, signingSecret: "whsec_x" });
    expect(await webhookEndpoints.put("chat", put.definition)).toMatchObject({ version: 2, signingSecret: null });
    expect(asked.map(({ body }) => JSON.parse(body))).toEqual([definition, shown]);
  });

  it("of an action gives the secret for its events beside a definition that can be put again", async () => {
    const definition: Schemas["ActionDefinition"] = { inbound: { verify: "token" } };
    const shown = { inbound: { verify: "token", secret: null } };
    const made = json(201, { inbound: { verify: "token", secret: "whsec_x" } }, { ETag: '"1"' });
    const { client, asked } = await stub(made, json(200, shown, { ETag: '"2"' }));
    const { actions } = client();
    const put = await actions.put("deploy", definition);
    expect(put).toEqual({ name: "deploy", version: 1, definition: shown, inboundSecret: "whsec_x" });
    expect(await actions.put("deploy", put.definition)).toMatchObject({ version: 2, inboundSecret: null });
    expect(asked.map(({ body }) => JSON.parse(body))).toEqual([definition, shown]);
  });

  it.each(['"7"', 'W/"7"'])("is read with the version of the ETag %s", async (etag) => {
    const { client, asked } = await stub(json(200, SHOWN, { ETag: etag }));
    expect(await client().webhookEndpoints.get("chat")).toEqual({ name: "chat", version: 7, definition: SHOWN });
    expect(asked).toMatchObject([{ method: "GET", url: CHAT }]);
  });

  it("is checked before it is stored, and resolves with what would be stored and the version that is", async () => {
    const { client, asked } = await stub(json(200, SHOWN, { ETag: '"0"' }));
    const checked = await client().actions.check("deploy", {});
    expect(checked).toEqual({ name: "deploy", version: 0, definition: SHOWN });
    expect(asked).toMatchObject([{ method: "PUT", url: `${ENV}/actions/deploy?dryRun=true` }]);
  });

  it("without a version is not from the API", async () => {
    const { client } = await stub(json(200, SHOWN));
    expect(await thrown(client().actions.get("deploy"))).toMatchObject({ code: "unexpected_answer" });
  });

  it("that has another version is refused", async () => {
    const { client } = await stub(refusal(412, "precondition_failed"));
    const error = await thrown(client().actions.put("deploy", SHOWN, { ifVersion: 3 }));
    expect(error).toMatchObject({ status: 412, code: "precondition_failed" });
  });
});

it.each(["create", "preview"] as const)(
  "bulkOperations.%s does not take another response for its own",
  async (call) => {
    const { client } = await stub(json(200, { status: "running" }));
    expect(await thrown(client().bulkOperations[call](change))).toMatchObject({ code: "unexpected_answer" });
  },
);

describe("nothing is sent", () => {
  it.each(["", "..", ".x", "a/b", "a b", "a".repeat(64), "ü"])(
    "for a definition or a group with the name %j",
    async (name) => {
      const { client, asked } = await stub(json(200, [], { ETag: '"1"' }));
      const { actions, webhookEndpoints, pauses } = client();
      const endpoint: Schemas["WebhookEndpoint"] = { url: null, events: [] };
      for (const call of [
        () => actions.get(name),
        () => actions.put(name, {}),
        () => actions.check(name, {}),
        () => actions.delete(name),
        () => actions.run(name),
        () => actions.versions(name).page(),
        () => actions.deleteVersion(name, 1),
        () => webhookEndpoints.put(name, endpoint),
        () => webhookEndpoints.enable(name),
        () => webhookEndpoints.deliveries(name).page(),
        () => webhookEndpoints.resend(name, RUN.id),
        () => pauses.put(name, pause),
        () => pauses.delete(name),
      ]) {
        expect(await thrown(call())).toBeInstanceOf(TypeError);
      }
      expect(asked).toEqual([]);
    },
  );

  it.each(["", ".", ".."])("for an id %j, which would address another resource", async (id) => {
    const { client, asked } = await stub(json(200, RUN));
    const { runs, bulkOperations, tokens, sessions, webhookEndpoints } = client();
    const changes = [runs.cancel, runs.cancelPending, runs.retry, runs.approve, runs.reject, runs.release];
    const others = [runs.get, runs.getText, runs.wait, runs.approval, bulkOperations.get, bulkOperations.cancel];
    const deletes = [bulkOperations.wait, tokens.rotate, tokens.revoke, sessions.end];
    const lists = [runs.events, bulkOperations.items].map((list) => () => list(id).page());
    const calls = [...changes, ...others, ...deletes].map((call) => () => call(id));
    for (const call of [...calls, ...lists, () => webhookEndpoints.resend("chat", id), () => all(runs.watch(id))]) {
      expect(await thrown(call())).toBeInstanceOf(TypeError);
    }
    expect(asked).toEqual([]);
  });
});
