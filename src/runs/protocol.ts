/**
 * What the Worker and a coordinator say to each other. Old and new code do so during a deploy: only add. Refusals
 * are values, for an error's class does not survive the call.
 */

import type { Conflict, NewRun, RunEvent, Status } from "./run.ts";

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

/** How late the platform may ring an alarm by itself. One that is later was dropped. */
export const ALARM_LATE_MS = 60_000;

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

/** Who waits for news of a run. */
export interface Watcher {
  /** Made up by the Worker, the same for every call of one watcher. */
  readonly key: string;
  /** Counted alike here. Older code of an object counts only streams towards its run's places. */
  readonly kind: "stream" | "wait";
  /** Whose it is. Older code of the Worker sends none. */
  readonly tokenId?: string;
}

/** A webhook that starts the run's work: the request as the Worker sealed it, and how to repeat it. */
export interface SealedTrigger {
  /** The receiver's host: all of the address that may be told. */
  readonly host: string;
  /** What starts the run: a 2xx of the receiver, or only the first heartbeat. */
  readonly startOn: "accepted" | "heartbeat";
  readonly sealed: Uint8Array<ArrayBuffer>;
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
}

/** What may be asked of a coordinator. Every change carries a key, so asking again gives the same answer. */
export interface Coordinator {
  /** Journals a new run, or finds the one that this key made. With a trigger, its first attempt is sent. */
  create(run: NewRun, change: ChangeKey, trigger: SealedTrigger | null): Promise<RunAnswer | RunRefusal>;
  /** The run that this key made, for a create that would be refused today. */
  recall(change: ChangeKey): Promise<RunAnswer | RunRefusal>;
  /**
   * Applies an event to a run, or answers as before if this key has already done so. With `replayOnly` it changes
   * nothing: a late token may learn what its own report did, and no more.
   */
  change(
    id: string,
    event: RunEvent,
    change: ChangeKey,
    replayOnly?: boolean,
  ): Promise<RunAnswer | RunRefusal>;
  /** Notes a sign of life. The first starts a pending run; one without news changes nothing that anybody sees. */
  heartbeat(id: string, heartbeat: Heartbeat): Promise<RunAnswer | RunRefusal>;
  /** The run as the journal has it, its deadline applied. */
  read(id: string): Promise<RunAnswer | RunRefusal>;
  /** Up to `limit` events after the one numbered `after`. */
  events(id: string, after: number, limit: number): Promise<TimelineAnswer | RunRefusal>;
  /** The same; if there are none yet, waits for up to `maxMs`. */
  watch(
    id: string,
    after: number,
    limit: number,
    watcher: Watcher,
    maxMs: number,
  ): Promise<TimelineAnswer | RunRefusal>;
  /** The run as soon as it has ended, or as it is after `maxMs`. The watcher keeps its place unless this is its last call. */
  waitForEnd(id: string, watcher: Watcher, maxMs: number, isLast: boolean): Promise<RunAnswer | RunRefusal>;
  /** Gives a watcher's place back. */
  unwatch(watcherKey: string): Promise<void>;
  /** The sweep's call: sets an alarm that was dropped. True when the coordinator keeps nothing any more. */
  poke(): Promise<boolean>;
  /** Rebuilds D1 from the journal, step by step. How many runs are still to be read; calling again does not start over. */
  resync(): Promise<number>;
}
