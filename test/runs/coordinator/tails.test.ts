/** The memory of tails: how much it keeps, and how often it wakes the streams of a run. */

import { describe, expect, it, vi } from "vitest";
import { READ_COUNTS_MS, TAIL_EVERY_MS, TAILS_MAX_BYTES, Tails } from "../../../src/runs/coordinator/subscriptions.ts";

const NOW = Date.parse("2026-11-25T13:21:48Z");

function given() {
  const notify = vi.fn();
  return { notify, tails: new Tails({ notify, isFollowed: () => false }) };
}

describe("the memory", () => {
  it("keeps 4 MiB over all runs, and forgets what was sent longest ago", () => {
    const { tails } = given();
    const text = "é".repeat(4096);
    const runs = Math.floor(TAILS_MAX_BYTES / 8192) + 1;
    for (let n = 0; n < runs; n++) {
      tails.note(`${n}`, text, NOW);
      // Sent again, so it is not the oldest.
      tails.note("0", text, NOW);
    }
    const kept = Array.from({ length: runs }, (_, n) => tails.of(`${n}`) !== null);
    expect([kept[0], kept[1], kept.at(-1)]).toEqual([true, false, true]);
    const bytes = kept.filter(Boolean).length * 8192;
    expect(bytes).toBeLessThanOrEqual(TAILS_MAX_BYTES);
    expect(bytes).toBeGreaterThan(TAILS_MAX_BYTES * 0.95);
  });

  it("forgets a run that has ended, also that somebody has read it", () => {
    const { tails } = given();
    tails.note("a", "one", NOW);
    tails.noteRead("a", NOW);
    expect([tails.of("a")?.text, tails.isWatched("a", NOW)]).toEqual(["one", true]);
    tails.drop("a");
    expect([tails.of("a"), tails.isWatched("a", NOW)]).toEqual([null, false]);
  });

  it("remembers 1000 reads", () => {
    const { tails } = given();
    for (let n = 0; n < 1001; n++) tails.noteRead(`${n}`, NOW);
    expect([0, 1, 1000].map((n) => tails.isWatched(`${n}`, NOW))).toEqual([false, true, true]);
    expect(tails.isWatched("1", NOW + READ_COUNTS_MS)).toBe(false);
  });
});

describe("the streams of a run", () => {
  it("are woken at once, then once a second, each time for the newest tail", () => {
    vi.useFakeTimers({ now: NOW });
    const { notify, tails } = given();
    tails.note("a", "0", NOW);
    expect(notify.mock.calls).toEqual([["a"]]);
    const first = tails.after("a", 0);
    for (let n = 1; n < 10; n++) tails.note("a", `${n}`, NOW + n);
    expect(notify).toHaveBeenCalledTimes(1);
    // A stream that has one waits, and one that begins does not.
    expect(tails.after("a", first?.at ?? 0)).toBeNull();
    expect(tails.after("a", 0)?.text).toBe("9");
    vi.advanceTimersByTime(TAIL_EVERY_MS);
    expect(notify).toHaveBeenCalledTimes(2);
    expect(tails.after("a", first?.at ?? 0)?.text).toBe("9");
    vi.advanceTimersByTime(10 * TAIL_EVERY_MS);
    expect(notify).toHaveBeenCalledTimes(2);
    vi.useRealTimers();
  });

  it("are not woken for the same text again, which keeps its instant", () => {
    const { notify, tails } = given();
    tails.note("a", "0", NOW);
    tails.note("a", "0", NOW + 60_000);
    expect([notify.mock.calls.length, tails.of("a")?.at]).toEqual([1, NOW]);
  });

  it("see two tails of one millisecond, or of a clock that steps back, as two", () => {
    const { notify, tails } = given();
    tails.note("a", "0", NOW);
    tails.note("b", "0", NOW);
    tails.note("b", "1", NOW - 60_000);
    expect([tails.of("a")?.at, tails.of("b")?.at]).toEqual([NOW, NOW + 1]);
    // An instant in the future counts as long ago, so nobody waits for the clock.
    expect(notify).toHaveBeenCalledTimes(3);
  });

  it("are not woken for a run that has ended meanwhile", () => {
    vi.useFakeTimers({ now: NOW });
    const { notify, tails } = given();
    tails.note("a", "0", NOW);
    tails.note("a", "1", NOW);
    tails.drop("a");
    vi.advanceTimersByTime(TAIL_EVERY_MS);
    expect(notify).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  });
});
