/** Times as people say them, in the reader's time zone, also on days on which the clocks change. */

import { afterEach, describe, expect, it } from "vitest";
import {
  isRelative,
  LOCAL,
  laterInstant,
  SINCE_PRESETS,
  sinceInstant,
  UTC,
  untilInstant,
} from "../../src/words/since.ts";

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
    ["UTC", "3h ago", "2026-11-25T12:00:00Z", "2026-11-25T09:00:00.000Z"],
    ["UTC", "in 2h", "2026-11-25T12:00:00Z", "2026-11-25T14:00:00.000Z"],
    ["UTC", " NOW ", "2026-11-25T12:00:00Z", "2026-11-25T12:00:00.000Z"],
    ["Europe/Berlin", "2026-11-28 18:00", "2026-11-25T12:00:00Z", "2026-11-28T17:00:00.000Z"],
    ["Europe/Berlin", "2026-11-28  18:00:30.5", "2026-11-25T12:00:00Z", "2026-11-28T17:00:30.500Z"],
    // 2026-11-25 is a Wednesday.
    ["UTC", "wednesday", "2026-11-25T12:00:00Z", "2026-11-25T00:00:00.000Z"],
    ["UTC", "last wednesday", "2026-11-25T12:00:00Z", "2026-11-18T00:00:00.000Z"],
    ["UTC", "Tue", "2026-11-25T12:00:00Z", "2026-11-24T00:00:00.000Z"],
    ["UTC", "last tuesday", "2026-11-25T12:00:00Z", "2026-11-24T00:00:00.000Z"],
    ["UTC", "thursday", "2026-11-25T12:00:00Z", "2026-11-19T00:00:00.000Z"],
    ["UTC", "wednesday 13:00", "2026-11-25T12:00:00Z", "2026-11-18T13:00:00.000Z"],
    ["UTC", "wednesday 12:00", "2026-11-25T12:00:00Z", "2026-11-25T12:00:00.000Z"],
    ["UTC", "yesterday 18:00", "2026-11-25T12:00:00Z", "2026-11-24T18:00:00.000Z"],
    ["UTC", "9:30", "2026-11-25T12:00:00Z", "2026-11-25T09:30:00.000Z"],
    ["UTC", "18:00", "2026-11-25T12:00:00Z", "2026-11-24T18:00:00.000Z"],
    ["Asia/Tokyo", "sunday", "2026-11-28T16:00:00Z", "2026-11-28T15:00:00.000Z"],
    ["America/Los_Angeles", "friday 18:00", "2026-11-28T01:00:00Z", "2026-11-21T02:00:00.000Z"],
    // The clocks went forward on Sunday, and back on Sunday.
    ["Europe/Berlin", "saturday 18:00", "2026-03-30T12:00:00Z", "2026-03-28T17:00:00.000Z"],
    ["Europe/Berlin", "sunday 18:00", "2026-03-30T12:00:00Z", "2026-03-29T16:00:00.000Z"],
    ["Europe/Berlin", "saturday", "2026-10-26T12:00:00Z", "2026-10-23T22:00:00.000Z"],
    // 02:30 is skipped, and comes twice.
    ["Europe/Berlin", "2026-03-29 02:30", "2026-03-30T12:00:00Z", "2026-03-29T01:30:00.000Z"],
    ["Europe/Berlin", "2026-10-25 02:30", "2026-10-26T12:00:00Z", "2026-10-25T00:30:00.000Z"],
    ["America/New_York", "2026-11-01 01:30", "2026-11-26T12:00:00Z", "2026-11-01T05:30:00.000Z"],
  ])("in %s, %s at %s is %s", (zone, text, now, expected) => {
    expect(inZone(zone, sinceInstant, text, now)).toBe(expected);
  });

  it("is in UTC if the reader wants UTC, whatever the machine says", () => {
    process.env.TZ = "Asia/Tokyo";
    const now = new Date("2026-11-25T16:00:00Z");
    expect(sinceInstant("today", now, UTC)).toEqual(new Date("2026-11-25T00:00:00Z"));
    expect(sinceInstant("today", now, LOCAL)).toEqual(new Date("2026-11-25T15:00:00Z"));
    expect(sinceInstant("tue 18:00", now, UTC)).toEqual(new Date("2026-11-24T18:00:00Z"));
  });

  it.each(["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Africa/Cairo", "Pacific/Apia"])(
    "each local time of a year in %s is what Date makes of it",
    (zone) => {
      process.env.TZ = zone;
      for (let hour = 0; hour < 366 * 24; hour++) {
        const day = new Date(Date.UTC(2026, 0, 1, hour, 15)).toISOString().slice(0, 16);
        expect([day, sinceInstant(day, new Date())]).toEqual([day, new Date(day)]);
      }
    },
  );

  it.each([
    ...["", " ", "1", "h", "1.5h", "-1h", "1y", "123456d", "+1h ago", "2026-02-30", "2026-13-01", "26-01-01"],
    ...["week", "last week", "last today", "next", "last", "su", "friyay", "fridayy", "last last friday"],
    ...["24:00", "18:60", "18", "6pm", "friday 25:00", "friday friday", "18:00 friday", "2h 18:00", "18:00 18:00"],
    ...["2026-02-30 18:00", "2026-11-28 18:00:61", "2026-11-28 24:00", "2026-11-28T18:00+99:99", "now 18:00"],
    ...["2026-11-28T18:00:00+01", "a".repeat(1000), "last ".repeat(1000), "९:००"],
  ])("%j names no time", (text) => {
    const now = new Date();
    expect([sinceInstant, untilInstant, laterInstant].map((read) => read(text, now))).toEqual([null, null, null]);
  });

  it("offers only presets that it knows, and that an address keeps", () => {
    expect(SINCE_PRESETS).toEqual(["1h", "today", "yesterday", "24h", "7d"]);
    expect(SINCE_PRESETS.every(isRelative)).toBe(true);
    expect(SINCE_PRESETS.map((preset) => sinceInstant(preset, new Date()))).not.toContain(null);
    expect(["friday", "last tuesday", "18:00", "mon 18:00"].every(isRelative)).toBe(true);
    expect(["2026-01-01", "2026-01-01 18:00", "todays", ""].some(isRelative)).toBe(false);
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
    ["UTC", "tuesday", "2026-11-25T12:00:00Z", "2026-11-25T00:00:00.000Z"],
    ["UTC", "tuesday 18:00", "2026-11-25T12:00:00Z", "2026-11-24T18:00:00.000Z"],
    ["Europe/Berlin", "sunday", "2026-03-30T12:00:00Z", "2026-03-29T22:00:00.000Z"],
  ])("in %s, %s at %s is %s", (zone, text, now, expected) => {
    expect(inZone(zone, untilInstant, text, now)).toBe(expected);
  });
});

describe("a time ahead", () => {
  it.each([
    ["UTC", "2h", "2026-11-25T12:00:00Z", "2026-11-25T14:00:00.000Z"],
    ["UTC", "+30m", "2026-11-25T12:00:00Z", "2026-11-25T12:30:00.000Z"],
    ["UTC", "1h ago", "2026-11-25T12:00:00Z", "2026-11-25T11:00:00.000Z"],
    ["UTC", "18:00", "2026-11-25T12:00:00Z", "2026-11-25T18:00:00.000Z"],
    ["UTC", "06:00", "2026-11-25T12:00:00Z", "2026-11-26T06:00:00.000Z"],
    ["UTC", "12:00", "2026-11-25T12:00:00Z", "2026-11-26T12:00:00.000Z"],
    ["UTC", "tomorrow", "2026-11-25T12:00:00Z", "2026-11-26T00:00:00.000Z"],
    ["UTC", "tomorrow 09:00", "2026-11-25T12:00:00Z", "2026-11-26T09:00:00.000Z"],
    ["UTC", "wednesday", "2026-11-25T12:00:00Z", "2026-12-02T00:00:00.000Z"],
    ["UTC", "wednesday 18:00", "2026-11-25T12:00:00Z", "2026-11-25T18:00:00.000Z"],
    ["UTC", "wednesday 06:00", "2026-11-25T12:00:00Z", "2026-12-02T06:00:00.000Z"],
    ["UTC", "next wednesday 18:00", "2026-11-25T12:00:00Z", "2026-12-02T18:00:00.000Z"],
    ["UTC", "next friday", "2026-11-25T12:00:00Z", "2026-11-27T00:00:00.000Z"],
    ["UTC", "last friday", "2026-11-25T12:00:00Z", "2026-11-20T00:00:00.000Z"],
    ["Europe/Berlin", "friday 18:00", "2026-11-25T12:00:00Z", "2026-11-27T17:00:00.000Z"],
    ["Europe/Berlin", "sunday 02:30", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00.000Z"],
    ["Europe/Berlin", "monday", "2026-10-24T12:00:00Z", "2026-10-25T23:00:00.000Z"],
    ["Europe/Berlin", "2026-12-24", "2026-11-25T12:00:00Z", "2026-12-23T23:00:00.000Z"],
    ["Europe/Berlin", "2026-12-24T18:00:00Z", "2026-11-25T12:00:00Z", "2026-12-24T18:00:00.000Z"],
  ])("in %s, %s at %s is %s", (zone, text, now, expected) => {
    expect(inZone(zone, laterInstant, text, now)).toBe(expected);
  });
});
