/** Waiting for a run's end. */

import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Answer, hang, json, RUN, refusal, reset, stub, thrown } from "./stub.ts";

const ENDED = { ...RUN, status: "failed", error: "no" };
const open = json(200, { ...RUN, status: "running" });
const ended = json(200, ENDED);
const waited = (asked: readonly { url: string | undefined }[]) =>
  asked.map(({ url }) => new URL(url ?? "", "http://x").searchParams.get("wait"));

/** As the API answers when time is up, a second being shorter here. */
const late =
  (answer: Answer, ms: number): Answer =>
  async (response, asked) => {
    await delay(ms);
    await answer(response, asked);
  };

describe("a wait", () => {
  it("is one call where the run has ended", async () => {
    const { client, asked } = await stub(ended);
    expect(await client().runs.wait(RUN.id)).toEqual(ENDED);
    expect(waited(asked)).toEqual(["60"]);
  });

  it("is repeated until the run has ended, over faults too", async () => {
    const { client, asked } = await stub(
      open,
      reset,
      open,
      refusal(503, "coordinator_unavailable"),
      open,
      ended,
    );
    expect(await client().runs.wait(RUN.id)).toEqual(ENDED);
    expect(asked).toHaveLength(6);
  });

  it("outlasts what other calls may take, for the answer may be a minute away", async () => {
    const { client, asked } = await stub(late(ended, 300));
    expect(await client({ timeoutMs: 100 }).runs.wait(RUN.id)).toEqual(ENDED);
    expect(asked).toHaveLength(1);
  });

  it("is no hail of calls on an API that does not wait", async () => {
    const { client, asked } = await stub(open);
    const run = await client({ retryDelayMs: 500 }).runs.wait(RUN.id, { timeoutMs: 1500 });
    expect(run).toMatchObject({ status: "running" });
    expect(asked.length).toBeLessThan(15);
  });

  it("of timeoutMs asks for no longer, and gives the run as it is then", async () => {
    const { client, asked } = await stub(late(open, 1000));
    const startedAt = performance.now();
    expect(await client().runs.wait(RUN.id, { timeoutMs: 1900 })).toMatchObject({ status: "running" });
    expect(performance.now() - startedAt).toBeLessThan(3500);
    expect(waited(asked)[0]).toBe("2");
    for (const seconds of waited(asked)) expect(Number(seconds)).toBeLessThanOrEqual(2);
  });

  it.each([
    ["while the API waits", hang],
    ["while the client does", open],
  ])("ends by an abort %s with the signal's own reason", async (_, answer) => {
    const { client } = await stub(answer);
    const reason = { any: "value" };
    const aborter = new AbortController();
    const waiting = thrown(client({ retryDelayMs: 10_000 }).runs.wait(RUN.id, { signal: aborter.signal }));
    await delay(60);
    aborter.abort(reason);
    expect(await waiting).toBe(reason);
  });

  it("of a run that is not there throws", async () => {
    const { client } = await stub(refusal(404, "run_not_found"));
    expect(await thrown(client().runs.wait(RUN.id))).toMatchObject({ code: "run_not_found", status: 404 });
  });
});
