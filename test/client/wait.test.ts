/** Waiting for a run's end, and reading the run as it is. */

import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Answer, hang, json, RUN, refusal, reset, stub, thrown } from "./stub.ts";

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

describe("a wait", () => {
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

  it.each([
    ["while the API waits", hang],
    ["while the client does", open],
  ])("throws the signal's own reason after an abort %s", async (_, answer) => {
    const { client } = await stub(answer);
    const reason = { any: "value" };
    const aborter = new AbortController();
    const waiting = thrown(client({ retryDelayMs: 10_000 }).runs.wait(RUN.id, { signal: aborter.signal }));
    await delay(60);
    aborter.abort(reason);
    expect(await waiting).toBe(reason);
  });

  it("for a missing run throws", async () => {
    const { client } = await stub(refusal(404, "run_not_found"));
    expect(await thrown(client().runs.wait(RUN.id))).toMatchObject({ code: "run_not_found", status: 404 });
  });
});

describe("a get", () => {
  it("says once if the run can lack its newest changes, and otherwise says nothing", async () => {
    const { client } = await stub(json(200, RUN, { "Action-Runs-Stale": "true" }), json(200, RUN));
    let stale = 0;
    const onStale = () => stale++;
    expect(await client().runs.get(RUN.id, { onStale })).toEqual(RUN);
    expect(stale).toBe(1);
    expect(await client().runs.get(RUN.id, { onStale })).toEqual(RUN);
    expect(stale).toBe(1);
  });
});
