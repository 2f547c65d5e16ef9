/** The filters of the run list in the address. */

import { describe, expect, it } from "vitest";
import {
  atCursor,
  filterOf,
  fromFieldTime,
  isFiltered,
  toFieldTime,
  withLabel,
  withoutFilters,
  withoutLabel,
  withStatusToggled,
  withText,
} from "../../src/console/runs/filters.ts";

const query = (text: string) => new URLSearchParams(text);

describe("the filter that the API gets", () => {
  it("has all that the address names, and nothing else", () => {
    const address = query(
      "status=failed&status=running&actionName=a%26b&label=x&label=y&entityId=&other=1&cursor=c",
    );
    expect(filterOf(address)).toEqual({
      status: ["failed", "running"],
      actionName: "a&b",
      label: ["x", "y"],
    });
  });

  it("keeps a status that is none, because the API's refusal says what to change", () => {
    expect(filterOf(query("status=exploded"))).toEqual({ status: ["exploded"] });
  });
});

describe("a change of the filters", () => {
  const address = "label=x&status=failed&cursor=c";

  it.each([
    ["adds a status", withStatusToggled(query(address), "running"), "label=x&status=failed&status=running"],
    ["removes a status", withStatusToggled(query(address), "failed"), "label=x"],
    [
      "sets a text without its spaces",
      withText(query(address), "actionName", " a b "),
      "label=x&status=failed&actionName=a+b",
    ],
    ["replaces a text", withText(query("actionName=a&label=x"), "actionName", "b"), "label=x&actionName=b"],
    ["removes a text", withText(query("actionName=a&label=x"), "actionName", ""), "label=x"],
    ["adds a label", withLabel(query(address), "y"), "label=x&status=failed&label=y"],
    ["adds no label twice", withLabel(query("label=x&label=y"), "x"), "label=y&label=x"],
    ["removes one label", withoutLabel(query("label=x&label=y"), "x"), "label=y"],
    ["removes all filters", withoutFilters(query(`${address}&other=1`)), "other=1"],
  ])("%s, and leads to the newest runs", (_, changed, expected) => {
    expect(changed.toString()).toBe(expected);
  });

  it("leaves the address that it began with", () => {
    const before = query(address);
    withoutFilters(atCursor(before, "d"));
    expect(before.toString()).toBe(address);
  });
});

it("a cursor alone is no filter", () => {
  expect([query("cursor=c"), query("actionName="), query("label=x")].map(isFiltered)).toEqual([
    false,
    false,
    true,
  ]);
});

it("an instant goes into a field and back, to the minute", () => {
  const iso = "2026-11-25T13:21:00.000Z";
  expect(fromFieldTime(toFieldTime(iso))).toBe(iso);
  expect([toFieldTime("yesterday"), fromFieldTime(""), fromFieldTime("x")]).toEqual(["", "", ""]);
});
