/** Times as people say them, in the reader's time zone, also on days on which the clocks change. */

import { afterEach, describe, expect, it } from "vitest";
import { isRelative, SINCE_PRESETS, sinceInstant, untilInstant } from "../../src/words/since.ts";

const ZONE = process.env.TZ;
afterEach(() => {
  // Node follows the variable at once. All test files share this process.
  if (ZONE === undefined) delete process.env.TZ;
  else process.env.TZ = ZONE;
});

function inZone(zone: string, read: typeof sinceInstant, text: string, now: string): string | null {
  process.env.TZ = zone;
  return read(text, new Date(now))?.toISOString() ?? null;
}

describe("since", () => {
  it.each([
    ["UTC", "today", "2026-11-25T12:00:00Z", "2026-11-25T00:00:00.000Z"],
    ["UTC", "yesterday", "2026-03-01T00:00:00Z", "2026-02-28T00:00:00.000Z"],
    ["Asia/Tokyo", "today", "2026-11-25T16:00:00Z", "2026-11-25T15:00:00.000Z"],
    ["America/Los_Angeles", "today", "2026-11-25T07:59:59Z", "2026-11-24T08:00:00.000Z"],
    ["Asia/Kathmandu", "yesterday", "2026-11-25T12:00:00Z", "2026-11-23T18:15:00.000Z"],
    // The clocks change: today has 23 hours, and then 25.
    ["Europe/Berlin", "today", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00.000Z"],
    ["Europe/Berlin", "yesterday", "2026-03-30T12:00:00Z", "2026-03-28T23:00:00.000Z"],
    ["Europe/Berlin", "today", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00.000Z"],
    ["Europe/Berlin", "yesterday", "2026-10-26T12:00:00Z", "2026-10-24T22:00:00.000Z"],
    ["Australia/Lord_Howe", "today", "2026-10-04T12:00:00Z", "2026-10-03T13:30:00.000Z"],
    // A day that has no midnight begins at one o'clock.
    ["Africa/Cairo", "today", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00.000Z"],
    // Hours are hours, whatever the clocks do.
    ["Europe/Berlin", "24h", "2026-03-29T12:00:00Z", "2026-03-28T12:00:00.000Z"],
    ["Europe/Berlin", "7d", "2026-03-30T12:00:00Z", "2026-03-23T12:00:00.000Z"],
    ["UTC", "1h", "2026-11-25T00:30:00Z", "2026-11-24T23:30:00.000Z"],
    ["UTC", "30m", "2026-11-25T00:00:00Z", "2026-11-24T23:30:00.000Z"],
    ["UTC", "2w", "2026-11-25T00:00:00Z", "2026-11-11T00:00:00.000Z"],
    ["Europe/Berlin", "2026-10-25", "2026-11-25T00:00:00Z", "2026-10-24T22:00:00.000Z"],
    ["Europe/Berlin", "2026-10-26T08:30", "2026-11-25T00:00:00Z", "2026-10-26T07:30:00.000Z"],
    ["Asia/Tokyo", "2026-10-26t08:30:00z", "2026-11-25T00:00:00Z", "2026-10-26T08:30:00.000Z"],
    ["Asia/Tokyo", "2026-10-26T08:30:00.5+02:00", "2026-11-25T00:00:00Z", "2026-10-26T06:30:00.500Z"],
  ])("in %s, %s at %s is %s", (zone, text, now, expected) => {
    expect(inZone(zone, sinceInstant, text, now)).toBe(expected);
  });

  it.each(["", "tomorrow", "Today", "1", "h", "1.5h", "-1h", "1y", "123456d", "2026-02-30", "2026-13-01", "26-01-01"])(
    "%j names no time",
    (text) => {
      expect([sinceInstant(text, new Date()), untilInstant(text, new Date())]).toEqual([null, null]);
    },
  );

  it("offers only presets that it knows, and that an address keeps", () => {
    expect(SINCE_PRESETS).toEqual(["1h", "today", "yesterday", "24h", "7d"]);
    expect(SINCE_PRESETS.every(isRelative)).toBe(true);
    expect(SINCE_PRESETS.map((preset) => sinceInstant(preset, new Date()))).not.toContain(null);
    expect(["2026-01-01", "todays", ""].some(isRelative)).toBe(false);
  });
});

describe("until", () => {
  it.each([
    // All of the day that it names.
    ["Europe/Berlin", "yesterday", "2026-03-30T12:00:00Z", "2026-03-29T22:00:00.000Z"],
    ["Europe/Berlin", "2026-10-25", "2026-11-25T00:00:00Z", "2026-10-25T23:00:00.000Z"],
    ["America/New_York", "today", "2026-11-01T12:00:00Z", "2026-11-02T05:00:00.000Z"],
    ["UTC", "2026-12-31", "2026-11-25T00:00:00Z", "2027-01-01T00:00:00.000Z"],
    ["UTC", "1h", "2026-11-25T01:00:00Z", "2026-11-25T00:00:00.000Z"],
  ])("in %s, %s at %s is %s", (zone, text, now, expected) => {
    expect(inZone(zone, untilInstant, text, now)).toBe(expected);
  });
});
