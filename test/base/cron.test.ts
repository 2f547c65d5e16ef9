import { describe, expect, it } from "vitest";
import { cronFault, isTimeZone, lastTime, localTime, nextTimes } from "../../src/base/cron.ts";

const NOW = Date.parse("2026-12-01T00:00:00Z");
const faultOf = (cron: string, timezone = "UTC") => cronFault({ cron, timezone }, NOW);
const times = (cron: string, timezone: string, after: string, count: number) =>
  nextTimes({ cron, timezone }, Date.parse(after), count);
/** As short as the tables below need them. */
const shown = (all: readonly number[]) => all.map((at) => new Date(at).toISOString().slice(5, 16)).join(" ");

describe("a cron", () => {
  it.each([
    ["*/15 9-17 * * MON-FRI", "12-01T09:00 12-01T09:15 12-01T09:30"],
    ["0 0 1,15 * *", "12-15T00:00 01-01T00:00 01-15T00:00"],
    ["5-20/5 0 * * *", "12-01T00:05 12-01T00:10 12-01T00:15"],
    ["0 0 * * sat-sun", "12-05T00:00 12-06T00:00 12-12T00:00"],
    ["0 0 * * 7", "12-06T00:00 12-13T00:00 12-20T00:00"],
    ["0 0 1 jan-mar/2 *", "01-01T00:00 03-01T00:00 01-01T00:00"],
    // Either day is enough.
    ["0 0 3 * MON", "12-03T00:00 12-07T00:00 12-14T00:00"],
    // A leap day is less than five years away.
    ["0 0 29 2 *", "02-29T00:00 02-29T00:00 02-29T00:00"],
    ["@hourly", "12-01T01:00 12-01T02:00 12-01T03:00"],
    ["@daily", "12-02T00:00 12-03T00:00 12-04T00:00"],
    ["@weekly", "12-06T00:00 12-13T00:00 12-20T00:00"],
    ["@monthly", "01-01T00:00 02-01T00:00 03-01T00:00"],
  ])("%s has these times", (cron, expected) => {
    expect(faultOf(cron)).toBeNull();
    expect(shown(nextTimes({ cron, timezone: "UTC" }, NOW, 3))).toBe(expected);
  });

  const PART = "send *, a number, a range such as 1-5, a step such as */5 or 1-30/5, or a list of numbers and ranges.";
  it.each([
    ["", "has not five fields; send minute, hour, day of the month, month and day of the week."],
    ["0 0 0 * * *", "has not five fields; send minute, hour, day of the month, month and day of the week."],
    ["0\t0\t*\t*\t*", "has not five fields; send minute, hour, day of the month, month and day of the week."],
    ["2027-01-01T00:00:00", "has not five fields; send minute, hour, day of the month, month and day of the week."],
    ["@yearly", "has an unknown name; send one of @hourly, @daily, @weekly, @monthly, or five fields."],
    ["@constructor", "has an unknown name; send one of @hourly, @daily, @weekly, @monthly, or five fields."],
    ["60 * * * *", "has a fault in the field minute: send numbers from 0 to 59."],
    ["0x1 * * * *", "has a fault in the field minute: send numbers from 0 to 59."],
    ["-1 * * * *", `has a fault in the field minute: ${PART}`],
    ["1.5 * * * *", `has a fault in the field minute: ${PART}`],
    ["1,,2 * * * *", `has a fault in the field minute: ${PART}`],
    ["5/10 * * * *", `has a fault in the field minute: ${PART}`],
    ["*/0 * * * *", "has a fault in the field minute: a step is a number from 1 to 59."],
    ["*/60 * * * *", "has a fault in the field minute: a step is a number from 1 to 59."],
    ["*,5 * * * *", "has a fault in the field minute: * stands alone, or with a step as in */5."],
    ["0 24 * * *", "has a fault in the field hour: send numbers from 0 to 23."],
    ["0 17-9 * * *", "has a fault in the field hour: a range goes from the lower to the higher value."],
    ["0 0 L * *", "has a fault in the field day of the month: send numbers from 1 to 31."],
    ["0 0 15W * *", "has a fault in the field day of the month: send numbers from 1 to 31."],
    ["0 0 ? * *", `has a fault in the field day of the month: ${PART}`],
    ["0 0 1 FOO *", "has a fault in the field month: send numbers from 1 to 12, or a name such as FEB."],
    ["0 0 * * 1#2", `has a fault in the field day of the week: ${PART}`],
    ["0 0 * * toString", "has a fault in the field day of the week: send numbers from 0 to 7, or a name such as MON."],
    ["0 0 30 2 *", "has no time in the next five years."],
    ["0 0 31 4,6,9,11 *", "has no time in the next five years."],
  ])("%j is refused", (cron, fault) => {
    expect(faultOf(cron)).toBe(fault);
  });
});

describe("when the clocks change", () => {
  it.each([
    // Europe/Berlin skips 02:00 to 03:00 on 28 March 2027. What falls into the gap comes when it is over.
    ["30 2 * * *", "Europe/Berlin", "2027-03-26T23:00Z", "03-27T01:30 03-28T01:00 03-29T00:30"],
    ["0 2 * * *", "Europe/Berlin", "2027-03-26T23:00Z", "03-27T01:00 03-28T01:00 03-29T00:00"],
    ["0,30 2 * * *", "Europe/Berlin", "2027-03-27T12:00Z", "03-28T01:00 03-29T00:00 03-29T00:30"],
    ["0 2,14 * * *", "Europe/Berlin", "2027-03-27T14:00Z", "03-28T01:00 03-28T12:00 03-29T00:00"],
    ["0 1-3 * * *", "Europe/Berlin", "2027-03-27T12:00Z", "03-28T00:00 03-28T01:00 03-28T23:00"],
    ["0 * * * *", "Europe/Berlin", "2027-03-27T23:30Z", "03-28T00:00 03-28T01:00 03-28T02:00"],
    ["*/30 * * * *", "Europe/Berlin", "2027-03-28T00:00Z", "03-28T00:30 03-28T01:00 03-28T01:30"],
    // It repeats 02:00 to 03:00 on 31 October. What falls into it comes once, and what follows the clock twice.
    ["30 2 * * *", "Europe/Berlin", "2027-10-30T12:00Z", "10-31T00:30 11-01T01:30 11-02T01:30"],
    ["0-30/30 2 * * *", "Europe/Berlin", "2027-10-30T12:00Z", "10-31T00:00 10-31T00:30 11-01T01:00"],
    ["30 * * * *", "Europe/Berlin", "2027-10-31T00:00Z", "10-31T00:30 10-31T01:30 10-31T02:30"],
    ["*/30 2 * * *", "Europe/Berlin", "2027-10-30T12:00Z", "10-31T00:00 10-31T00:30 10-31T01:00"],
    ["0 1-3 * * *", "Europe/Berlin", "2027-10-30T22:00Z", "10-30T23:00 10-31T00:00 10-31T02:00"],
    // America/New_York: 14 March and 7 November 2027.
    ["30 2 * * *", "America/New_York", "2027-03-13T05:00Z", "03-13T07:30 03-14T07:00 03-15T06:30"],
    ["0 0 * * *", "America/New_York", "2027-03-13T12:00Z", "03-14T05:00 03-15T04:00 03-16T04:00"],
    ["30 1 * * *", "America/New_York", "2027-11-06T12:00Z", "11-07T05:30 11-08T06:30 11-09T06:30"],
    ["30 * * * *", "America/New_York", "2027-11-07T05:00Z", "11-07T05:30 11-07T06:30 11-07T07:30"],
    // Australia/Lord_Howe moves by half an hour: 3 October and 4 April 2027.
    ["15 2 * * *", "Australia/Lord_Howe", "2027-10-01T00:00Z", "10-01T15:45 10-02T15:30 10-03T15:15"],
    ["45 1 * * *", "Australia/Lord_Howe", "2027-04-02T00:00Z", "04-02T14:45 04-03T14:45 04-04T15:15"],
    ["*/15 * * * *", "Australia/Lord_Howe", "2027-04-03T14:30Z", "04-03T14:45 04-03T15:00 04-03T15:15"],
    // Midnight does not exist in America/Santiago on 5 September 2027.
    ["0 0 * * *", "America/Santiago", "2027-09-04T12:00Z", "09-05T04:00 09-06T03:00 09-07T03:00"],
    // Antarctica/Troll moves by two hours.
    ["0 1 * * *", "Antarctica/Troll", "2027-03-27T12:00Z", "03-28T01:00 03-28T23:00 03-29T23:00"],
    ["0 2 * * *", "UTC", "2027-03-27T12:00Z", "03-28T02:00 03-29T02:00 03-30T02:00"],
  ])("%s in %s has these times after %s", (cron, timezone, after, expected) => {
    expect(shown(times(cron, timezone, after, 3))).toBe(expected);
  });

  it.each(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "America/Santiago", "UTC"])(
    "each last time in %s is the one before the next",
    (timezone) => {
      for (const cron of ["30 2 * * *", "*/7 1-3 * * *", "0 2,14 * * *", "45 1 * * *", "0 0 1 * 1", "0 */2 * * *"]) {
        const all = times(cron, timezone, "2027-01-01T00:00Z", 800);
        const before = all.slice(1).map((at) => lastTime({ cron, timezone }, at - 1));
        expect(before).toEqual(all.slice(0, -1));
        expect(lastTime({ cron, timezone }, all[5] ?? 0)).toBe(all[5]);
      }
    },
  );
});

it("an instant is shown with the offset of its zone", () => {
  const at = Date.parse("2027-03-28T01:00:00Z");
  expect(localTime(at, "Europe/Berlin")).toBe("2027-03-28T03:00:00.000+02:00");
  expect(localTime(at - 1000, "Europe/Berlin")).toBe("2027-03-28T01:59:59.000+01:00");
  expect(localTime(at, "America/New_York")).toBe("2027-03-27T21:00:00.000-04:00");
  expect(localTime(at, "Asia/Kathmandu")).toBe("2027-03-28T06:45:00.000+05:45");
  expect(localTime(at, "UTC")).toBe("2027-03-28T01:00:00.000+00:00");
});

it("a time zone is a name that the runtime knows, and no offset", () => {
  const known = ["Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "UTC", "Asia/Kolkata"];
  const unknown = ["", "Europe/Atlantis", "+01:00", "01:00", "../etc", "Europe/Berlin ", "<script>", "__proto__"];
  expect(known.filter(isTimeZone)).toEqual(known);
  expect(unknown.filter(isTimeZone)).toEqual([]);
});
