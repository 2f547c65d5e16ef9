/** Callers that wait for a landing: each is released at its own time, and no timer is left when none waits. */

import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LandingWaiters } from "../../../src/runs/projection/landing-waiters.ts";
import { coordinator, createAged } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";

const MAX_MS = 2000;

describe("with a fake clock", () => {
  let waiters: LandingWaiters;
  let startedAt: number;

  beforeEach(() => {
    vi.useFakeTimers();
    waiters = new LandingWaiters();
    startedAt = Date.now();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** What a waiter was told, and how long after the test's start. */
  function wait(id: string, version = 1) {
    const told: { bookmark?: string | null; afterMs?: number } = {};
    void waiters.wait(id, version, MAX_MS).then((bookmark) => {
      Object.assign(told, { bookmark, afterMs: Date.now() - startedAt });
    });
    return told;
  }

  it("callers who came at different instants are each released after their own 2 s", async () => {
    const arrivals = [0, 0, 1, 300, 301, 1999, 2000, 2001, 3500, 9000];
    const told: ReturnType<typeof wait>[] = [];
    for (const [i, arrival] of arrivals.entries()) {
      await vi.advanceTimersByTimeAsync(startedAt + arrival - Date.now());
      // Two at a time wait for the same run.
      told.push(wait(`run-${i >> 1}`));
    }
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual(arrivals.map((arrival) => ({ bookmark: null, afterMs: arrival + MAX_MS })));
    expect(waiters.ids()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("a caller that is released does not release the others", async () => {
    const first = wait("a");
    await vi.advanceTimersByTimeAsync(500);
    const second = wait("b");
    waiters.settle("a", 1, "bookmark");
    await vi.advanceTimersByTimeAsync(0);
    expect(first).toEqual({ bookmark: "bookmark", afterMs: 500 });
    await vi.advanceTimersByTimeAsync(MAX_MS - 1);
    expect(second).toEqual({});
    await vi.advanceTimersByTimeAsync(1);
    expect(second).toEqual({ bookmark: null, afterMs: 2500 });
  });

  it("a caller that comes after all others left waits the whole 2 s", async () => {
    wait("a");
    await vi.advanceTimersByTimeAsync(1500);
    waiters.settle("a", 1, "bookmark");
    const next = wait("a", 2);
    await vi.advanceTimersByTimeAsync(MAX_MS - 1);
    expect(next).toEqual({});
    await vi.advanceTimersByTimeAsync(1);
    expect(next).toEqual({ bookmark: null, afterMs: 3500 });
  });

  it.each<[how: string, end: () => void]>([
    ["landed", () => ["a", "b"].map((id) => waiters.settle(id, 2, "bookmark"))],
    ["was released", () => waiters.releaseAll()],
  ])("no timer is left after the last of them %s", async (_how, end) => {
    wait("a");
    wait("a", 2);
    wait("b");
    expect(vi.getTimerCount()).toBe(3);
    waiters.settle("a", 1, "bookmark");
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(2);
    end();
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(waiters.ids()).toEqual([]);
  });

  it("no caller waits longer when the clock is set back", async () => {
    const told = wait("a");
    vi.setSystemTime(startedAt - 60_000);
    await vi.advanceTimersByTimeAsync(MAX_MS);
    expect(told.bookmark).toBeNull();
  });

  it("a landing of an earlier version releases no caller of a later one", async () => {
    const later = wait("a", 2);
    const earlier = wait("a", 1);
    waiters.settle("a", 1, "bookmark");
    await vi.advanceTimersByTimeAsync(0);
    expect([earlier.bookmark, later.bookmark]).toEqual(["bookmark", undefined]);
    expect(waiters.ids()).toEqual(["a"]);
  });
});

it("an object whose run has landed can be evicted at once", async () => {
  const path = newRunsPath();
  await createAged(path);
  const began = performance.now();
  await evictDurableObject(coordinator(path, 0));
  expect(performance.now() - began).toBeLessThan(1500);
});
