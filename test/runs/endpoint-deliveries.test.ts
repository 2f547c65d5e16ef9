import { expect, it } from "vitest";
import { type EndpointFilter, hears, needsPrevious, type RunWithEvent } from "../../src/runs/endpoint-deliveries.ts";

const RUN: RunWithEvent = {
  id: "r",
  seq: 1,
  endedSeq: 1,
  kind: "ended",
  type: "action_run.failed",
  source: "action",
  actionName: "deploy",
  entityId: null,
  labels: '["a","b"]',
  at: 1,
  bytes: 1,
  previousStatus: null,
  isFinal: true,
};

function endpoint(filter: Partial<EndpointFilter>): { readonly filter: EndpointFilter } {
  return {
    filter: {
      events: ["action_run.*"],
      actionNames: null,
      labels: [],
      includeUnstored: false,
      onlyOnChange: false,
      final: false,
      disabled: false,
      showsPrevious: false,
      ...filter,
    },
  };
}

it("only a change is heard by an endpoint that compares, and what is not known is a change", () => {
  const hearsAfter = (filter: Partial<EndpointFilter>, run: Partial<RunWithEvent>) =>
    hears(endpoint(filter), { ...RUN, ...run });
  const compares = { onlyOnChange: true };
  expect([
    hearsAfter({}, { previousStatus: "failed" }),
    hearsAfter(compares, { previousStatus: "failed" }),
    hearsAfter(compares, { previousStatus: "succeeded" }),
    hearsAfter(compares, { previousStatus: null }),
    hearsAfter(compares, { previousStatus: "failed", source: "none" }),
    hearsAfter({ ...compares, includeUnstored: true }, { previousStatus: "failed", source: "none" }),
  ]).toEqual([true, false, true, true, true, false]);
});

it("only an endpoint that shows or compares the outcome before needs it", () => {
  const needs = (filter: Partial<EndpointFilter>) => needsPrevious(endpoint(filter));
  expect([needs({}), needs({ showsPrevious: true }), needs({ onlyOnChange: true })]).toEqual([false, true, true]);
});

it("a request for approval is compared with no outcome, and names and labels count for it as for an end", () => {
  const run: RunWithEvent = { ...RUN, kind: "approval", type: "action_run.approval_requested" };
  const hearsOf = (filter: Partial<EndpointFilter>) => hears(endpoint(filter), run);
  expect([
    hearsOf({ onlyOnChange: true }),
    hearsOf({ events: ["action_run.approval_requested"], actionNames: ["deploy"], labels: ["b"] }),
    hearsOf({ events: ["action_run.succeeded", "action_run.failed", "action_run.cancelled"] }),
    hearsOf({ actionNames: ["other"] }),
    hearsOf({ labels: ["c"] }),
  ]).toEqual([true, true, false, false, false]);
});
