/**
 * The order in which a coordinator's runs or stop requests get their turn. A row that is due but finds no free slot
 * stays due in the journal, and waits with the other rows of its receiver's host. The queue remembers which hosts have
 * waiting rows, and how far the alarm has looked, so that the alarm does not select the same rows again and again. That
 * is in memory only: a restarted object has free slots and looks at everything.
 */

import { LEASE_MS, type Tried } from "../../../webhooks/delivery.ts";
import { BEGINNING, type Due, type DueRows } from "../../journal/due-rows.ts";

/** First attempts begin before retries. */
const KINDS = ["first", "retry"] as const;
type Kind = (typeof KINDS)[number];

/** The hosts that can take an attempt. */
export interface Openings {
  /** Whether an attempt of some request of the host may begin now. */
  hasRoom(host: string, kind: Kind): boolean;
  /** In how many ms the host may be tried although it fails; 0 if it need not wait for that. */
  probeInMs(host: string): number;
}

export class DueQueue {
  readonly rows: DueRows;
  /** The hosts that have waiting rows, of each kind. */
  readonly #waiting: Readonly<Record<Kind, Set<string>>> = { first: new Set(), retry: new Set() };
  /** The alarm looks behind this row. Everything that is due up to it waits for a slot or is done. */
  #lookedUpTo = BEGINNING;
  #lookAgainAt = Number.POSITIVE_INFINITY;

  constructor(rows: DueRows) {
    this.rows = rows;
  }

  /** Whether anything waits for a slot. */
  get isAnyWaiting(): boolean {
    return KINDS.some((kind) => this.#waiting[kind].size > 0);
  }

  /**
   * Whether a request must wait because others of its host wait that come before it, even if it would fit into a free
   * slot.
   */
  isBehindOthers({ host, attempt }: Pick<Tried, "host" | "attempt">): boolean {
    return this.#waiting.first.has(host) || (attempt > 0 && this.#waiting.retry.has(host));
  }

  /**
   * When the alarm has something to do; Infinity if there is nothing. What waits needs no alarm: a free slot starts it.
   */
  nextAt(now: number): number {
    return Math.min(this.rows.nextDueAt(this.#lookAfter(now)), this.#lookAgainAt);
  }

  /**
   * Notes that a due row waits for a slot. `until`: when the alarm must look again, because the row's time is up or its
   * host may be probed. The alarm looks after LEASE_MS at the latest. So an alarm is set even if the object dies and
   * forgets that anything waits.
   */
  wait({ host, attempt }: Pick<Tried, "host" | "attempt">, until: number, now: number): void {
    this.#waiting[kindOf(attempt)].add(host);
    this.#lookAgainAt = Math.min(this.#lookAgainAt, until, now + LEASE_MS);
  }

  /**
   * Gives one batch its turns: due rows that do not wait, waiting rows whose time is up, and waiting rows whose host can
   * be probed. Returns how many there were.
   */
  takeBatch(now: number, limit: number, openings: Openings, takeTurn: (id: string) => void): number {
    const mayEnd = this.#lookAgainAt <= now;
    const overdue = mayEnd ? this.rows.overdue(now, limit) : [];
    const due = this.rows.due(now, limit, this.#lookAfter(now));
    for (const { id } of [...overdue, ...due]) takeTurn(id);
    const last = due.at(-1);
    if (last !== undefined && this.isAnyWaiting) this.#lookedUpTo = last;
    if (!mayEnd) return due.length;
    this.#lookAgainAt = Math.min(this.rows.firstEndAt(now), now + LEASE_MS);
    return overdue.length + due.length + this.startWaiting(now, limit, openings, takeTurn);
  }

  /**
   * Call this when a slot is free: waiting rows get their turn, at most `limit`. First attempts come before retries, and
   * the hosts take turns. The rows of a host are in order, until one must wait again. Returns how many turns there were.
   */
  startWaiting(now: number, limit: number, openings: Openings, takeTurn: (id: string) => void): number {
    let turns = 0;
    for (const kind of KINDS) {
      const after = new Map([...this.#waiting[kind]].map((host) => [host, BEGINNING]));
      while (after.size > 0 && turns < limit) {
        for (const [host, from] of after) {
          const next = turns < limit ? this.#nextOf(host, kind, from, now, openings) : null;
          if (next === null) after.delete(host);
          else {
            turns++;
            // Moves on even if the row's turn failed and the row is still due.
            after.set(host, next);
            if (this.#takesTurn(host, kind, () => takeTurn(next.id))) after.delete(host);
          }
        }
      }
    }
    this.#lookLater(now, turns === limit, openings);
    return turns;
  }

  /** The host's next waiting row; null if it has none or must wait longer. */
  #nextOf(host: string, kind: Kind, after: Due, now: number, openings: Openings): Due | null {
    if (!openings.hasRoom(host, kind)) return null;
    const next = this.rows.nextWaiting(host, kind === "retry", now, after);
    if (next === null) this.#waiting[kind].delete(host);
    return next;
  }

  /** Whether the row must wait again. While it has its turn, no row of its kind is before it. */
  #takesTurn(host: string, kind: Kind, takeTurn: () => void): boolean {
    this.#waiting[kind].delete(host);
    takeTurn();
    const mustWait = this.#waiting[kind].has(host);
    this.#waiting[kind].add(host);
    return mustWait;
  }

  #lookLater(now: number, isAtLimit: boolean, { probeInMs }: Openings): void {
    if (!this.isAnyWaiting) {
      this.#lookedUpTo = BEGINNING;
      this.#lookAgainAt = Number.POSITIVE_INFINITY;
    } else if (isAtLimit) {
      this.#lookAgainAt = now;
    } else {
      for (const kind of KINDS) {
        for (const host of this.#waiting[kind]) {
          const waitMs = probeInMs(host);
          if (waitMs > 0) this.#lookAgainAt = Math.min(this.#lookAgainAt, now + waitMs);
        }
      }
    }
  }

  #lookAfter(now: number): Due {
    // After the clock stepped back, rows can be due before that row.
    return this.isAnyWaiting && this.#lookedUpTo.dueAt <= now ? this.#lookedUpTo : BEGINNING;
  }
}

function kindOf(attempt: number): Kind {
  return attempt === 0 ? "first" : "retry";
}
