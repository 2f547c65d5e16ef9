/** What the bench asks of the load process, and what it gets back. */

import type { Meanwhile } from "./comparisons.ts";
import type { ServerName } from "./names.ts";
import type { OperationName } from "./operations.ts";
import type { State } from "./requests.ts";
import type { Notified } from "./told.ts";

export interface Job {
  readonly operation: OperationName | "mixed";
  readonly callers: number;
  /** No request starts after this. */
  readonly forMs: number;
  /** The most requests to send. Without it, only the time ends the job. */
  readonly most?: number;
  /** Other load, from before the job until its end. Wrong responses to it count as the job's. */
  readonly meanwhile?: Meanwhile | undefined;
}

export interface Measured {
  readonly answers: number;
  readonly failures: number;
  /** The first wrong response, for the error message. */
  readonly firstFailure: string | null;
  readonly elapsedMs: number;
  /** One for each response. */
  readonly latenciesMs: readonly number[];
  /** Responses a second to the other load; null without other load. */
  readonly meanwhilePerSecond: number | null;
  /** What a webhook endpoint heard of the job; null if none hears of it. The job is over when it has heard all. */
  readonly notified: Notified | null;
  /** Whether a connection was refused, which ends the job at once: the server has ended. */
  readonly isRefused: boolean;
}

/** The seeds and where each server is, before the first job. A server is somewhere else after a restart. */
export type ToLoad =
  | Pick<State, "seeds">
  | { readonly reached: { readonly server: ServerName; readonly origin: string } }
  | { readonly job: Job };
