/** The pause between flights: clamp(50 ms, 50 × (smoothed answer − best answer of the last minutes), 2 s). */

import { describe, expect, it } from "vitest";
import { PAUSE_MAX_MS, PAUSE_MIN_MS, Pace } from "../../../src/runs/projection/pace.ts";
import { MINUTE_MS } from "../../support/direct.ts";

/** No jitter. */
const MIDDLE = 0.5;
const START = Date.UTC(2026, 0, 1);

/** A pace that has seen these answers, one each second. */
function paceAfter(...answers: readonly number[]): Pace {
  const pace = new Pace();
  for (const [i, ms] of answers.entries()) pace.landed(ms, START + i * 1000);
  return pace;
}

const repeated = (times: number, ms: number) => Array.from({ length: times }, () => ms);

describe("the pause", () => {
  it("is 50 ms before the first answer", () => {
    expect(PAUSE_MIN_MS).toBe(50);
    expect(new Pace().pauseMs).toBe(50);
  });

  it("is 50 ms while D1 answers evenly, however far D1 is", () => {
    for (const ms of [0, 5, 300, 5000]) expect(paceAfter(...repeated(100, ms)).pauseMs).toBe(50);
  });

  it.each<[answers: number[], expected: number]>([
    // An eighth of the difference counts at once, and each ms of it is worth 50 ms.
    [[10, 18], 50],
    [[10, 26], 100],
    [[10, 50], 250],
    [[10, 26, 26], 50 * (16 / 8 + (16 * 7) / 64)],
    [[300, 316], 100],
    [[0, 1000], 2000],
    [[10, 10_000], 2000],
    // A better answer than ever is the best at once: 50 × (18 − 8 / 8 − 10).
    [[18, 10], 350],
  ])("after answers of %j ms it is %d ms", (answers, expected) => {
    expect(paceAfter(...answers).pauseMs).toBeCloseTo(expected, 9);
  });

  it("is never longer than 2 s", () => {
    expect(PAUSE_MAX_MS).toBe(2000);
    expect(paceAfter(10, ...repeated(100, 60_000)).pauseMs).toBe(2000);
  });

  it("comes back to 50 ms when D1 is fast again", () => {
    const pace = paceAfter(10, ...repeated(20, 2000));
    expect(pace.pauseMs).toBe(2000);
    for (let n = 0; n < 100; n++) pace.landed(10, START + 30_000 + n * 1000);
    expect(pace.pauseMs).toBe(50);
  });

  it("forgets a best answer after 5 to 10 minutes, because D1 may have moved", () => {
    const pace = paceAfter(10);
    const far = (minutes: number) => {
      for (let n = 0; n < 60; n++) pace.landed(200, START + minutes * MINUTE_MS + n);
    };
    far(4);
    expect(pace.pauseMs).toBe(2000);
    far(5);
    expect(pace.pauseMs).toBe(2000);
    far(9.9);
    expect(pace.pauseMs).toBe(2000);
    far(10.1);
    expect(pace.pauseMs).toBe(50);
  });

  it("forgets a best answer although the clock stepped back", () => {
    const pace = paceAfter(10);
    const past = START - 60 * MINUTE_MS;
    for (const minutes of [0, 5, 10]) {
      for (let n = 0; n < 60; n++) pace.landed(200, past + minutes * MINUTE_MS + n);
    }
    expect(pace.pauseMs).toBe(50);
  });
});

describe("a flight may leave", () => {
  it("at once if none has left before", () => {
    expect(new Pace().waitMs(START, false, MIDDLE)).toBe(0);
  });

  it("a pause after the last one left, and at once if that is over", () => {
    const pace = new Pace();
    pace.departed(START);
    expect([0, 20, 49, 50, 51, 60_000].map((ms) => pace.waitMs(START + ms, false, MIDDLE))).toEqual([
      50, 30, 1, 0, 0, 0,
    ]);
  });

  it("up to 20 % before or after that, so that coordinators do not fly together", () => {
    for (const [answers, pause] of [
      [[10], 50],
      [[10, 50], 250],
      [[10, 10_000], 2000],
    ] as const) {
      const pace = paceAfter(...answers);
      pace.departed(START);
      expect(pace.waitMs(START, false, 0)).toBeCloseTo(0.8 * pause, 9);
      expect(pace.waitMs(START, false, 0.25)).toBeCloseTo(0.9 * pause, 9);
      expect(pace.waitMs(START, false, 1)).toBeCloseTo(1.2 * pause, 9);
    }
  });

  it.each([[[10]], [[10, 50]], [[10, 10_000]]])(
    "50 ms after the last if it is full, after answers of %j ms",
    (answers) => {
      const pace = paceAfter(...answers);
      pace.departed(START);
      expect(pace.waitMs(START, true, MIDDLE)).toBeCloseTo(50, 9);
    },
  );

  it("never later than a pause from now, when the clock stepped back", () => {
    const pace = new Pace();
    pace.departed(START);
    expect(pace.waitMs(START - 60 * MINUTE_MS, false, MIDDLE)).toBeLessThanOrEqual(50);
  });

  it("no later because of one that failed, since nothing of it is noted but its departure", () => {
    const pace = paceAfter(10);
    for (let n = 0; n < 10; n++) pace.departed(START + n * 10_000);
    expect(pace.pauseMs).toBe(50);
  });
});
