/** How the console writes durations and ages. */

import { describe, expect, it } from "vitest";
import { formatAge, formatDuration, ranOf, tookOf, waitedOf } from "../../src/words/durations.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("a duration", () => {
  it.each([
    [-5, "0ms"],
    [840, "840ms"],
    [12_340, "12.3s"],
    [59_960, "1m 00s"],
    [3 * MINUTE + 12 * SECOND, "3m 12s"],
    [59 * MINUTE + 59.6 * SECOND, "1h 00m"],
    [HOUR + 4 * MINUTE, "1h 04m"],
    [2 * DAY + 3 * HOUR, "2d 3h"],
  ])("of %i ms is %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it("that still grows has no parts of a second, and never runs ahead", () => {
    const texts = [200, 1999, MINUTE - 1, MINUTE + 1999].map((ms) => formatDuration(ms, { isRunning: true }));
    expect(texts).toEqual(["0s", "1s", "59s", "1m 01s"]);
  });
});

describe("an age", () => {
  it.each([
    [0, "now"],
    [12_900, "12s ago"],
    [119 * SECOND, "1m ago"],
    [3 * HOUR, "3h ago"],
    [50 * HOUR, "2d ago"],
    [-90 * SECOND, "in 1m"],
  ])("of %i ms is %s", (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });
});

describe("the times of a run", () => {
  const [created, started, ended] = ["12:00:00", "12:00:10", "12:00:40"].map((time) => `2026-11-25T${time}.000Z`);
  it.each([
    ["that ended", started, ended, [created, started], [started, ended], [created, ended]],
    ["that runs", started, null, [created, started], [started, null], [created, null]],
    ["that is pending", null, null, null, null, [created, null]],
    ["that ended before it started", null, ended, null, null, [created, ended]],
    ["whose job reported only its end", ended, ended, null, null, [created, ended]],
  ])("%s are counted from the same instants everywhere", (_, startedAt, completedAt, ...expected) => {
    const run = { createdAt: created ?? "", startedAt: startedAt ?? null, completedAt: completedAt ?? null };
    const spans = [waitedOf(run), ranOf(run), tookOf(run)].map((span) => span && [span.from, span.to]);
    expect(spans).toEqual(expected);
  });
});
