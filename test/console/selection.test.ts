/** Which runs of the list are selected. */

import { describe, expect, it } from "vitest";
import {
  allToggled,
  areAllSelected,
  filterKey,
  isNothing,
  isSelected,
  matchedCount,
  NOTHING,
  pairOf,
  type Selection,
  selectionText,
  toggled,
} from "../../src/console/bulk/selection.ts";

const SHOWN = ["9", "8", "7", "6", "5"];

/** The ids, in the order of the alphabet. */
const ids = (selection: Selection) => (selection.kind === "filter" ? "all" : [...selection.ids].sort().join(""));

/** Presses boxes, one after another. `+`: with Shift. */
function pressed(presses: readonly string[], shown = SHOWN, from: Selection = NOTHING): Selection {
  return presses.reduce(
    (selection, press) => toggled(selection, shown, press.replace("+", ""), press.startsWith("+")),
    from,
  );
}

it("two selected runs can be compared, the older one first, and no other number of them", () => {
  expect(
    [pressed(["9"]), pressed(["9", "5"]), pressed(["9", "5", "7"]), { kind: "filter" } as const].map(pairOf),
  ).toEqual([null, ["5", "9"], null, null]);
});

describe("a press of a checkbox", () => {
  it.each([
    ["selects a run", ["8"], "8"],
    ["leaves a selected run out", ["8", "6", "8"], "6"],
    ["selects with Shift all rows from the last press down", ["8", "+6"], "678"],
    ["selects with Shift all rows from the last press up", ["6", "+9"], "6789"],
    ["leaves out a range that ends at a selected run", ["9", "+5", "8", "8", "+6"], "59"],
    ["begins a new range at each press", ["9", "6", "+5"], "569"],
    ["with Shift selects one run if none was pressed before", ["+7"], "7"],
  ])("%s: %j leads to %s", (_, presses, selected) => {
    expect(ids(pressed(presses))).toBe(selected);
  });

  it("keeps the runs of another page, and begins no range there", () => {
    const first = pressed(["9", "8"]);
    expect(ids(pressed(["+3"], ["4", "3"], first))).toBe("389");
    expect(ids(pressed(["4", "+3"], ["4", "3"], first))).toBe("3489");
  });

  it("keeps the selection when new rows come, and a range includes those between", () => {
    expect(ids(pressed(["+6"], ["c", "b", "8", "a", "7", "6"], pressed(["8"])))).toBe("678a");
  });

  it("on a run of everything that matches leaves the rows that are shown without that run", () => {
    expect(ids(pressed(["7"], SHOWN, { kind: "filter" }))).toBe("5689");
  });
});

it("the box in the head selects all rows of the page, and then none of them", () => {
  const other = pressed(["3"], ["3"]);
  const all = allToggled(other, SHOWN);
  expect([ids(all), areAllSelected(all, SHOWN), ids(allToggled(all, SHOWN))]).toEqual(["356789", true, "3"]);
  expect([areAllSelected(other, SHOWN), areAllSelected(all, [])]).toEqual([false, false]);
  expect(isNothing(allToggled({ kind: "filter" }, SHOWN))).toBe(true);
});

it("everything that matches includes runs that are not shown", () => {
  expect([isSelected({ kind: "filter" }, "unseen"), isNothing({ kind: "filter" })]).toEqual([true, false]);
});

describe("a selection ends", () => {
  const key = (query: string) => filterKey(new URLSearchParams(query));

  it.each(["status=failed", "label=b&label=a", "label=a", "since=2h&label=a&label=b", "waiting=any"])(
    "with another filter: %s",
    (query) => {
      expect(key(query)).not.toBe(key("label=a&label=b"));
    },
  );

  it("with no other page of the list", () => {
    expect(key("cursor=abc&label=a&label=b")).toBe(key("label=a&label=b"));
  });

  it("with a value that only looks like two filters", () => {
    expect(key("actionName=a%26label%3Db")).not.toBe(key("actionName=a&label=b"));
  });
});

describe("how many runs match", () => {
  const counts = { pending: 3, running: 4, succeeded: { atLeast: 1000 }, failed: 60, cancelled: 0 };
  const matched = (query: string) => matchedCount(counts, new URLSearchParams(query));

  it("is the sum over the statuses of the filter", () => {
    expect([matched("status=failed"), matched("status=pending&status=running")]).toEqual([60, 7]);
  });

  it("is only a lower bound if one count is one", () => {
    expect(matched("label=a")).toEqual({ atLeast: 1067 });
  });

  it("is a part of what is read out", () => {
    expect(selectionText(pressed(["9"]), 7)).toBe("1 run selected");
    expect(selectionText(pressed(["9", "+7"]), 7)).toBe("3 runs selected");
    expect(selectionText({ kind: "filter" }, { atLeast: 1067 })).toBe("All 1,067+ runs that match are selected");
  });
});
