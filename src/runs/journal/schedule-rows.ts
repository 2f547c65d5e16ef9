/** The transaction that creates a run of a schedule decides its time, so each time has one run. */
import { type CronTimes, lastTime, nextTimes } from "../../base/cron.ts";
import { logFailure } from "../../base/log.ts";
import type { Run } from "../run.ts";
import { type LastTime, type ReadSchedule, type ScheduleFilter, START_WITHIN_MS, type TimeOutcome } from "../starts.ts";
import { Table } from "./rows.ts";

export interface StoredSchedule extends CronTimes {
  readonly name: string;
  readonly version: number;
  readonly origin: string;
  /** The first time that is not decided; null if there is none, as of a disabled schedule. */
  readonly nextAt: number | null;
  readonly decidedAt: number | null;
  readonly outcome: TimeOutcome | null;
  readonly lastRunId: string | null;
}

export type WaitingSchedule = StoredSchedule & { readonly nextAt: number };

/** Each alarm that is set asks for them, so they are also in memory. */
export class ScheduleRows extends Table<StoredSchedule> {
  #all: ReadonlyMap<string, StoredSchedule> | null = null;
  #waiting: readonly WaitingSchedule[] = [];

  of(name: string): StoredSchedule | null {
    return this.#stored.get(name) ?? null;
  }

  isEmpty(): boolean {
    return this.#stored.size === 0;
  }

  get waiting(): readonly WaitingSchedule[] {
    return this.#stored.size === 0 ? [] : this.#waiting;
  }

  replace(read: readonly ReadSchedule[], now: number): void {
    const known = this.#stored;
    for (const schedule of read) {
      const row = known.get(schedule.name) ?? null;
      const { cron, timezone, origin, disabled } = JSON.parse(schedule.filter) as ScheduleFilter;
      const isOff = disabled || schedule.isDisabled;
      if (row?.version === schedule.version && isOff === (row.nextAt === null)) continue;
      const times = { name: schedule.name, version: schedule.version, cron, timezone, origin };
      const nextAt = isOff ? null : firstTime(times, row, now);
      this.putRow({ ...times, nextAt });
    }
    const there = new Set(read.map(({ name }) => name));
    for (const name of known.keys()) if (!there.has(name)) this.sql.exec("DELETE FROM schedules WHERE name = ?", name);
    this.forget();
  }

  decide(schedule: StoredSchedule, at: number, outcome: TimeOutcome, runId: string | null): void {
    // The times of a version begin with its instant.
    const nextAt = nextAfter(schedule, Math.max(at, schedule.version));
    const lastRunId = runId ?? schedule.lastRunId;
    this.updateRow({ nextAt, decidedAt: at, outcome, lastRunId }, "WHERE name = ?", schedule.name);
    this.forget();
  }

  skipTo(schedule: StoredSchedule, to: number): void {
    const decidedAt = lastTime(schedule, to - 1);
    this.updateRow({ nextAt: to, decidedAt, outcome: "skipped" }, "WHERE name = ?", schedule.name);
    this.forget();
  }

  lastTime(name: string): LastTime | null {
    const { decidedAt: at = null, outcome = null, lastRunId = null } = this.of(name) ?? {};
    return at === null || outcome === null ? null : { at, outcome, runId: outcome === "skipped" ? null : lastRunId };
  }

  forget(): void {
    this.#all = null;
  }

  get #stored(): ReadonlyMap<string, StoredSchedule> {
    if (this.#all !== null) return this.#all;
    const rows = this.select("ORDER BY name");
    this.#waiting = rows.flatMap((row) => (row.nextAt === null ? [] : [{ ...row, nextAt: row.nextAt }]));
    this.#all = new Map(rows.map((row) => [row.name, row]));
    return this.#all;
  }
}

export function newestTime(schedule: WaitingSchedule, now: number): number {
  const newest = found(schedule, () => lastTime(schedule, now)) ?? 0;
  return newest > schedule.version ? Math.max(newest, schedule.nextAt) : schedule.nextAt;
}

type Times = Pick<StoredSchedule, "name" | "version" | "cron" | "timezone">;

/** A time before the new version stays due: a change makes no run disappear. After a restore of D1, times begin now. */
function firstTime(times: Times, row: StoredSchedule | null, now: number): number | null {
  const { nextAt = null, version = 0, decidedAt = null } = row ?? {};
  const beginsAt = times.version > version ? Math.min(times.version, now) : now;
  if (nextAt !== null && nextAt <= beginsAt) return nextAt;
  const from = beginsAt > now - START_WITHIN_MS ? beginsAt : now;
  return nextAfter(times, Math.max(from, decidedAt ?? 0));
}

function nextAfter(times: Times, after: number): number | null {
  return found(times, () => nextTimes(times, after, 1)[0]);
}

/** Null if there is none, or if this runtime does not know the time zone any more. */
function found({ name }: Times, find: () => number | null | undefined): number | null {
  try {
    return find() ?? null;
  } catch (error) {
    logFailure("schedule_without_times", error, { schedule: name });
    return null;
  }
}

/** `runId`: of the run that has ended. `retryId`: of the run that repeats it; null until it is created. */
export interface PlannedRetry {
  readonly runId: string;
  readonly retryId: string | null;
}

type Row = PlannedRetry & Readonly<Record<"actionName" | "entityId" | "subject", string>>;

/** An environment without any pays nothing. */
export class PlannedRetryRows extends Table<Row> {
  #isAny: boolean | null = null;

  get isAny(): boolean {
    this.#isAny ??= this.hasRow("SELECT 1 FROM planned_retries LIMIT 1");
    return this.#isAny;
  }

  plan({ id: runId, actionName, entityId, subject }: Run): void {
    this.#isAny = true;
    this.insertRow({ runId, retryId: null, actionName, entityId: entityId ?? "", subject: subject ?? "" });
  }

  of(runId: string): PlannedRetry | null {
    return this.isAny ? this.selectOne("WHERE run_id = ?", runId) : null;
  }

  ofRetry(retryId: string): PlannedRetry | null {
    return this.isAny ? this.selectOne("WHERE retry_id = ?", retryId) : null;
  }

  like({ actionName, entityId, subject }: Pick<Run, "actionName" | "entityId" | "subject">): readonly PlannedRetry[] {
    if (!this.isAny) return [];
    const where = "WHERE action_name = ? AND entity_id = ? AND subject = ?";
    return this.select(where, actionName, entityId ?? "", subject ?? "");
  }

  toMake(limit: number, after = ""): readonly PlannedRetry[] {
    const where = "WHERE retry_id IS NULL AND run_id > ? ORDER BY run_id LIMIT ?";
    return this.isAny ? this.select(where, after, limit) : [];
  }

  made(): readonly PlannedRetry[] {
    return this.isAny ? this.select("WHERE retry_id IS NOT NULL") : [];
  }

  noteMade(runId: string, retryId: string): void {
    this.updateRow({ retryId }, "WHERE run_id = ?", runId);
  }

  erase(runId: string): void {
    this.sql.exec("DELETE FROM planned_retries WHERE run_id = ?", runId);
    this.#isAny = null;
  }

  forget(): void {
    this.#isAny = null;
  }
}
