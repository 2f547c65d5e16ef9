/** What must be true of a coordinator's gates after each step, whatever happened. Each is read from the journal. */

import { LEASE_MS } from "../../src/webhooks/delivery.ts";
import { endsAt, isOpen, isWaiter, type Row, readRows, slotNameOf } from "./rows.ts";
import { AFTER_FAILURE_MS, type Stage } from "./stage.ts";

/** A waiter whose release failed waits so long. */
const PUT_OFF_MS = 10_000;
/** A run whose turn failed a few times gets the next one after so long at most. */
const BACKOFF_MS = 12 * PUT_OFF_MS;

export interface KnownPause {
  readonly until: number | null;
  readonly at: number;
}

export class Violation extends Error {}

export class Invariants {
  readonly #stage: Stage;
  readonly rows = new Map<string, Row>();
  /** By group and action: the limit of the newest version that the coordinator was told. */
  readonly limits = new Map<string, { readonly version: number; readonly limit: number }>();
  readonly pauses = new Map<string, KnownPause>();
  /** Runs whose time gate somebody opened. */
  readonly opened = new Set<string>();
  /** Whether nothing has happened since the alarm that only the next alarm notices. */
  isCalm = false;
  /** Whether the alarm must be set for what comes next. */
  isArmed = true;
  /** Whether it must ring at once. */
  mustRing = false;
  #since = 0;
  /** The highest instant that the clock has shown. */
  #latest = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  get open(): Row[] {
    return [...this.rows.values()].filter(isOpen);
  }

  isInGroup(group: string, actionName: string): boolean {
    return [...this.rows.values()].some(
      (row) =>
        row.gates?.concurrency?.group === group &&
        row.actionName === actionName &&
        (isOpen(row) || row.slotUntil !== null),
    );
  }

  /** Whether this is news. */
  noteLimit(group: string, actionName: string, version: number, limit: number): boolean {
    const known = this.limits.get(`${group} ${actionName}`);
    if (known !== undefined && known.version >= version) return false;
    this.limits.set(`${group} ${actionName}`, { version, limit });
    return true;
  }

  /** Reads what has changed, and checks it. `isRung`: every alarm that was due has rung. */
  check(sql: SqlStorage, alarmAt: number | null, isRung: boolean): void {
    const now = this.#stage.now;
    this.#latest = Math.max(this.#latest, now);
    const before = new Map(this.rows);
    const changed = readRows(sql, this.#since);
    const ids = new Set(changed.map(({ id }) => id));
    // A slot comes free without a version.
    for (const row of before.values()) {
      if (row.slotUntil !== null && !ids.has(row.id)) this.rows.set(row.id, { ...row, slotUntil: null });
    }
    for (const row of changed) {
      this.rows.set(row.id, row);
      this.#since = Math.max(this.#since, row.changeSeq);
    }
    for (const row of changed) {
      const old = before.get(row.id);
      if (old?.version !== row.version) this.#checkChange(old, row, now);
      this.#checkHeldAfterEnd(row);
      if (isRung && !this.#failed(row)) this.#checkRung(row, now);
    }
    const released = changed.filter(
      ({ id, releasedAt }) => releasedAt !== null && (before.get(id)?.releasedAt ?? null) === null,
    );
    for (const row of released) this.#checkRelease(row, now);
    if (isRung || this.isCalm) this.#checkRoom(now, isRung);
    if (this.isArmed) this.#checkAlarm(alarmAt, now);
    this.mustRing = false;
    // What is over needs no look any more.
    for (const row of changed) if (!isOpen(row) && row.slotUntil === null) this.rows.delete(row.id);
  }

  /** An attempt leaves: its run must be open and released, and the attempt on record. Call it when it leaves. */
  checkSent(sql: SqlStorage, runId: string, attempt: number): void {
    const [row] = sql.exec<{
      gates: string | null;
      releasedAt: number | null;
      isOpen: number;
      attempt: number | null;
    }>(
      `SELECT gates, released_at AS releasedAt, completed_at IS NULL AS isOpen, attempt
       FROM runs LEFT JOIN deliveries ON run_id = id AND lease_until IS NOT NULL WHERE id = ?`,
      runId,
    );
    if (row === undefined || row.isOpen !== 1) fail(`an attempt left for ${runId}, which has ended`);
    if (row.gates !== null && row.releasedAt === null)
      fail(`an attempt left for ${runId} before its release`);
    if (row.attempt !== attempt)
      fail(`attempt ${attempt} of ${runId} left, and the journal has ${row.attempt}`);
  }

  #checkChange(old: Row | undefined, row: Row, now: number): void {
    const { id, gates, waitingFor, waitingSince, releasedAt, completedAt } = row;
    if (gates === null) return;
    if (old !== undefined && row.version <= old.version)
      fail(`${id} went from version ${old.version} to ${row.version}`);
    if (old !== undefined && old.releasedAt !== null && old.releasedAt !== releasedAt)
      fail(`${id} was released twice`);
    if (waitingFor !== null && (completedAt !== null || releasedAt !== null))
      fail(`${id} waits, and does not`);
    if (completedAt === null && waitingFor === null && releasedAt === null)
      fail(`${id} is neither waiting nor released`);
    if (isOpen(row)) this.#checkGate(row);
    if (releasedAt !== null && old?.releasedAt == null) {
      if (releasedAt >= gates.waitUntil) fail(`${id} was released after its time to wait`);
      this.#requireOpened(row, now);
    }
    if (releasedAt !== null && row.deadlineAt !== releasedAt + row.timeoutMs)
      fail(`the deadline of ${id} does not count from its release`);
    const instants = [row.createdAt, old?.waitingSince ?? null, waitingSince, releasedAt, completedAt];
    const known = instants.filter((at) => at !== null);
    if (known.some((at, i) => at < (known[i - 1] ?? 0)))
      fail(`instants of ${id} go back: ${instants.join(", ")}`);
  }

  /** What it shows is the first gate that is closed. */
  #checkGate(row: Row): void {
    const { gates, waitingFor, approvals, id } = row;
    if (gates === null || waitingFor === null) return;
    const isTimeOpen = gates.notBefore === null || this.#latest >= gates.notBefore || this.opened.has(id);
    if (waitingFor === "time") {
      if (gates.notBefore === null || this.opened.has(id)) fail(`${id} waits for a time that has come`);
      return;
    }
    if (!isTimeOpen) fail(`${id} waits for ${waitingFor} before its time`);
    const lacks = gates.approval !== null && approvals < gates.approval.required;
    if ((waitingFor === "approval") !== lacks)
      fail(`${id} waits for ${waitingFor} with ${approvals} approvals`);
  }

  #requireOpened({ id, gates, approvals }: Row, now: number): void {
    const { notBefore = null, approval = null } = gates ?? {};
    if (notBefore !== null && now < notBefore && this.#latest < notBefore && !this.opened.has(id))
      fail(`${id} was released before its time`);
    if (approval !== null && approvals < approval.required) fail(`${id} was released without approval`);
  }

  /** An attempt that is under way holds the slot of its run, and nothing else of an ended run does. */
  #checkHeldAfterEnd(row: Row): void {
    const { id, slotUntil } = row;
    if (isOpen(row) || this.#failed(row)) return;
    const attempt = this.#stage.newest.get(id) ?? 0;
    const isAnswered = this.#stage.answered.has(`${id}#${attempt}`);
    if (slotUntil !== null && isAnswered) fail(`${id} holds its slot although its attempt has ended`);
    if (slotUntil !== null && slotUntil > this.#latest + LEASE_MS)
      fail(`${id} holds its slot beyond a lease`);
  }

  /** Call it before a step with which runs can end: those of which an attempt is under way. */
  attemptsUnderWay(): Map<string, number> {
    return new Map(
      this.open
        .filter(
          ({ gates, leaseUntil, releasedAt }) =>
            gates?.concurrency && leaseUntil !== null && releasedAt !== null,
        )
        .map(({ id, leaseUntil }) => [id, leaseUntil ?? 0]),
    );
  }

  /** Those that have ended since, and whose attempt has no answer yet, hold their slots. */
  checkStillHeld(underWay: ReadonlyMap<string, number>, sql: SqlStorage): void {
    const now = this.#stage.now;
    for (const [id, leaseUntil] of underWay) {
      const attempt = this.#stage.newest.get(id) ?? 0;
      if (leaseUntil <= now || this.#stage.answered.has(`${id}#${attempt}`)) continue;
      const [row] = sql.exec<{ slotUntil: number | null; isOver: number; startedAt: number | null }>(
        "SELECT slot_until AS slotUntil, completed_at IS NOT NULL AS isOver, started_at AS startedAt FROM runs WHERE id = ?",
        id,
      );
      if (row?.isOver === 1 && row.slotUntil === null)
        fail(`${id} lost its slot while an attempt is under way`);
    }
  }

  #checkRung(row: Row, now: number): void {
    const { id, slotUntil, waitingFor, gates } = row;
    if (slotUntil !== null && slotUntil <= now) fail(`${id} holds its slot after its lease`);
    if (!isOpen(row)) return;
    if (endsAt(row) <= now) fail(`${id} is open after its time`);
    if (waitingFor === "time" && (gates?.notBefore ?? 0) <= now) fail(`the time gate of ${id} did not open`);
  }

  holdersOf(name: string): Row[] {
    return [...this.rows.values()].filter(
      (row) =>
        slotNameOf(row) === name &&
        row.gates?.concurrency &&
        row.releasedAt !== null &&
        (isOpen(row) || (row.slotUntil !== null && row.slotUntil > this.#stage.now)),
    );
  }

  #waitersOf(name: string): Row[] {
    return [...this.rows.values()]
      .filter((row) => isWaiter(row) && slotNameOf(row) === name)
      .sort((a, b) => (a.readySeq ?? 0) - (b.readySeq ?? 0));
  }

  #limitOf({ gates, actionName, actionVersion }: Row): number {
    const concurrency = gates?.concurrency ?? null;
    if (concurrency === null) return Number.POSITIVE_INFINITY;
    const known = this.limits.get(`${concurrency.group} ${actionName}`);
    if (concurrency.isClaimed || known === undefined || known.version < (actionVersion ?? 0))
      return concurrency.limit;
    return known.limit;
  }

  #isPaused(name: string, now: number): boolean {
    const group = name.slice(0, name.indexOf("/"));
    return [group, ""].some((paused) => {
      const pause = this.pauses.get(paused);
      return pause !== undefined && (pause.until === null || pause.until > now);
    });
  }

  #checkRelease(row: Row, now: number): void {
    const name = slotNameOf(row) ?? "";
    if (row.gates === null) return;
    if (this.#isPaused(name, now)) fail(`${row.id} was released during a pause`);
    const first = this.#waitersOf(name).find((waiter) => !this.#isPutOff(waiter));
    if (first !== undefined && (first.readySeq ?? 0) < (row.readySeq ?? 0))
      fail(`${row.id} overtook ${first.id}`);
    if (row.gates.concurrency === null) return;
    const holders = this.holdersOf(name);
    const least = Math.min(...holders.map((holder) => this.#limitOf(holder)));
    if (holders.length > least && isOpen(row)) {
      fail(`${holders.length} runs hold slots of ${name}, of ${least}, after the release of ${row.id}`);
    }
  }

  /** Nobody waits while there is room. */
  #checkRoom(now: number, isRung: boolean): void {
    const names = new Set(this.open.filter(isWaiter).map((row) => slotNameOf(row) ?? ""));
    for (const name of names) {
      const line = this.#waitersOf(name);
      const at = line.findIndex((waiter) => !this.#isPutOff(waiter) && endsAt(waiter) > now);
      const first = line[at];
      if (first === undefined) continue;
      const holders = this.holdersOf(name);
      // A write of those before has failed. They are put off only if there was room for them.
      const limits = [...holders, ...line.slice(0, at + 1)].map((row) => this.#limitOf(row));
      const least = Math.min(...limits);
      const isPaused = this.#isPaused(name, now);
      const isFree = holders.length < least;
      if (isFree && !isPaused) {
        fail(`${first.id} waits at ${name} although ${holders.length} of ${least} hold slots`);
      }
      if (isRung && at === 0) this.#checkShown(first, isFree, isPaused);
    }
  }

  /** The first of a line shows a pause only if nothing else holds it back. */
  #checkShown({ id, waitingFor, gates }: Row, isFree: boolean, isPaused: boolean): void {
    if (isFree && waitingFor !== "pause") fail(`${id} is paused and shows ${waitingFor}`);
    if (!isPaused && waitingFor === "pause") fail(`${id} waits for a pause that is over`);
    if (!isFree && gates?.concurrency?.onConflict === "reject" && waitingFor !== "pause") {
      fail(`${id} does not want to wait`);
    }
  }

  /** The alarm is set for what comes next, at the latest. */
  #checkAlarm(alarmAt: number | null, now: number): void {
    const next = Math.min(
      ...[...this.rows.values()].filter((row) => !this.#failed(row)).map(nextOf),
      ...this.#pauseEnds(),
    );
    if (
      this.mustRing &&
      (alarmAt === null || alarmAt > Math.max(now, this.#stage.alarmFailedAt + AFTER_FAILURE_MS))
    )
      fail("a new limit counts, and the alarm does not ring at once");
    if (next === Number.POSITIVE_INFINITY) return;
    const { alarmFailedAt } = this.#stage;
    if (alarmAt === null || alarmAt > Math.max(next, now, alarmFailedAt + AFTER_FAILURE_MS)) {
      fail(
        `the alarm is set for ${alarmAt === null ? "never" : alarmAt - now} ms from now, and must ring in ${next - now}`,
      );
    }
  }

  #pauseEnds(): number[] {
    return [...this.pauses.values()].map(({ until }) => until ?? Number.POSITIVE_INFINITY);
  }

  /** Its turn is put off with a backoff, after a write of it has failed. */
  #failed({ id }: Row): boolean {
    const at = this.#stage.failedAt.get(id);
    return at !== undefined && Math.abs(this.#stage.now - at) < BACKOFF_MS;
  }

  /** Until then by the clock: if it steps back, so does its alarm. */
  #isPutOff({ id }: Row): boolean {
    const at = this.#stage.failedAt.get(id);
    return at !== undefined && this.#stage.now < at + PUT_OFF_MS;
  }
}

function nextOf(row: Row): number {
  if (!isOpen(row)) return row.slotUntil ?? Number.POSITIVE_INFINITY;
  const opensAt = row.waitingFor === "time" ? (row.gates?.notBefore ?? null) : null;
  return Math.min(
    endsAt(row),
    opensAt ?? Number.POSITIVE_INFINITY,
    row.leaseUntil ?? Number.POSITIVE_INFINITY,
  );
}

function fail(message: string): never {
  throw new Violation(message);
}
