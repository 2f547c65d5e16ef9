/**
 * How a command ends: the exit codes, which are part of the contract, and what is said about a fault. Prints nothing.
 */

import { CommanderError } from "commander";
import { type ActionRun, ActionRunsError } from "../client/index.ts";

export const EXIT = {
  succeeded: 0,
  failed: 1,
  usage: 2,
  notAllowed: 3,
  notFound: 4,
  conflict: 5,
  unreachable: 6,
  waitedInVain: 7,
} as const;

/** What 128 and a signal's number is to a process that died of SIGPIPE: the reader of our output went away. */
export const READER_GONE = 141;

/** For `--help`. */
export const EXIT_CODES = `Exit codes:
  0  succeeded
  1  failed, or the run did; a cancelled run counts as failed
  2  usage: an option, a setting or a value is wrong or missing
  3  not allowed: the token is missing rights, wrong or too old
  4  not found
  5  conflict: the run has ended or begun already, or a key was used for something else
  6  unreachable: no answer, or none that is the service's; worth another try
  7  waited in vain: the time of --wait-timeout was up before the run had ended; the run goes on
`;

/** Something about the command line or the settings is wrong; the message says what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something that is no answer of the service went wrong. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The exit code for anything that was thrown. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return EXIT.usage;
  if (thrown instanceof CommandFailed) return thrown.exitCode;
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.succeeded : EXIT.usage;
  if (!(thrown instanceof ActionRunsError)) return EXIT.failed;
  const { status, code } = thrown;
  if (status === 401 || status === 403) return EXIT.notAllowed;
  // A page of HTML with any other status comes from a proxy, or from a server that is not ours.
  if (status === null || code === "unexpected_answer" || status === 429 || status >= 500)
    return EXIT.unreachable;
  if (status === 404) return EXIT.notFound;
  if (status === 409 || status === 422) return EXIT.conflict;
  return EXIT.usage;
}

/** The exit code for a run that has ended; 1 for one that has not. */
export function exitCodeOfRun(status: ActionRun["status"]): number {
  return status === "succeeded" ? EXIT.succeeded : EXIT.failed;
}

/** One sentence for stderr, with what finds the request in the service's log; null where all has been said. */
export function sentenceOf(thrown: unknown): string | null {
  if (thrown instanceof CommanderError) return null;
  if (!(thrown instanceof ActionRunsError)) return thrown instanceof Error ? thrown.message : String(thrown);
  const { message, code, requestId } = thrown;
  return `${message} (${[code, ...(requestId === null ? [] : [`request ${requestId}`])].join(", ")})`;
}
