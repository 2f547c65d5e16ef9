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

/** What gives a row its turn. */
export interface Turns {
  /** A row that is due. An attempt that is due waits, because others may come before it. */
  readonly due: (id: string) => void;
  /** A waiting row whose host has room. */
  readonly waiting: (id: string) => void;
}

export class DueQueue {
  readonly rows: DueRows;
  /** The hosts that may have waiting rows, of each kind. The host that had its turn last is at the end. */
  readonly #waiting: Readonly<Record<Kind, Set<string>>> = { first: new Set(), retry: new Set() };
  /** The host with a row that is too heavy for what all hosts leave. No other row of its kind overtakes that row. */
  readonly #blocked: Record<Kind, string | null> = { first: null, retry: null };
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
   * Whether a request must wait because others wait that come before it, even if it would fit into a free slot: those of
   * its host, and one that is too heavy.
   */
  isBehindOthers({ host, attempt }: Pick<Tried, "host" | "attempt">): boolean {
    return KINDS.slice(0, attempt === 0 ? 1 : 2).some(
      (kind) => this.#waiting[kind].has(host) || (this.#blocked[kind] ?? host) !== host,
    );
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
   * forgets that anything waits. `isBlocked`: the row does not fit beside those of all hosts.
   */
  wait(
    { host, attempt }: Pick<Tried, "host" | "attempt">,
    { until, isBlocked }: { readonly until: number; readonly isBlocked: boolean },
    now: number,
  ): void {
    const kind = attempt === 0 ? "first" : "retry";
    // After a restart, a host's retries can be found before its first attempts.
    this.#waiting.first.add(host);
    if (kind === "retry") this.#waiting.retry.add(host);
    if (isBlocked) this.#blocked[kind] ??= host;
    this.#lookAgainAt = Math.min(this.#lookAgainAt, until, now + LEASE_MS);
  }

  /**
   * Gives one batch its turns: due rows that do not wait yet, and waiting rows whose time is up. Then waiting rows whose
   * host has room get theirs. Returns how many rows there were.
   */
  takeBatch(now: number, limit: number, openings: Openings, takeTurn: Turns): number {
    const mayEnd = this.#lookAgainAt <= now;
    const overdue = mayEnd ? this.rows.overdue(now, limit) : [];
    const due = this.rows.due(now, limit, this.#lookAfter(now));
    for (const { id } of [...overdue, ...due]) takeTurn.due(id);
    const last = due.at(-1);
    if (last !== undefined && this.isAnyWaiting) this.#lookedUpTo = last;
    if (mayEnd) this.#lookAgainAt = Math.min(this.rows.firstEndAt(now), now + LEASE_MS);
    const started = this.startWaiting(now, limit, openings, takeTurn.waiting);
    return Math.max(overdue.length + due.length, started);
  }

  /**
   * Call this when a slot is free: waiting rows get their turn, at most `limit`. First attempts come before retries, and
   * the hosts take turns. The rows of a host are in order, until one must wait again. Returns how many turns there were.
   */
  startWaiting(now: number, limit: number, openings: Openings, takeTurn: (id: string) => void): number {
    let turns = 0;
    let begun = 0;
    for (const kind of KINDS) {
      const after = new Map(this.#inOrder(kind).map((host) => [host, BEGINNING]));
      this.#blocked[kind] = null;
      while (after.size > 0 && turns < limit && this.#blocked[kind] === null) {
        for (const [host, from] of after) {
          if (turns === limit || this.#blocked[kind] !== null) break;
          const next = this.#nextOf(host, kind, from, now, openings);
          const mustWait = next === null || this.#mustWait(host, kind, () => takeTurn(next.id));
          if (next !== null) turns++;
          // Moves on even if the row's turn failed and the row is still due.
          if (mustWait) after.delete(host);
          else after.set(host, next);
          if (!mustWait) begun++;
        }
      }
      if (this.#blocked[kind] !== null) break;
    }
    // Turns without a start would follow each other for ever.
    this.#lookLater(now, turns === limit && begun > 0, openings);
    return turns;
  }

  #inOrder(kind: Kind): readonly string[] {
    const blocked = this.#blocked[kind];
    const hosts = [...this.#waiting[kind]];
    return blocked === null ? hosts : [blocked, ...hosts.filter((host) => host !== blocked)];
  }

  /** The host's next waiting row; null if it has none or must wait longer. */
  #nextOf(host: string, kind: Kind, after: Due, now: number, openings: Openings): Due | null {
    const hasRoom = openings.hasRoom(host, kind);
    // After a turn, the host's last room may be taken by its last row. Otherwise many hosts can be without room.
    if (!hasRoom && after === BEGINNING) return null;
    const next = this.rows.nextWaiting(host, kind === "retry", now, after);
    if (next === null) this.#waiting[kind].delete(host);
    return hasRoom ? next : null;
  }

  /** Whether the row must wait again. While it has its turn, no row of its kind is before it. */
  #mustWait(host: string, kind: Kind, takeTurn: () => void): boolean {
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
