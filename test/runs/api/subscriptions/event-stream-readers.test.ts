/**
 * How long a stream waits for a reader, and for news. Nothing here makes a run: on a fake clock, the timers of a
 * coordinator would ring in the test, where it can't use them.
 */

import { describe, expect, it, vi } from "vitest";
import { streamEvents } from "../../../../src/runs/api/following.ts";
import type { TimelineAnswer } from "../../../../src/runs/run-calls.ts";

describe("a reader", () => {
  const NOTHING: TimelineAnswer = { ok: true, events: [], lastSeq: 1, newestSeq: 1, isOver: false };
  const FIRST: TimelineAnswer = { ...NOTHING, events: ['{"seq":1,"type":"created"}'] };

  function source(next: () => Promise<TimelineAnswer | null> = async () => NOTHING) {
    const asked: [seq: number, maxMs: number][] = [];
    const left = vi.fn();
    const from = {
      next: (seq: number, maxMs: number) => {
        asked.push([seq, maxMs]);
        return next();
      },
      leave: left,
    };
    return { asked, left, reader: streamEvents(FIRST, from).getReader() };
  }

  async function pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  it("that does not read causes no fetch of events", async () => {
    const { asked, reader } = source();
    await scheduler.wait(50);
    expect(asked).toEqual([]);
    await reader.read();
    await scheduler.wait(50);
    expect(asked).toEqual([]);
    await reader.read();
    await scheduler.wait(50);
    expect(asked).toHaveLength(1);
    await reader.cancel();
  });

  it.each([
    ["the first piece", 0],
    ["what comes after the first piece", 1],
    ["what comes later", 3],
  ])("that does not read %s for 30 s is dropped, and its subscription ends", async (_what, reads) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const { left, reader, asked } = source();
    for (let n = 0; n < reads; n++) await reader.read();
    await pass(29_000);
    expect(left).not.toHaveBeenCalled();
    await pass(2000);
    expect(left).toHaveBeenCalledTimes(1);
    await expect(reader.read()).rejects.toThrow();
    expect(asked.length).toBeLessThanOrEqual(reads);
  });

  it("that reads each piece just before 30 s pass is kept", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const { left, reader } = source();
    for (let n = 0; n < 8; n++) {
      expect((await reader.read()).done).toBe(false);
      await pass(29_000);
    }
    expect(left).not.toHaveBeenCalled();
    await reader.cancel();
  });

  it("that waits a long time for news does not count as slow", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const { promise, resolve } = Promise.withResolvers<TimelineAnswer>();
    const { left, reader } = source(() => promise);
    await reader.read();
    const coming = reader.read();
    await pass(60_000);
    expect(left).not.toHaveBeenCalled();
    resolve(NOTHING);
    expect((await coming).done).toBe(false);
    await reader.cancel();
  });

  it("that cancels while it waits for news leaves at once", async () => {
    const { promise, resolve } = Promise.withResolvers<TimelineAnswer>();
    const { left, reader } = source(() => promise);
    await reader.read();
    const coming = reader.read();
    await reader.cancel();
    expect(left).toHaveBeenCalledTimes(1);
    expect((await coming).done).toBe(true);
    resolve(NOTHING);
    await scheduler.wait(10);
    expect(left).toHaveBeenCalledTimes(1);
  });

  it.each<[string, () => Promise<TimelineAnswer | null>]>([
    ["can't be reached any more", () => Promise.reject(new Error("gone"))],
    ["knows of no run any more", async () => null],
  ])("of a run whose coordinator %s gets a clean end of the stream", async (_why, next) => {
    const { left, reader } = source(next);
    await reader.read();
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    expect(left).toHaveBeenCalled();
  });

  it("waits at most 15 s at a time, and never past 5 minutes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const { asked, reader } = source();
    await reader.read();
    for (const ms of [1000, 289_000, 9000, 1001]) {
      await reader.read();
      vi.setSystemTime(Date.now() + ms);
    }
    expect(asked.map(([, maxMs]) => maxMs)).toEqual([15_000, 15_000, 10_000, 1000]);
    expect((await reader.read()).done).toBe(true);
    expect(asked).toHaveLength(4);
  });
});
