/** Which runs a list or a summary is about. All filters that are given must hold. */

import type { Instant } from "../base/time.ts";
import { WAITING_FOR, type WaitingFor } from "./gates.ts";
import type { Status } from "./run.ts";

/** What a filter on waiting can ask for. */
export const WAITING_FILTERS = ["any", ...WAITING_FOR] as const;

export interface RunFilters {
  /** Any of these. */
  readonly status?: readonly Status[] | undefined;
  /** The first gate that is still closed, or any. */
  readonly waiting?: WaitingFor | "any" | undefined;
  /** The concurrency group. */
  readonly group?: string | undefined;
  /** All of these, the rarest first. */
  readonly label?: readonly string[] | undefined;
  readonly actionName?: string | undefined;
  readonly entityId?: string | undefined;
  readonly triggeredBy?: string | undefined;
  /** Exclusive. */
  readonly createdAfter?: Instant | undefined;
  /** Exclusive. */
  readonly createdBefore?: Instant | undefined;
}

/** By creation. A list begins with its newest run unless it says otherwise. */
export const ORDERS = ["newest", "oldest"] as const;
export type Order = (typeof ORDERS)[number];

/** A page of a list. */
export interface RunPageQuery extends RunFilters {
  readonly order?: Order | undefined;
  readonly limit: number;
  /** The id after which the page starts. */
  readonly cursor?: string | undefined;
  readonly include?: "details" | undefined;
}
