/** What the pages of schedules say and hold: times in their zones, and the fields of a definition. */

import { describe, expect, it } from "vitest";
import { unshownOf } from "../../src/console/definitions/members.ts";
import { emptyIn, firstSchedule, SCHEDULE_FIELDS } from "../../src/console/schedules/schedule-editor.tsx";
import { localText, scheduleLabel } from "../../src/console/schedules/schedule-pages.tsx";
import { scheduleLabel as labelOfRuns } from "../../src/runs/starts.ts";

describe("a time of a schedule", () => {
  it.each([
    ["2026-11-26T01:30:00.000Z", "Thu, 26 Nov 2026, 01:30"],
    ["2026-11-26T02:30:00.000+01:00", "Thu, 26 Nov 2026, 02:30 +01:00"],
    // Its own day, and not that of UTC.
    ["2027-01-01T00:15:00.000+05:30", "Fri, 1 Jan 2027, 00:15 +05:30"],
    ["2026-12-31T20:00:00.000-03:00", "Thu, 31 Dec 2026, 20:00 -03:00"],
  ])("%s is shown as the clocks of its zone show it", (local, shown) => {
    expect(localText(local)).toBe(shown);
  });
});

describe("the fields of a schedule", () => {
  const whole = { ...firstSchedule("Europe/Berlin"), action: "deploy" };
  it.each([
    [whole, null],
    [{ ...whole, labels: ["a"] }, null],
    // What somebody types is no JSON at first.
    [{ ...whole, parameters: "{ " }, null],
    [{ ...whole, parameters: [1] }, "parameters"],
    [{ ...whole, cron: 5 }, "cron"],
    [{ ...whole, labels: [1] }, "labels"],
    [{ ...whole, disabled: "yes" }, "disabled"],
    [{ ...whole, jitter: 3 }, "jitter"],
  ])("%j: can show it, unless of the member %j", (definition, member) => {
    expect(unshownOf(definition, SCHEDULE_FIELDS)).toBe(member);
  });

  it("must not be empty", () => {
    expect(emptyIn(firstSchedule("UTC"))).toEqual(["/action"]);
    expect(emptyIn({})).toEqual(["/action", "/cron", "/timezone"]);
    expect([emptyIn(whole), emptyIn(null)]).toEqual([[], []]);
  });
});

it("the runs of a schedule have the label by which the page finds them", () => {
  expect(scheduleLabel("nightly")).toBe(labelOfRuns("nightly"));
});
