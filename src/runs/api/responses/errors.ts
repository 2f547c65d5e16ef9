/** The errors that several operations on runs have in common. Those of a path, a query or a body stand elsewhere. */

import type { ErrorCode } from "../../../http/errors.ts";

/** The errors of a request that may read the rows of runs. */
export const OF_RUNS: readonly ErrorCode[] = ["coordinator_unavailable", "database_not_bound"];
/** The errors of a run that has ended. */
export const OF_ENDED_RUN: readonly ErrorCode[] = [
  "run_succeeded",
  "run_failed",
  "run_timed_out",
  "run_cancelled",
  "delivery_failed",
];

/** The errors of a request that creates a run. */
export const OF_CREATE: readonly ErrorCode[] = [
  "idempotency_key_reused",
  "idempotency_key_unverifiable",
  "run_erased",
  "too_many_labels",
  "gate_needs_trigger",
  "person_required",
  "too_many_waiting",
  "not_configured",
  "coordinator_unavailable",
  "coordinator_overloaded",
  "storage_full",
];
/** The errors of one that creates a run of a stored action. */
export const OF_ACTION_RUN: readonly ErrorCode[] = [
  "action_secrets_lost",
  "action_needs_newer_code",
  "invalid_concurrency_key",
  "concurrency_limit",
  "invalid_parameters",
];

/** The errors of what a job reports. */
export const OF_REPORT: readonly ErrorCode[] = ["run_waiting", ...OF_ENDED_RUN, "coordinator_unavailable"];

/** The errors of a decision. */
export const OF_DECISION: readonly ErrorCode[] = [
  "idempotency_key_reused",
  "person_required",
  "not_waiting",
  ...OF_RUNS,
];
