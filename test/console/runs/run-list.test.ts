/** How polls change the list that is shown. */

import { describe, expect, it } from "vitest";
import {
  begun,
  merged,
  patched,
  type RunList,
  type RunRow,
  rowIn,
  rowOf,
  unread,
  withoutRun,
  withUpdates,
} from "../../../src/console/runs/run-list.ts";
import { barsFor, barsOf } from "../../../src/console/runs/run-table.tsx";
import { countText, moved, type Status } from "../../../src/words/statuses.ts";
import { RUN } from "../../support/api/api-objects.ts";

const AT = Date.parse("2026-11-25T12:00:00Z");

/** `id`: one digit. Ids grow with time. */
function row(id: string, status: Status = "succeeded", seconds = 1, error: string | null = null): RunRow {
  const isEnded = status !== "pending" && status !== "running";
  return rowOf({
    ...RUN,
    id,
    status,
    createdAt: new Date(AT).toISOString(),
    startedAt: status === "pending" ? null : new Date(AT + 1000).toISOString(),
    completedAt: isEnded ? new Date(AT + 1000 + seconds * 1000).toISOString() : null,
    error,
  });
}

const ids = (rows: readonly RunRow[]) => rows.map(({ id }) => id).join("");
const statuses = (rows: readonly RunRow[]) => rows.map(({ status }) => status);
const list = (rows: readonly RunRow[], older: readonly RunRow[] = []): RunList => ({
  ...begun(rows, "c", null),
  older,
});

describe("a poll", () => {
  it("holds new runs back, and leaves the rows in their places", () => {
    const polled = merged(list([row("5"), row("4")]), [row("7"), row("6"), row("5"), row("4")]);
    expect([ids(polled.rows), ids(polled.fresh)]).toEqual(["54", "76"]);
  });

  it("finds a run that reached the list after a newer one", () => {
    expect(ids(merged(list([row("5"), row("3")]), [row("5"), row("4"), row("3")]).fresh)).toBe("4");
  });

  it("takes no run for new that is older than the rows", () => {
    expect(ids(merged(list([row("5"), row("4")]), [row("4"), row("3")]).fresh)).toBe("");
  });

  it("changes rows and bars in their places, and keeps rows that no longer match", () => {
    const before = list([row("5", "running"), row("4", "running")], [row("3", "pending")]);
    const polled = merged(before, [row("5"), row("3", "running")]);
    expect([ids(polled.rows), ids(polled.older)]).toEqual(["54", "3"]);
    expect(statuses([...polled.rows, ...polled.older])).toEqual(["succeeded", "running", "running"]);
  });

  it("without news leaves the very same list, so that nothing is drawn again", () => {
    const before = merged(list([row("5", "running")]), [row("6"), row("5", "running")]);
    expect(merged(before, [row("6"), row("5", "running")])).toBe(before);
  });

  it("never takes a run back, because a list can be behind", () => {
    const before = list([row("5", "failed"), row("4", "running")]);
    expect(statuses(merged(before, [row("5", "running"), row("4", "pending")]).rows)).toEqual(["failed", "running"]);
  });

  it("leaves open runs that it does not cover to be read alone", () => {
    const before = list([row("5", "running"), row("4", "running"), row("3")], [row("2", "pending")]);
    const read = [row("5", "running")];
    expect(unread(merged(before, read), read)).toEqual(["4", "2"]);
  });
});

it("the runs that were held back come with a new first page, and the strip keeps the older ones", () => {
  const before = merged(list([row("5"), row("4")], [row("3"), row("2")]), [row("6"), row("5"), row("4")]);
  const after = begun([row("6"), row("5")], "d", before);
  expect([ids(after.rows), ids(after.older), ids(after.fresh), after.next]).toEqual(["65", "432", "", "d"]);
});

it("a run that is gone leaves the list", () => {
  const after = withoutRun(list([row("5"), row("4")], [row("3")]), "4");
  expect([ids(after.rows), ids(after.older)]).toEqual(["5", "3"]);
  expect(ids(patched(after, [row("4")]).rows)).toBe("5");
});

it("a run that went on is counted where it is now, and a bound stays a bound", () => {
  const counts = { pending: 0, running: 3, succeeded: { atLeast: 1000 }, failed: 1200, cancelled: 0 };
  expect(moved(counts, "running", "failed")).toEqual({ ...counts, running: 2, failed: 1201 });
  expect(moved(counts, "running", "succeeded")).toEqual({ ...counts, running: 2 });
  expect(moved(counts, "pending", "running")).toEqual({ ...counts, running: 4 });
  expect(moved(counts, "failed", "failed")).toBe(counts);
  expect([countText(1200), countText({ atLeast: 1000 })]).toEqual(["1,200", "1,000+"]);
});

it("a run is found in the table and in the strip", () => {
  const shown = list([row("5"), row("4")], [row("3", "failed")]);
  expect([rowIn(shown, "3")?.status, rowIn(shown, "2")]).toEqual(["failed", undefined]);
});

it.each([
  ["Exit code 137: out of memory", "Exit code 137: out of memory"],
  ["\n\r\n  Error: x  \r\n    at y", "Error: x"],
  ["", null],
  [" \n\t\n", null],
  ["x".repeat(100_000), "x".repeat(300)],
  ["\n".repeat(100_000), null],
  [`${"x".repeat(299)}🚀`, `${"x".repeat(299)}\ufffd`],
])("a row has the first line of its error", (error, expected) => {
  expect(row("1", "failed", 1, error).problem).toBe(expected);
});

describe("the strip", () => {
  it("counts from a run's creation to its end, whenever it started", () => {
    const ran = row("2", "succeeded", 59);
    const waited = { ...ran, id: "1", startedAt: ran.completedAt };
    const [one, other] = barsOf([ran, waited], AT).map(({ height }) => height);
    expect(one).toBe(other);
  });

  it("stands oldest first, and a longer run is a higher bar, up to the whole height", () => {
    const bars = barsOf([row("3", "succeeded", 3600), row("2", "succeeded", 60), row("1", "succeeded", 0.1)], AT);
    expect(bars.map(({ row: { id } }) => id).join("")).toBe("123");
    const heights = bars.map(({ height }) => height);
    expect(heights).toEqual([...heights].sort((one, other) => one - other));
    expect(heights[0]).toBeGreaterThan(0.05);
    expect(heights[2]).toBe(1);
  });

  it("lets an open run grow until now", () => {
    const open = [row("2", "succeeded", 100), row("1", "running")];
    const heightAt = (now: number) => barsOf(open, now)[0]?.height ?? 0;
    expect(heightAt(AT + 50_000)).toBeGreaterThan(heightAt(AT + 5_000));
    // The clock of this machine may be behind the service's.
    expect(heightAt(AT - 5_000)).toBeGreaterThan(0);
  });

  it("is cut where one run took far longer than the others, so that these keep their heights", () => {
    const usual = Array.from({ length: 20 }, (_, n) => row(String(n + 10), "succeeded", 60 + n));
    const heightOf = (rows: readonly RunRow[], id: string) => barsOf(rows, AT).find((bar) => bar.row.id === id);
    const stuck = [row("99", "failed", 86_400), ...usual];
    expect(heightOf(stuck, "99")).toMatchObject({ height: 1, isCut: true });
    expect(barsOf(stuck, AT).filter(({ isCut }) => isCut)).toHaveLength(1);
    expect(heightOf(stuck, "10")?.height).toBeGreaterThan(0.7);
    // A run that took a little longer than the others is drawn to scale.
    const longer = [row("99", "failed", 120), ...usual];
    expect(heightOf(longer, "99")).toMatchObject({ height: 1, isCut: false });
    expect(barsOf([], AT)).toEqual([]);
  });

  it("has as many bars as fit, up to 200, and fewer that a finger can hit", () => {
    expect([0, 328, 5000].map((width) => barsFor(width, false))).toEqual([0, 65, 200]);
    expect([0, 328, 5000].map((width) => barsFor(width, true))).toEqual([0, 13, 200]);
  });
});

describe("what the feed tells", () => {
  const list: RunList = {
    rows: [row("5", "running"), row("4")],
    older: [row("2", "pending")],
    fresh: [row("7", "pending")],
    next: null,
  };
  const all = () => true;

  it("changes rows where they are, also those of the strip and those that are held back", () => {
    const told = withUpdates(list, [row("5", "failed"), row("2", "running"), row("7", "succeeded")], all);
    expect([statuses(told.rows), statuses(told.older), statuses(told.fresh)]).toEqual([
      ["failed", "succeeded"],
      ["running"],
      ["succeeded"],
    ]);
    expect(withUpdates(list, [row("5", "pending"), row("4")], all)).toBe(list);
  });

  it("holds new runs back, newest first, and only those that belong to the list", () => {
    const told = withUpdates(
      list,
      [row("6", "pending"), row("9", "failed"), row("8", "pending")],
      ({ status }) => status === "pending",
    );
    expect(ids(told.fresh)).toBe("876");
    // Older than the last row, and so on another page.
    expect(withUpdates(list, [row("3", "pending"), row("1", "pending")], all)).toBe(list);
  });
});
