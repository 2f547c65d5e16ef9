/** What a new run waits for, from its request and its action. */

import { describe, expect, it } from "vitest";
import type { ApiError } from "../../src/http/errors.ts";
import { deadlineOf, gatesOf, type WantedGates, wantedGates } from "../../src/runs/api/prepare-run.ts";

const NOW = Date.parse("2026-11-25T12:00:00.000Z");
const MINUTE = 60_000;
const WEEK = 7 * 24 * 60 * MINUTE;
const CREATOR = { tokenId: "t", tokenName: "ci", parents: [], person: null };
const RUN = { parameters: { service: "shop" }, entityId: null };
const at = (ms: number) => ({ floorMs: ms, ceilMs: ms });

const APPROVAL = { required: 2, allowSelf: true };
const CONCURRENCY = { group: "deploy", key: "{{ parameters.service }}", limit: 3, onConflict: "reject" } as const;
const ACTION = { trigger: undefined, approval: undefined, concurrency: undefined, waitTimeout: undefined };

const gates = (wanted: WantedGates) => gatesOf(wanted, NOW, CREATOR);

function refusal(refused: () => unknown): ApiError {
  try {
    refused();
  } catch (error) {
    return error as ApiError;
  }
  throw new Error("nothing was refused");
}

describe("a run that may start at once has no gates", () => {
  it.each([
    ["a create", wantedGates({}, null, RUN, true)],
    ["a create without a trigger", wantedGates({}, null, RUN, false)],
    ["waitTimeout alone", wantedGates({ waitTimeout: 5 }, null, RUN, true)],
    ["waitTimeout of the action alone", wantedGates({}, { ...ACTION, waitTimeout: 5 }, RUN, true)],
    ["a notBefore in the past", wantedGates({ notBefore: at(NOW - 1) }, null, RUN, true)],
    ["a notBefore at this instant", wantedGates({ notBefore: at(NOW) }, null, RUN, true)],
  ])("gates are null for %s, and the timeout counts from now", (_what, wanted) => {
    expect(gates(wanted)).toBeNull();
    expect(deadlineOf(null, NOW, 1000)).toBe(NOW + 1000);
  });
});

describe("a run waits at most for its waitTimeout, from notBefore or else from its creation", () => {
  const later = NOW + 90 * MINUTE;
  it.each([
    ["the default", wantedGates({ notBefore: at(later) }, null, RUN, true), later + WEEK],
    ["that of the request", wantedGates({ notBefore: at(later), waitTimeout: 5 }, null, RUN, true), later + 5 * MINUTE],
    [
      "that of the request, not that of the action",
      wantedGates({ waitTimeout: 5 }, { ...ACTION, approval: APPROVAL, waitTimeout: 9 }, RUN, true),
      NOW + 5 * MINUTE,
    ],
    [
      "that of the action",
      wantedGates({}, { ...ACTION, approval: APPROVAL, waitTimeout: 9 }, RUN, true),
      NOW + 9 * MINUTE,
    ],
    [
      "counted from the creation if notBefore is past",
      wantedGates({ notBefore: at(NOW - 5), waitTimeout: 1 }, { ...ACTION, concurrency: CONCURRENCY }, RUN, true),
      NOW + MINUTE,
    ],
  ])("the limit is %s", (_what, wanted, waitUntil) => {
    const judged = gates(wanted);
    expect(judged?.waitUntil).toBe(waitUntil);
    expect(deadlineOf(judged, NOW, 1000)).toBe(waitUntil + 1000);
  });
});

it("the gates of an action are taken as they are, with the key of the run", () => {
  const wanted = wantedGates({}, { ...ACTION, approval: APPROVAL, concurrency: CONCURRENCY }, RUN, true);
  expect(gates(wanted)).toEqual({
    notBefore: null,
    approval: APPROVAL,
    concurrency: { group: "deploy", key: "shop", limit: 3, onConflict: "reject" },
    waitUntil: NOW + WEEK,
    creator: CREATOR,
  });
});

it("a finer instant than a millisecond opens the gate behind it, not before it", () => {
  const wanted = wantedGates({ notBefore: { floorMs: NOW, ceilMs: NOW + 1 } }, null, RUN, true);
  expect(gates(wanted)?.notBefore).toBe(NOW + 1);
});

it("notBefore may be 30 days ahead and no more", () => {
  const limit = NOW + 30 * 24 * 60 * MINUTE;
  expect(gates(wantedGates({ notBefore: at(limit) }, null, RUN, true))?.notBefore).toBe(limit);
  const error = refusal(() => gates(wantedGates({ notBefore: at(limit + 1) }, null, RUN, true)));
  expect(error).toMatchObject({ code: "invalid_body", pointer: "/notBefore" });
});

it("notBefore needs a trigger, also if it is past", () => {
  for (const ms of [NOW - 1, NOW + 1]) {
    const error = refusal(() => wantedGates({ notBefore: at(ms) }, ACTION, RUN, false));
    expect(error).toMatchObject({ code: "gate_needs_trigger", pointer: "/notBefore" });
  }
});

it("a key without a value is refused", () => {
  const error = refusal(() =>
    wantedGates({}, { ...ACTION, concurrency: CONCURRENCY }, { ...RUN, parameters: {} }, true),
  );
  expect(error).toMatchObject({ code: "invalid_concurrency_key", pointer: "/parameters/service" });
});
