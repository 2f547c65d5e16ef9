/** Waiting for the end of a run, and of a bulk operation. */

import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Client, Schemas } from "../../src/client/index.ts";
import { OPERATION } from "../support/api/api-objects.ts";
import { type Answer, hang, json, page, RUN, refusal, reset, stub, thrown } from "./stub.ts";

const ENDED = { ...RUN, status: "failed", error: "no" };
const open = json(200, { ...RUN, status: "running" });
const ended = json(200, ENDED);
const waited = (asked: readonly { url: string | undefined }[]) =>
  asked.map(({ url }) => new URL(url ?? "", "http://x").searchParams.get("wait"));

/** Answers after `ms`, as the API does when it has waited. */
const late =
  (answer: Answer, ms: number): Answer =>
  async (response, asked) => {
    await delay(ms);
    await answer(response, asked);
  };

describe("a wait for the end of a run", () => {
  it("is one call if the run has ended", async () => {
    const { client, asked } = await stub(ended);
    expect(await client().runs.wait(RUN.id)).toEqual(ENDED);
    expect(waited(asked)).toEqual(["60"]);
  });

  it("repeats until the run has ended, also after errors", async () => {
    const { client, asked } = await stub(open, reset, open, refusal(503, "coordinator_unavailable"), open, ended);
    expect(await client().runs.wait(RUN.id)).toEqual(ENDED);
    expect(asked).toHaveLength(6);
  });

  it("may take longer than timeoutMs, because the API waits up to a minute", async () => {
    const { client, asked } = await stub(late(ended, 300));
    expect(await client({ timeoutMs: 100 }).runs.wait(RUN.id)).toEqual(ENDED);
    expect(asked).toHaveLength(1);
  });

  it("backs off if the API does not wait", async () => {
    const { client, asked } = await stub(open);
    const run = await client({ retryDelayMs: 500 }).runs.wait(RUN.id, { timeoutMs: 1500 });
    expect(run).toMatchObject({ status: "running" });
    expect(asked.length).toBeLessThan(15);
  });

  it("ends after timeoutMs with the open run", async () => {
    const { client, asked } = await stub(late(open, 1000));
    const startedAt = performance.now();
    expect(await client().runs.wait(RUN.id, { timeoutMs: 1900 })).toMatchObject({ status: "running" });
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(waited(asked)[0]).toBe("2");
    for (const seconds of waited(asked)) expect(Number(seconds)).toBeLessThanOrEqual(2);
  });
});

describe.each([
  ["a run", ({ runs }: Client, signal?: AbortSignal) => runs.wait(RUN.id, { signal })],
  ["a bulk operation", ({ bulkOperations }: Client, signal?: AbortSignal) => bulkOperations.wait(ID, { signal })],
])("a wait for %s", (_, wait) => {
  it.each([
    ["while it reads", hang],
    ["between two reads", open],
  ])("throws the signal's own reason after an abort %s", async (_when, answer) => {
    const { client } = await stub(answer);
    const reason = { any: "value" };
    const aborter = new AbortController();
    const waiting = thrown(wait(client({ retryDelayMs: 10_000 }), aborter.signal));
    await delay(60);
    aborter.abort(reason);
    expect(await waiting).toBe(reason);
  });

  it("throws a refusal at once", async () => {
    const { client, asked } = await stub(open, refusal(401, "token_invalid"));
    expect(await thrown(wait(client()))).toMatchObject({ code: "token_invalid", status: 401 });
    expect(asked).toHaveLength(2);
  });
});

const ID = OPERATION.id;
const RUNNING: Schemas["BulkOperation"] = OPERATION;
const COMPLETED = { ...RUNNING, status: "completed" };

describe("a wait for the end of a bulk operation", () => {
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
    const onProgress = ({ status }: Schemas["BulkOperation"]) => told.push(status);
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
});
