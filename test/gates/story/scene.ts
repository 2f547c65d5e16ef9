/**
 * What each step of a story has in its hands: who and what takes part (few of each, so that each meets much), the
 * coordinator, what is around it, chance, and what happened so far.
 */

import type { Actor, Concurrency, NewRun } from "../../../src/runs/run.ts";
import type { RunReply } from "../../../src/runs/run-calls.ts";

import { fail, Known } from "../invariants/known.ts";
import { Random } from "../random.ts";
import type { Row } from "../rows.ts";
import { type Awake, Stage, type UnderWay } from "../stage.ts";

/** So many of the last steps are told with a failure. */
const TOLD = 20;

export const DETAILED = { include: "details" } as const;

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

/** Returns "rung" if every alarm that was due has rung. */
export type Act = (scene: Scene, awake: Awake) => Promise<"rung" | undefined>;

/** How often each happens, compared with the others. */
export type Acts = Readonly<Record<string, readonly [weight: number, act: Act]>>;

export class Scene {
  readonly stage = new Stage();
  readonly known = new Known(this.stage);
  readonly random: Random;
  readonly actions = newActions();
  /** The runs that have a stop request, if they were created. */
  readonly stoppable = new Set<string>();
  /** Those whose tokens were not revoked, and those that came for the others. */
  approvers = APPROVERS;
  /** The runs that were created with a caller's key. */
  readonly keyed = new Map<string, NewRun>();
  steps = 0;
  /** The run that the step is about; null if it is about none that exists. */
  asked: string | null = null;
  /** The attempts that the step answers. */
  answered: UnderWay[] = [];
  /** Whether the platform has dropped the alarm. */
  isDropped = false;
  /** Whether the clock has stepped back since the alarm was set. */
  isBack = false;
  readonly #told: string[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    this.stage.random = () => this.random.next();
    this.stage.isOpen = (id) => this.known.open.some((row) => row.id === id);
  }

  tell(text: string): void {
    this.#told.push(`${this.steps} ${text}`);
  }

  get lastTold(): string {
    return this.#told.slice(-TOLD).join("\n  ");
  }

  /** An open run for the step; null if there is no such run. */
  pick(is: (row: Row) => boolean): Row | null {
    const row = this.random.maybe(this.known.open.filter(is));
    this.asked = row?.id ?? null;
    return row;
  }

  newKey() {
    return { key: `t:change-${this.steps}`, fingerprint: "" };
  }

  /** An answer says what the journal says. */
  compare(reply: RunReply, { sql }: Awake): undefined {
    if (!reply.ok) return;
    const [row] = sql.exec<{ status: string; waitingFor: string | null }>(
      "SELECT status, waiting_for AS waitingFor FROM runs WHERE id = ?",
      reply.id,
    );
    const told =
      reply.details === undefined ? null : (JSON.parse(reply.details) as { waiting: { for: string } | null });
    if (reply.status !== row?.status || (told !== null && (told.waiting?.for ?? null) !== row.waitingFor)) {
      fail(
        `the answer about ${reply.id} says ${reply.status}, ${JSON.stringify(told?.waiting)}, and the journal ${JSON.stringify(row)}`,
      );
    }
  }
}

export function short(id: string): string {
  return id.slice(-8);
}
