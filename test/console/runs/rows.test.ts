/** What a row of the list has room for, which runs are made by hand, and which parameters stand near the top of a run. */

import { describe, expect, it } from "vitest";
import { areFew } from "../../../src/console/run/values.tsx";
import { isByHand } from "../../../src/console/runs/run-list.ts";
import { labelsThatFit } from "../../../src/console/runs/run-table.tsx";
import { timesIn } from "../../../src/console/ui/time.tsx";
import { DETAILS } from "../../support/api/api-objects.ts";

describe("labels", () => {
  const labels = ["team:payments", "region:eu", "x".repeat(64)];
  it("of which there is one are cut rather than counted, if there is room for its beginning", () => {
    expect([labelsThatFit(["team:payments"], 59), labelsThatFit(["team:payments"], 60)]).toEqual([0, 1]);
  });
  it.each([
    [0, 0],
    // The first one, and the chip that counts the others.
    [140, 1],
    [220, 2],
    // The last one needs no such chip.
    [310, 3],
  ])("of %i pixels: %i stand in the row", (roomPx, count) => {
    expect(labelsThatFit(labels, roomPx)).toBe(count);
  });
});

it.each([
  ["action", false],
  ["trigger", true],
  ["none", true],
] as const)("a run whose source is %s is by hand: %s", (source, expected) => {
  expect(isByHand({ details: { ...DETAILS, source } })).toBe(expected);
});

describe("parameters", () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, index]));
  it.each([
    ["none", {}, false],
    ["eight numbers", many(8), true],
    ["nine numbers", many(9), false],
    ["texts, null and booleans", { version: "1.4.2", note: null, dryRun: false }, true],
    ["a list", { services: [] }, false],
    ["a long text", { script: "x".repeat(201) }, false],
  ] as const)("%s: near the top %s", (_, parameters, expected) => {
    expect(areFew(parameters)).toBe(expected);
  });
});

describe("times in UTC", () => {
  const year = new Date().getUTCFullYear();
  it("say the day and the time of this year, and the year of another one", () => {
    const { short } = timesIn("UTC");
    expect(short(`${year}-01-02T03:04:05Z`)).toBe("2 Jan 03:04");
    expect(short(`${year - 1}-12-31T23:59:59Z`)).toBe(`31 Dec ${year - 1}`);
  });
  it("are named as such in titles", () => {
    expect(timesIn("UTC").exact("2026-01-02T03:04:05Z")).toMatch(/3:04:05.*UTC/);
  });
});
