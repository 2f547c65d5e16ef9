/**
 * The order in which a coordinator's runs, stop requests or messages are processed. A row that is due but finds no free
 * slot stays due in the journal, and waits with the other rows of its lane (attempt-slots.ts). The queue remembers
 * which lanes have waiting rows, and how far the alarm has looked, so that the alarm does not select the same rows
 * again and again. That is in memory only: a restarted object has free slots and looks at everything.
 */

import { LEASE_MS } from "../../../webhooks/delivery.ts";
import { BEGINNING, type Due, type DueRows } from "../../journal/due-rows.ts";
import type { Queued } from "../attempt-slots.ts";

/** First attempts begin before retries. */
const KINDS = ["first", "retry"] as const;
type Kind = (typeof KINDS)[number];

/** The lanes that can take an attempt. */
export interface Openings {
  /** Whether an attempt of some request of the lane may begin now. */
  hasRoom(lane: string, kind: Kind): boolean;
  /** Whether the lane fails, so that it is only probed. */
  isProbed(lane: string): boolean;
  /** In how many ms the lane may be tried although it fails; 0 if it need not wait for that. */
  probeInMs(lane: string): number;
}

/** What processes a row. */
export interface RowProcessor {
  /** A row that is due. An attempt that is due waits, because others may come before it. */
  readonly due: (id: string) => void;
  /** A waiting row whose lane has room. */
  readonly waiting: (id: string) => void;
}

export class DueQueue {
  readonly rows: DueRows;
  /** The lanes that may have waiting rows, of each kind. The lane that was served last is at the end. */
  readonly #waiting: Readonly<Record<Kind, Set<string>>> = { first: new Set(), retry: new Set() };
  /** The lane with a row that is too heavy for what all lanes leave. No other row of its kind overtakes that row. */
  readonly #blocked: Record<Kind, string | null> = { first: null, retry: null };
  /** The row with which a lane was probed last. The next probe is another row, because one alone may be at fault. */
  readonly #probedWith = new Map<string, string>();
  /** The alarm looks behind this row. Everything that is due up to it waits for a slot or is done. */
  #lookedUpTo = BEGINNING;
  #lookAgainAt = Number.POSITIVE_INFINITY;
  /** Whether a waiting row is being processed. Others of its lane may wait behind it. */
  #isProcessing = false;

  constructor(rows: DueRows) {
    this.rows = rows;
  }

  /** Whether anything waits for a slot. */
  get isAnyWaiting(): boolean {
    return this.#isProcessing || KINDS.some((kind) => this.#waiting[kind].size > 0);
  }

  /**
   * Whether a request must wait because others wait that come before it, even if it would fit into a free slot: those of
   * its lane, and one that is too heavy.
   */
  isBehindOthers({ lane, attempt }: Pick<Queued, "lane" | "attempt">): boolean {
    return KINDS.slice(0, attempt === 0 ? 1 : 2).some(
      (kind) => this.#waiting[kind].has(lane) || (this.#blocked[kind] ?? lane) !== lane,
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
   * lane may be probed. The alarm looks after LEASE_MS at the latest. So an alarm is set even if the object dies and
   * forgets that anything waits. `isBlocked`: the row does not fit beside those of all lanes.
   */
  wait(
    { lane, attempt }: Pick<Queued, "lane" | "attempt">,
    { until, isBlocked }: { readonly until: number; readonly isBlocked: boolean },
    now: number,
  ): void {
    const kind = attempt === 0 ? "first" : "retry";
    // After a restart, a lane's retries can be found before its first attempts.
    this.#waiting.first.add(lane);
    if (kind === "retry") this.#waiting.retry.add(lane);
    if (isBlocked) this.#blocked[kind] ??= lane;
    this.#lookAgainAt = Math.min(this.#lookAgainAt, until, now + LEASE_MS);
  }

  /**
   * Adds rows that are due now and wait already, so that the alarm need not find them. `add` writes them and returns the
   * last one in order; null if there is none. The alarm finds them if it must look at other due rows anyway.
   */
  addWaiting(now: number, add: () => Due | null): void {
    const after = this.#lookAfter(now);
    const hasLooked = this.rows.nextDueAt(after) > now;
    const last = add();
    // Rows that are added in one millisecond come in any order.
    const isBehind = last !== null && (last.dueAt > after.dueAt || last.id > after.id);
    if (hasLooked && isBehind) this.#lookedUpTo = last;
  }

  /**
   * Processes one batch: due rows that do not wait yet, and waiting rows whose time is up. Then waiting rows whose lane
   * has room. Returns how many rows there were.
   */
  takeBatch(now: number, limit: number, openings: Openings, processor: RowProcessor): number {
    const mayEnd = this.#lookAgainAt <= now;
    const overdue = mayEnd ? this.rows.overdue(now, limit) : [];
    const due = this.rows.due(now, limit, this.#lookAfter(now));
    for (const { id } of [...overdue, ...due]) processor.due(id);
    const last = due.at(-1);
    if (last !== undefined && this.isAnyWaiting) this.#lookedUpTo = last;
    if (mayEnd) this.#lookAgainAt = Math.min(this.rows.firstEndAt(now), now + LEASE_MS);
    const started = this.startWaiting(now, limit, openings, processor.waiting);
    return Math.max(overdue.length + due.length, started);
  }

  /**
   * Call this when a slot is free: processes waiting rows, at most `limit`. First attempts come before retries, and
   * the lanes take turns. The rows of a lane are in order, until one must wait again. Returns how many rows there were.
   */
  startWaiting(now: number, limit: number, openings: Openings, process: (id: string) => void): number {
    let processed = 0;
    let begun = 0;
    for (const kind of KINDS) {
      const after = new Map(this.#inOrder(kind).map((lane) => [lane, BEGINNING]));
      this.#blocked[kind] = null;
      while (after.size > 0 && processed < limit && this.#blocked[kind] === null) {
        for (const [lane, from] of after) {
          if (processed === limit || this.#blocked[kind] !== null) break;
          const next = this.#nextOf(lane, kind, from, now, openings);
          const isProbe = this.rows.nextInTurn !== undefined && openings.isProbed(lane);
          const kinds = isProbe ? KINDS : [kind];
          const mustWait = next === null || this.#mustWait(lane, kinds, () => process(next.id));
          if (next !== null) processed++;
          // Moves on even if processing the row failed and the row is still due.
          if (mustWait) after.delete(lane);
          else after.set(lane, next);
          if (!mustWait) begun++;
          if (!mustWait && isProbe) this.#probedWith.set(lane, next.id);
        }
      }
      if (this.#blocked[kind] !== null) break;
    }
    // Batches without a start would follow each other for ever.
    this.#lookLater(now, processed === limit && begun > 0, openings);
    return processed;
  }

  #inOrder(kind: Kind): readonly string[] {
    const blocked = this.#blocked[kind];
    const lanes = [...this.#waiting[kind]];
    return blocked === null ? lanes : [blocked, ...lanes.filter((lane) => lane !== blocked)];
  }

  /** The lane's next waiting row; null if it has none or must wait longer. */
  #nextOf(lane: string, kind: Kind, after: Due, now: number, openings: Openings): Due | null {
    const hasRoom = openings.hasRoom(lane, kind);
    // The lane's last room may be taken by its last row. Otherwise many lanes can be without room.
    if (!hasRoom && after === BEGINNING) return null;
    const isRetry = kind === "retry";
    const probe = openings.isProbed(lane) && this.rows.nextInTurn?.(lane, this.#probedWith.get(lane));
    const next = probe || this.rows.nextWaiting(lane, isRetry, now, after);
    if (next === null) this.#waiting[kind].delete(lane);
    return hasRoom ? next : null;
  }

  /** Whether the row must wait again. While it is processed, no row of these kinds is before it. */
  #mustWait(lane: string, kinds: readonly Kind[], process: () => void): boolean {
    const those = kinds.map((kind) => this.#waiting[kind]).filter((lanes) => lanes.delete(lane));
    this.#isProcessing = true;
    process();
    this.#isProcessing = false;
    const mustWait = those.some((lanes) => lanes.has(lane));
    for (const lanes of those) lanes.add(lane);
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
        for (const lane of this.#waiting[kind]) {
          const waitMs = probeInMs(lane);
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
