/** One event of each type, for tests of what may happen to a run. */

import type { Actor } from "../../src/runs/run.ts";
import type { RunEvent } from "../../src/runs/transition.ts";

export type EventType = RunEvent["type"];

const ACTOR: Actor = { tokenId: "t", tokenName: "ci", parents: [], person: null };
export const URL_OF_JOB = "https://ci.example/jobs/1";
export const GRACE_MS = 10_000;

/** Typed by the source: an event that is added there does not compile here. */
export function eventsAt(now: number): { readonly [T in EventType]: Extract<RunEvent, { type: T }> } {
  const failure = { attempt: 1, at: now, reason: "ci.example answered 503", nextAt: now + 1000 };
  return {
    started: { type: "started" },
    dispatched: { type: "dispatched" },
    attempt_failed: { type: "attempt_failed", failure },
    heartbeat: { type: "heartbeat" },
    external_url: { type: "external_url", url: URL_OF_JOB },
    succeeded: { type: "succeeded", output: '{"url":"x"}' },
    failed: { type: "failed", error: "exit 1", output: '{"log":"y"}' },
    cancelled: { type: "cancelled" },
    cancel_requested: { type: "cancel_requested", by: "ci", reason: "wrong branch", graceMs: GRACE_MS },
    dispatch_failed: { type: "dispatch_failed", reason: "ci.example answered 404." },
    start_failed: { type: "start_failed", reason: "No such action." },
    deadline_passed: { type: "deadline_passed" },
    time_opened: { type: "time_opened" },
    approved: { type: "approved", approval: { by: ACTOR, at: now, reason: null } },
    approvals_withdrawn: { type: "approvals_withdrawn", approvals: [] },
    rejected: { type: "rejected", by: ACTOR, reason: "not on a Friday" },
    let_through: {
      type: "let_through",
      by: ACTOR,
      at: now,
      reason: "the fix",
      pauses: [{ group: "prod", from: 1, reason: "lunch" }],
    },
    released: { type: "released" },
    held: { type: "held", reason: "a freeze" },
    queued: { type: "queued" },
    refused: { type: "refused", reason: "There is no room." },
    replaced: { type: "replaced", by: "019c0e5a-1801-8000-8000-000000000000", triggeredBy: "carl" },
  };
}
