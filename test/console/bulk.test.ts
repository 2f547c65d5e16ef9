/** What the dialog of a bulk operation asks and says, and how an operation is shown. */

import { describe, expect, it } from "vitest";
import type { Schemas } from "../../src/client/index.ts";
import { chipsOfFilter, countsText, markOf, paceOf, titleOf, whyAborted } from "../../src/console/bulk/bulk-words.tsx";
import { boundTo, outlookOf, type Target, targetOf, verbOf } from "../../src/console/bulk/selection.ts";
import { chipsOf } from "../../src/console/runs/filters.ts";
import { OPERATION } from "../support/api/api-objects.ts";

const NOW = new Date("2026-11-29T12:00:00Z");
/** The bound that a dialog sends. */
const boundOf = (target: Target) => ("maxRuns" in target ? target.maxRuns : null);
const NONE = { pending: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };

function preview(byStatus: Partial<typeof NONE>, more: Partial<Schemas["BulkPreview"]> = {}): Schemas["BulkPreview"] {
  const all = { ...NONE, ...byStatus };
  const matched = Object.values(all).reduce((sum, count) => sum + count, 0);
  return { matched, byStatus: all, newest: [], wouldStart: 0, ...more };
}

describe("the dialog asks", () => {
  const query = new URLSearchParams("status=failed&label=a&label=b&since=1h&actionName=deploy&cursor=abc");

  it("for the selected runs by their ids, without a bound", () => {
    const target = targetOf({ kind: "runs", ids: new Set(["b", "a"]), anchor: null }, query, NOW, false);
    expect(target).toEqual({ runIds: ["b", "a"] });
    expect(boundTo(target, preview({ failed: 1 }))).toEqual(target);
  });

  it("for the filter with the instant that it has now, and for no page of it", () => {
    expect(targetOf({ kind: "filter" }, query, NOW, false)).toEqual({
      filter: {
        status: ["failed"],
        labels: ["a", "b"],
        actionName: "deploy",
        createdAfter: "2026-11-29T11:00:00.000Z",
      },
      maxRuns: 500,
    });
  });

  it("for more runs if the token manages actions", () => {
    expect(boundOf(targetOf({ kind: "filter" }, query, NOW, true))).toBe(10_000);
  });

  it("then for no more runs than it has shown", () => {
    const target = targetOf({ kind: "filter" }, query, NOW, true);
    expect(boundOf(boundTo(target, preview({ failed: 60 })))).toBe(60);
  });
});

describe("the dialog says", () => {
  it.each([
    ["cancel", { pending: 30, running: 8, failed: 2 }, 38, "38 can be cancelled, 2 have ended."],
    ["retry", { failed: 1, cancelled: 1, succeeded: 1200 }, 1202, "1,202 can be retried."],
  ] as const)("what a %s can do with %o", (operation, byStatus, able, sentence) => {
    expect(outlookOf(operation, preview(byStatus), false)).toEqual({ able, sentence, refusal: null });
  });

  it.each([
    ["nothing matches", preview({}), "No run matches any more."],
    ["nothing can change", preview({ failed: 2 }), "Nothing would happen."],
    [
      "the service gave up counting",
      preview({}, { matched: { atLeast: 40 } }),
      "The service could not look at all runs. Add a filter, such as a time.",
    ],
    [
      "too many match",
      preview({}, { matched: { atLeast: 501 } }),
      "More than 500 runs match. Add a filter. A token of the role admin may change more.",
    ],
  ])("why it can't begin if %s", (_, of, refusal) => {
    expect(outlookOf("cancel", of, false).refusal).toBe(refusal);
  });

  it("on its button what it does", () => {
    expect([verbOf("cancel", 38), verbOf("retry", 1), verbOf("retry", null)]).toEqual([
      "Cancel 38 runs",
      "Retry 1 run",
      "Retry runs",
    ]);
  });
});

function operation(more: Partial<Schemas["BulkOperation"]>): Schemas["BulkOperation"] {
  return {
    ...OPERATION,
    status: "completed",
    counts: { matched: 40, accepted: 38, skipped: 2, failed: 0, remaining: 0 },
    ...more,
  };
}

describe("an operation is shown", () => {
  it.each([
    [operation({}), "Cancel of 40 runs", "completed"],
    [operation({ status: "collecting" }), "Cancel of runs", "collecting"],
    [operation({ status: "running", abortReason: "asked" }), "Cancel of 40 runs", "stopping"],
    [operation({ status: "aborted", abortReason: "asked" }), "Cancel of 40 runs", "stopped"],
    [operation({ status: "aborted", abortReason: "token_revoked" }), "Cancel of 40 runs", "aborted"],
  ])("with its name and its state", (shown, title, word) => {
    expect([titleOf(shown), markOf(shown).word]).toEqual([title, word]);
  });

  it("with a lower bound if there were too many runs, and with the reason", () => {
    const counts = { matched: { atLeast: 41 }, accepted: 0, skipped: 0, failed: 0, remaining: { atLeast: 41 } };
    const refused = operation({ operation: "retry", status: "aborted", abortReason: "too_many_runs", counts });
    expect([titleOf(refused), countsText(counts)]).toEqual(["Retry of 41+ runs", "0 accepted, 41+ remaining"]);
    expect(whyAborted(refused)).toContain("so it did nothing");
  });

  it("with its counts", () => {
    expect(countsText(operation({}).counts)).toBe("38 accepted, 2 skipped");
  });

  it("with its filter as the list shows it", () => {
    const filter = { labels: ["b", "a"], status: ["failed" as const], group: "shop", createdBefore: "2026-11-29" };
    const query = "group=shop&createdBefore=2026-11-29&label=b&label=a&status=failed";
    expect(chipsOfFilter(filter)).toEqual(chipsOf(new URLSearchParams(query)));
  });

  it("anew while it works, and more seldom until the runs of a cancel have ended", () => {
    const ended = { succeeded: 1, failed: 0, cancelled: 30 };
    const paces = [
      operation({ status: "running" }),
      operation({ ended }),
      operation({ ended: null }),
      operation({ ended: { ...ended, cancelled: 37 } }),
      operation({ operation: "retry" }),
    ].map(paceOf);
    expect(paces).toEqual([2000, 10_000, 10_000, undefined, undefined]);
  });
});
