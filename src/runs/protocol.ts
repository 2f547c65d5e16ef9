/**
 * What the Worker and a coordinator say to each other. Old and new code do so during a deploy: only add. Refusals
 * are values, for an error's class does not survive the call.
 */

import type { JournaledRun } from "./journal/run-rows.ts";
import { type Conflict, isOpen, type Status, toActionRun } from "./run.ts";

/** The sign of an answer whose row has not landed: a read that sends it back asks the coordinator. */
export const COORDINATOR_BOOKMARK = "coordinator";

/**
 * Names a change, so that asking again gives the same answer. `key` says who minted it: `t:` an API token, `c:` the
 * holder of a callback token, `m:` us.
 */
export interface ChangeKey {
  readonly key: string;
  /** SHA-256 of what was asked. The same key with another fingerprint is another request. */
  readonly fingerprint: string;
  /** What it would have been under other keys of the ring, where it is made under one. */
  readonly otherFingerprints?: readonly string[];
  /** The ids of the keys that these are made under: of `fingerprint` the first. */
  readonly keyIds?: readonly string[];
}

/** News of a workflow that is at work. */
export interface Heartbeat {
  readonly message?: string | undefined;
  /** From 0 to 1. */
  readonly progress?: number | undefined;
  readonly externalUrl?: string | undefined;
}

/** A run as told to the Worker. `actionRun` is the JSON for the wire. */
export interface RunAnswer {
  readonly ok: true;
  readonly id: string;
  readonly actionRun: string;
  /** Older code of an object sends none. */
  readonly status?: Status;
  readonly deadlineAt: number;
  readonly replayed: boolean;
  readonly bookmark: string;
  /** Whether it has ended. */
  readonly isOver: boolean;
}

/** A piece of a run's timeline. */
export interface TimelineAnswer {
  readonly ok: true;
  /** JSON for the wire, oldest first. */
  readonly events: readonly string[];
  /** The number of the last of these; what was asked for where there are none. */
  readonly lastSeq: number;
  /** The number of the newest event there is. */
  readonly newestSeq: number;
  /** Whether these reach the end of a timeline that has ended. */
  readonly isOver: boolean;
}

export interface RunRefusal {
  readonly ok: false;
  readonly reason:
    | "run_not_found"
    | "id_taken"
    | "key_reused"
    | "key_unverifiable"
    | "overloaded"
    | "storage_full"
    | "too_many_watchers"
    | Conflict;
}

export function statusOf({ status, actionRun }: RunAnswer): Status {
  return status ?? (JSON.parse(actionRun) as { readonly status: Status }).status;
}

export function toAnswer(run: JournaledRun, replayed: boolean, bookmark: string | null): RunAnswer {
  return {
    ok: true,
    id: run.id,
    actionRun: toActionRun(run),
    status: run.status,
    deadlineAt: run.deadlineAt,
    replayed,
    bookmark: bookmark ?? COORDINATOR_BOOKMARK,
    isOver: !isOpen(run),
  };
}
