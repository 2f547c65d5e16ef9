/** The days that somebody picks from a calendar. */

import { expect, it } from "vitest";
import { chipsOfDays } from "../../../src/console/runs/search-box.tsx";

const midnight = (day: string) => new Date(`${day}T00:00:00`).toISOString();

it.each([
  ["2026-11-20", "2026-11-22", { createdAfter: "2026-11-20", createdBefore: "2026-11-23" }],
  ["2026-11-20", "2026-11-20", { createdAfter: "2026-11-20", createdBefore: "2026-11-21" }],
  ["2026-11-20", "", { createdAfter: "2026-11-20" }],
  ["", "2026-11-20", { createdBefore: "2026-11-21" }],
])("from %j to %j, the last one included", (from, to, expected) => {
  const chips = Object.entries(expected).map(([name, day]) => ({ name, value: midnight(day) }));
  expect(chipsOfDays(from, to)).toEqual(chips);
});

it.each([
  ["", "", "Pick at least one day."],
  ["2026-11-21", "2026-11-20", "The first day is after the last one. Swap them."],
  ["2026-02-30", "", "Pick a day of the calendar."],
])("from %j to %j is refused with what to do", (from, to, problem) => {
  expect(chipsOfDays(from, to)).toBe(problem);
});
