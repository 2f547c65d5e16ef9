/** Who and what takes part in a story. Few of each, so that each meets much. */

import type { Actor, Concurrency } from "../../../src/runs/run.ts";

/** Ahead of every clock of a story, so that no version is so old that a lower one shows a restore of D1. */
export const FIRST_VERSION = Date.UTC(2100, 0, 1);

export const SECOND_MS = 1000;

export function actor(tokenId: string, parents: string[] = [], person: string | null = null): Actor {
  return { tokenId, tokenName: tokenId, parents, person };
}

export const CREATORS = [actor("t1"), actor("t2"), actor("portal", [], "ann")];
export const APPROVERS = [actor("a1"), actor("a2"), actor("t1"), actor("child", ["a1"]), actor("portal", [], "bob")];

export interface StoredAction {
  readonly group: string;
  readonly keys: readonly string[];
  readonly onConflict: Concurrency["onConflict"];
  version: number;
  limit: number;
}

export type ActionName = "queue" | "newest" | "reject" | "other";

/** As they are when a story begins. */
export function newActions(): Record<ActionName, StoredAction> {
  const group = { group: "prod", keys: [""], version: FIRST_VERSION };
  return {
    queue: { ...group, onConflict: "queue", limit: 2 },
    newest: { ...group, onConflict: "cancel_running", limit: 2 },
    reject: { ...group, onConflict: "reject", limit: 3 },
    other: { group: "db", keys: ["k1", "k2"], onConflict: "queue", version: FIRST_VERSION, limit: 1 },
  };
}
