/**
 * What a list keeps of a run, and how later reads change it. PURE. Inputs and outputs are left out: they can be large.
 */

import type { DetailedActionRun } from "../../client/index.ts";
import type { Waiting } from "../gates/waiting.ts";
import type { Failing } from "../run/failing-text.tsx";
import { isOpen, type Status } from "../ui/statuses.ts";

export interface RunRow {
  readonly id: string;
  readonly actionName: string;
  readonly entityId: string | null;
  readonly status: Status;
  readonly triggeredBy: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly labels: readonly string[];
  readonly externalUrl: string | null;
  /** The first line of the error; null if there is none. */
  readonly problem: string | null;
  /** Somebody asked the job to stop, and the run is still open. */
  readonly isStopping: boolean;
  /** What it waits for before its webhook is sent; null if nothing holds it back. */
  readonly waiting: Waiting | null;
  /** Why its receiver did not take its webhook; null if no attempt has failed. */
  readonly failing: Failing | null;
}

export function rowOf(run: DetailedActionRun): RunRow {
  const { id, actionName, entityId, status, triggeredBy, createdAt, startedAt, completedAt, error, details } = run;
  return {
    id,
    actionName,
    entityId,
    status,
    triggeredBy,
    createdAt,
    startedAt,
    completedAt,
    labels: details?.labels ?? [],
    externalUrl: details?.externalUrl ?? null,
    problem: firstLine(error ?? ""),
    isStopping: isOpen(status) && (details?.cancel ?? null) !== null,
    waiting: details?.waiting ?? null,
    failing: details?.delivery ?? null,
  };
}

/** A row has no room for more. */
const PROBLEM_MAX_CHARACTERS = 300;

/** The first line that is not empty, cut to what a row can show; null if there is none. */
function firstLine(text: string): string | null {
  const [, line] = /^\s*(\S[^\r\n]*)/.exec(text.slice(0, 2 * PROBLEM_MAX_CHARACTERS)) ?? [];
  return line?.slice(0, PROBLEM_MAX_CHARACTERS).trimEnd().toWellFormed() ?? null;
}

const RANKS: Readonly<Record<Status, number>> = { pending: 0, running: 1, succeeded: 2, failed: 2, cancelled: 2 };

/** The newer of two reads of one run. D1 can be behind: a run never goes back. The same object if nothing changed. */
export function newer(held: RunRow, read: RunRow): RunRow {
  if (RANKS[read.status] < RANKS[held.status] || isHeldBackAgain(held, read)) return held;
  const isSame =
    read.status === held.status &&
    read.startedAt === held.startedAt &&
    read.completedAt === held.completedAt &&
    read.externalUrl === held.externalUrl &&
    read.isStopping === held.isStopping &&
    read.failing?.reason === held.failing?.reason &&
    read.failing?.nextAttemptAt === held.failing?.nextAttemptAt &&
    isSameWait(read.waiting, held.waiting);
  return isSame ? held : read;
}

/** A run that was released once never waits again. */
function isHeldBackAgain(held: RunRow, read: RunRow): boolean {
  return held.status === read.status && held.waiting === null && read.waiting !== null;
}

/** Its place in line is left out, because a list does not have it. */
function isSameWait(one: Waiting | null, other: Waiting | null): boolean {
  return one?.for === other?.for && one?.since === other?.since && one?.reason === other?.reason;
}
