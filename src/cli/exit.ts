/** How a command ends: the exit codes, which users rely on, and the sentence for an error. It prints nothing. */

import { CommanderError } from "commander";
import { type ActionRun, ActionRunsError, type BulkOperation } from "../client/index.ts";
import { explained } from "./unreachable.ts";

export const EXIT = {
  succeeded: 0,
  failed: 1,
  usage: 2,
  notAllowed: 3,
  notFound: 4,
  conflict: 5,
  unreachable: 6,
  timedOut: 7,
  stop: 8,
} as const;

/** 128 + SIGPIPE: the program that read our output is gone. */
export const READER_GONE = 141;

/** For `--help`. */
export const EXIT_CODES = `Exit codes:
  0  succeeded
  1  failed, or the run failed or was cancelled, or a test message failed, or a bulk operation was stopped or could not \
decide about a run
  2  usage error: an option, a setting or a value is wrong or missing
  3  not allowed: the token is wrong or expired, its role is too low, or the run is your own
  4  not found
  5  conflict: the run already started or ended, or still waits, its concurrency group is \
full, the action or the webhook endpoint has another version, the idempotency key was used for another request, or a bulk \
operation matched too many runs or skipped all of them
  6  unreachable: no response, or one that is not from the service; try again
  7  timeout: --wait-timeout passed before the run or the bulk operation ended, which continues
  8  stop: the run of this job was cancelled, so the job must end
`;

/** The command line or a setting is wrong. The message says what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A failure that is neither a usage error nor a response of the service. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The exit code for any error. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return EXIT.usage;
  if (thrown instanceof CommandFailed) return thrown.exitCode;
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.succeeded : EXIT.usage;
  if (!(thrown instanceof ActionRunsError)) return EXIT.failed;
  const { status, code } = thrown;
  if (status === 401 || status === 403) return EXIT.notAllowed;
  // An HTML page with any other status comes from a proxy or from another service.
  if (status === null || code === "unexpected_answer" || status === 429 || status >= 500) return EXIT.unreachable;
  if (status === 404) return EXIT.notFound;
  if (status === 409 || status === 412 || code === "idempotency_key_reused") return EXIT.conflict;
  return EXIT.usage;
}

/** 0 if the run succeeded, else 1. */
export function exitCodeOfRun(status: ActionRun["status"]): number {
  return status === "succeeded" ? EXIT.succeeded : EXIT.failed;
}

/** Why a bulk operation ended early. */
const EXIT_OF_ABORT: Readonly<Record<NonNullable<BulkOperation["abortReason"]>, number>> = {
  asked: EXIT.failed,
  too_many_runs: EXIT.conflict,
  token_revoked: EXIT.notAllowed,
  token_expired: EXIT.notAllowed,
};

/**
 * 0 if an operation that has ended did what it could. A run that was skipped had ended before, for example. If all were
 * skipped, nothing has happened, and that is a conflict, as it is for a command about one run.
 */
export function exitCodeOfBulk({ status, abortReason, counts }: BulkOperation): number {
  if (status === "aborted") return (abortReason && EXIT_OF_ABORT[abortReason]) ?? EXIT.failed;
  if (counts.failed > 0) return EXIT.failed;
  return counts.accepted === 0 && counts.skipped > 0 ? EXIT.conflict : EXIT.succeeded;
}

/**
 * One sentence for stderr, with the request id that finds the request in the service's log. null if commander already
 * printed one.
 */
export function errorSentence(thrown: unknown): string | null {
  if (thrown instanceof CommanderError) return null;
  if (!(thrown instanceof ActionRunsError)) return thrown instanceof Error ? thrown.message : String(thrown);
  const { code, requestId } = thrown;
  return `${explained(thrown)} (${[code, ...(requestId === null ? [] : [`request ${requestId}`])].join(", ")})`;
}

/** Whether the service refused because the run was cancelled. */
export function isCancelled(thrown: unknown): boolean {
  return thrown instanceof ActionRunsError && thrown.code === "run_cancelled";
}
