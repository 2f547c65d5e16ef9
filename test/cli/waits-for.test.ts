/** What a run waits for, in words, and times ahead. */

import { afterEach, describe, expect, test } from "vitest";
import { failingText, localText, waitsForText } from "../../src/cli/run-text.ts";
import { laterOf } from "../../src/cli/times.ts";

import type { Schemas } from "../../src/client/index.ts";
import { RUN } from "./misbehaving.ts";

type Gated = Pick<Schemas["ActionRunDetails"], "waiting" | "approval">;
type Waiting = NonNullable<Schemas["ActionRunDetails"]["waiting"]>;

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const NOW = Date.parse("2026-11-29T20:00:00Z");
const BY_ADA = { by: "ada", byId: "root", via: null, at: RUN.createdAt, reason: null };
const OTHER = "01a212de-9b55-8003-a8a9-dd2c000000";

function waits(waiting: Partial<Waiting>, approval: Gated["approval"] = null): string {
  const usual = { notBefore: null, group: null, key: null, reason: null };
  const times = { since: RUN.createdAt, until: RUN.createdAt };
  return waitsForText({ waiting: { for: "approval", ...times, ...usual, ...waiting }, approval }, NOW);
}

describe("a run that waits", () => {
  const time = { for: "time", notBefore: "2026-11-30T05:00:00.000Z" } as const;
  const queued = { for: "concurrency", group: "deploys", key: "shop" } as const;

  test.each<[string, Partial<Waiting>, Gated["approval"]?]>([
    ["starts 2026-11-30 06:00 +01:00, in 9h 00m", time],
    ["starts 2026-11-30 06:00 +01:00, in 9h 00m, if it is approved", time, { required: 1, approvals: [] }],
    ["starts 2026-11-30 06:00 +01:00, in 9h 00m", time, { required: 1, approvals: [BY_ADA] }],
    ["starts 2026-11-29 21:12 +01:00, in 12m 05s", { ...time, notBefore: "2026-11-29T20:12:05.000Z" }],
    ["starts 2026-11-29 21:00 +01:00, in 1s", { ...time, notBefore: "2026-11-29T20:00:00.500Z" }],
    ["starts 2026-11-29 21:00 +01:00", { ...time, notBefore: "2026-11-29T20:00:00.000Z" }],
    ["waits for approval", {}, { required: 1, approvals: [] }],
    ["waits for approval, 1 of 2", {}, { required: 2, approvals: [BY_ADA] }],
    ["waits for a slot of deploys (shop)", queued],
    ["waits for a slot of deploys", { ...queued, key: null, position: null, behind: [] }],
    ["waits for a slot of deploys (shop), 1st, behind 148ea617", { ...queued, position: 1, behind: [RUN.id] }],
    [
      "waits for a slot of deploys (shop), 22nd, behind 148ea617, 00000001 and 1 more",
      { ...queued, position: 22, behind: [RUN.id, `${OTHER}01`, `${OTHER}02`] },
    ],
    ["waits for a slot of deploys (shop), 3rd", { ...queued, position: 3 }],
    ["waits for a slot of deploys (shop), 13th", { ...queued, position: 13 }],
    ["paused · lunch", { for: "pause", reason: "lunch" }],
    ["waits for the moon", { for: "the moon" as "pause" }],
  ])("%s", (expected, waiting, approval) => {
    process.env.TZ = "Europe/Berlin";
    expect(waits(waiting, approval)).toBe(expected);
  });

  test("shows no control characters", () => {
    const evil = "\x1b[2J\r\n\u202e";
    for (const kind of ["time", "approval", "concurrency", "pause"] as const) {
      const texts = { for: kind, notBefore: evil, group: evil, key: evil, reason: evil, behind: [evil] };
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal acts on them.
      expect(waits(texts)).not.toMatch(/[\x00-\x1f\u202e]/);
    }
  });
});

test("a run that does not wait says nothing", () => {
  expect(waitsForText({ waiting: null, approval: { required: 1, approvals: [] } }, NOW)).toBe("");
  expect(failingText({ delivery: null }, NOW)).toBe("");
});

test.each([
  ["America/St_Johns", "2026-11-30 01:30 -03:30"],
  ["Asia/Kathmandu", "2026-11-30 10:45 +05:45"],
  ["UTC", "2026-11-30 05:00 +00:00"],
])("in %s, an instant is %s", (TZ, expected) => {
  process.env.TZ = TZ;
  expect(localText("2026-11-30T05:00:00.000Z")).toBe(expected);
});

test.each([
  ["+30m", "2026-11-29T20:30:00.000Z"],
  ["+2h", "2026-11-29T22:00:00.000Z"],
  ["+30d", "2026-12-29T20:00:00.000Z"],
  ["2026-11-30T06:00:00+01:00", "2026-11-30T06:00:00+01:00"],
  ["2026-11-30t06:00z", "2026-11-30t06:00z"],
  ["2h", null],
  ["+2", null],
  ["+1.5h", null],
  ["+9999999d", null],
  ["2026-11-30T06:00:00", null],
  ["2026-11-30", null],
  ["tomorrow", null],
  ["", null],
])("%j is %j", (text, expected) => {
  expect(laterOf(text, NOW)).toBe(expected);
});

test.each([
  ["2026-11-29T20:00:12.000Z", "tried again in 12s"],
  ["2026-11-29T20:00:00.000Z", "being tried again"],
  [null, "being tried again"],
])("a run that its receiver did not take says why, with the next attempt at %s", (nextAttemptAt, next) => {
  const delivery = { attempts: 3, reason: "ci.example answered 503\u001b.", nextAttemptAt };
  expect(failingText({ delivery }, NOW)).toBe(`ci.example answered 503\\u001b, ${next}`);
});
