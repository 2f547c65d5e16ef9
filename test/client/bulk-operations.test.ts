/** Bulk operations: what the client sends, and how it waits for their end. */

import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { BulkChange, BulkOperation } from "../../src/client/index.ts";
import { all, hang, json, page, RUN, refusal, reset, stub, thrown } from "./stub.ts";

const OPERATIONS = "/acme/shop/envs/prod/bulk-operations";
const ID = "019c0e5a-1800-8000-8000-0000000000b1";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const RUNNING: BulkOperation = {
  id: ID,
  operation: "cancel",
  status: "running",
  abortReason: null,
  filter: { status: ["running"] },
  by: "ada",
  byId: RUN.id,
  createdAt: RUN.createdAt,
  completedAt: null,
  ended: null,
  counts: { matched: 3, accepted: 1, skipped: 0, failed: 0, remaining: 2 },
};
const COMPLETED: BulkOperation = {
  ...RUNNING,
  status: "completed",
  completedAt: RUN.createdAt,
  counts: { matched: 3, accepted: 2, skipped: 1, failed: 0, remaining: 0 },
};
const PREVIEW = {
  matched: 3,
  newest: [RUN.id],
  wouldStart: 1,
  byStatus: { pending: 0, running: 3, succeeded: 0, failed: 0, cancelled: 0 },
};
const CHANGE: BulkChange = { operation: "cancel", filter: { status: ["running"] }, maxRuns: 10 };
const item = (n: number) => ({ runId: `run-${n}`, outcome: "skipped", code: "run_open", newRunId: null });

describe("a bulk operation", () => {
  it("is started once although answers get lost, because all tries have one key", async () => {
    const { client, asked } = await stub(reset, page(502), refusal(503, "overloaded"), json(202, RUNNING));
    expect(await client().bulkOperations.create(CHANGE)).toEqual(RUNNING);
    expect(asked).toHaveLength(4);
    const keys = asked.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).toMatch(UUID);
    expect(new Set(keys).size).toBe(1);
    for (const { method, url, body } of asked)
      expect([method, url, JSON.parse(body)]).toEqual(["POST", OPERATIONS, CHANGE]);
  });

  it("has the key that the caller gives, and another for each call without one", async () => {
    const { client, asked } = await stub(json(202, RUNNING));
    const { bulkOperations } = client();
    await bulkOperations.create({ operation: "retry", runIds: [RUN.id] }, { idempotencyKey: "k-1" });
    await bulkOperations.create(CHANGE);
    await bulkOperations.create(CHANGE);
    const keys = asked.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).toBe("k-1");
    expect(new Set(keys).size).toBe(3);
  });

  it("throws a refusal", async () => {
    const { client } = await stub(refusal(409, "too_many_bulk_operations"));
    const error = await thrown(client().bulkOperations.create(CHANGE));
    expect(error).toMatchObject({ status: 409, code: "too_many_bulk_operations" });
  });

  it("is previewed with the same change, and the preview starts nothing", async () => {
    const { client, asked } = await stub(json(200, PREVIEW));
    expect(await client().bulkOperations.preview(CHANGE)).toEqual(PREVIEW);
    expect(asked).toHaveLength(1);
    expect(JSON.parse(asked[0]?.body ?? "")).toEqual({ ...CHANGE, dryRun: true });
    expect(asked[0]?.headers["idempotency-key"]).toBeUndefined();
  });

  it.each([
    ["create", PREVIEW],
    ["preview", RUNNING],
  ] as const)("%s does not take another response for its own", async (call, body) => {
    const { client } = await stub(json(200, body));
    const error = await thrown(client().bulkOperations[call](CHANGE));
    expect(error).toMatchObject({ code: "unexpected_answer" });
  });

  it("is read, stopped and listed with its runs, page by page", async () => {
    const next = { Link: `<https://elsewhere.example${OPERATIONS}?cursor=c1>; rel="next"` };
    const { client, asked } = await stub(
      json(200, RUNNING),
      json(200, { ...RUNNING, abortReason: "asked" }),
      json(200, [RUNNING], next),
      json(200, [COMPLETED]),
      json(200, [item(1)], next),
      json(200, [item(2)]),
      json(200, [RUNNING], next),
      json(200, [item(1)]),
    );
    const { bulkOperations } = client();
    expect(await bulkOperations.get(ID)).toEqual(RUNNING);
    expect(await bulkOperations.cancel(ID)).toMatchObject({ abortReason: "asked" });
    expect(await all(bulkOperations.list())).toEqual([RUNNING, COMPLETED]);
    expect(await all(bulkOperations.items(ID, { outcome: "skipped" }))).toEqual([item(1), item(2)]);
    expect(await bulkOperations.page({ limit: 1 })).toEqual({ operations: [RUNNING], next: "c1" });
    const rest = await bulkOperations.itemPage(ID, { outcome: "failed", cursor: "c9" });
    expect(rest).toEqual({ items: [item(1)], next: null });
    expect(asked.map(({ method, url }) => `${method} ${url?.slice(OPERATIONS.length)}`)).toEqual([
      `GET /${ID}`,
      `POST /${ID}/cancel`,
      "GET ",
      "GET ?cursor=c1",
      `GET /${ID}/items?outcome=skipped`,
      `GET /${ID}/items?outcome=skipped&cursor=c1`,
      "GET ?limit=1",
      `GET /${ID}/items?outcome=failed&cursor=c9`,
    ]);
  });

  it("can't be about another address than an operation's", async () => {
    const { client, asked } = await stub(json(200, RUNNING));
    const { bulkOperations } = client();
    for (const call of [bulkOperations.get, bulkOperations.cancel, bulkOperations.wait, bulkOperations.itemPage])
      expect(await thrown(call(".."))).toBeInstanceOf(TypeError);
    expect(asked).toEqual([]);
  });
});

describe("a wait for a bulk operation", () => {
  it("ends with the operation, over lost answers, and tells each read", async () => {
    const collecting = { ...RUNNING, status: "collecting" as const };
    const stopping = { ...RUNNING, abortReason: "asked" as const };
    const { client, asked } = await stub(
      json(200, collecting),
      reset,
      json(200, RUNNING),
      refusal(503, "database_unavailable"),
      page(502),
      json(200, stopping),
      json(200, COMPLETED),
    );
    const told: string[] = [];
    const onProgress = ({ status }: BulkOperation) => told.push(status);
    expect(await client().bulkOperations.wait(ID, { onProgress })).toEqual(COMPLETED);
    expect(told).toEqual(["collecting", "running", "running", "completed"]);
    expect(asked).toHaveLength(7);
  });

  it("ends with an operation that was stopped", async () => {
    const aborted = { ...RUNNING, status: "aborted", abortReason: "too_many_runs" };
    const { client } = await stub(json(200, aborted));
    expect(await client().bulkOperations.wait(ID)).toEqual(aborted);
  });

  it("resolves with the operation that goes on after timeoutMs, and reads less and less often", async () => {
    const { client, asked } = await stub(json(200, RUNNING));
    const waited = await client({ retryDelayMs: 0 }).bulkOperations.wait(ID, { timeoutMs: 300 });
    expect(waited).toEqual(RUNNING);
    // At once, after 100 ms and after 300 ms.
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  it.each([
    ["while it reads", hang],
    ["between two reads", json(200, RUNNING)],
  ])("throws the signal's own reason after an abort %s", async (_, answer) => {
    const { client } = await stub(answer);
    const aborter = new AbortController();
    const reason = { any: "value" };
    const { bulkOperations } = client();
    const waiting = thrown(bulkOperations.wait(ID, { signal: aborter.signal }));
    await delay(40);
    aborter.abort(reason);
    expect(await waiting).toBe(reason);
  });

  it.each([
    [404, "bulk_operation_not_found"],
    [401, "token_invalid"],
  ])("throws a refusal with %i %s at once", async (status, code) => {
    const { client, asked } = await stub(json(200, RUNNING), refusal(status, code));
    expect(await thrown(client().bulkOperations.wait(ID))).toMatchObject({ status, code });
    expect(asked).toHaveLength(2);
  });
});
