import { expect, it } from "vitest";
import type { RunToTell } from "../../src/runs/telling.ts";
import type { FilteredEndpoint } from "../../src/webhook-endpoints/filtered-endpoints.ts";
import { candidates, matchOf, needsPrevious } from "../../src/webhook-endpoints/matching.ts";

const RUN: RunToTell = {
  ...{
    id: "r",
    kind: "ended",
    type: "action_run.failed",
    source: "action",
    actionName: "deploy",
    entityId: null,
  },
  ...{ labels: '["a","b"]', at: 1 },
};

function endpoint(filter: Partial<FilteredEndpoint["filter"]>, isDisabled = false): FilteredEndpoint {
  return {
    ...{ name: "chat", version: 7, createdVersion: 3, isDisabled },
    filter: {
      ...{ events: ["action_run.*"], actionNames: null, labels: [], includeUnstored: false },
      ...{ onlyOnChange: false, disabled: false, showsPrevious: false },
      ...filter,
    },
  };
}

it("a disabled endpoint hears of nothing, whoever disabled it", () => {
  // A message to it would be dropped at its first attempt, and its row would be written for nothing.
  expect(candidates([endpoint({}), endpoint({ disabled: true }), endpoint({}, true)], [RUN])).toHaveLength(1);
});

it("a match names the endpoint for ever, and has the outcome before", () => {
  expect(matchOf(endpoint({}), RUN, "succeeded")).toEqual({
    ...{ runId: "r", endpoint: "chat@3", previousStatus: "succeeded" },
  });
  expect(matchOf(endpoint({ onlyOnChange: true }), RUN, "failed")).toBeNull();
  expect(matchOf(endpoint({ onlyOnChange: true }), RUN, null)).not.toBeNull();
  expect(matchOf(endpoint({ onlyOnChange: true }), { ...RUN, source: "none" }, "failed")).not.toBeNull();
});

it("only an endpoint that shows or compares the outcome before needs it, and never for a cancelled run", () => {
  const needs = (filter: Partial<FilteredEndpoint["filter"]>, run: Partial<RunToTell> = {}) =>
    needsPrevious(endpoint(filter), { ...RUN, ...run });
  expect([needs({}), needs({ showsPrevious: true }), needs({ onlyOnChange: true })]).toEqual([
    false,
    true,
    true,
  ]);
  const [unstored, cancelled] = [{ source: "none" }, { type: "action_run.cancelled" }] as const;
  expect(needs({ onlyOnChange: true }, unstored)).toBe(false);
  expect(needs({ onlyOnChange: true, includeUnstored: true }, unstored)).toBe(true);
  expect(needs({ onlyOnChange: true, showsPrevious: true }, cancelled)).toBe(false);
});

it("a request for approval is compared with no outcome, and names and labels count for it as for an end", () => {
  const run: RunToTell = { ...RUN, kind: "approval", type: "action_run.approval_requested" };
  const compared = endpoint({ onlyOnChange: true, showsPrevious: true });
  expect(needsPrevious(compared, run)).toBe(false);
  expect(matchOf(compared, run, null)).toMatchObject({ previousStatus: null });
  const hears = (filter: Partial<FilteredEndpoint["filter"]>) => candidates([endpoint(filter)], [run]).length;
  expect([
    hears({}),
    hears({ events: ["action_run.approval_requested"], actionNames: ["deploy"], labels: ["b"] }),
    hears({ events: ["action_run.succeeded", "action_run.failed", "action_run.cancelled"] }),
    hears({ actionNames: ["other"] }),
    hears({ labels: ["c"] }),
  ]).toEqual([1, 1, 0, 0, 0]);
});
