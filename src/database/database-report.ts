/**
 * What the cron has seen of the databases besides the control database, and of the archive: one row of the control
 * database. So the readiness check needs no statement at any other database.
 */

import { MINUTE_MS, msSinceOrLongAgo } from "../base/time.ts";
import { type Databases, hasSeveralDatabases } from "../settings/databases.ts";
import type { Env } from "../settings/env.ts";
import { type DatabaseState, type DatabaseStatus, OLDER_MAX } from "./database-state.ts";

/** The cron writes it every minute. An older report says nothing of now. */
const REPORT_MAX_MS = 5 * MINUTE_MS;

export type ArchiveStatus = "ready" | "not_answering";

export interface DatabaseReport {
  /** When the cron looked, in ms. */
  readonly lookedAt: number;
  /** The key that sealed requests then. */
  readonly keyId: string;
  /** All but number 0, in order: those that are bound, and those in which an environment lives. */
  readonly databases: readonly DatabaseState[];
  /** Null without an archive. */
  readonly archive: ArchiveStatus | null;
}

/** The row as `SELECT_REPORT` returns it. */
export interface ReportRow {
  readonly lookedAt: number;
  readonly report: string;
}

export const SELECT_REPORT = "SELECT looked_at AS lookedAt, report FROM database_report";

const WRITE = `
  INSERT INTO database_report (id, looked_at, report) VALUES (1, ?1, ?2)
  ON CONFLICT (id) DO UPDATE SET looked_at = excluded.looked_at, report = excluded.report`;

/** Whether there is anything to report on. Otherwise nobody writes or reads the row. */
export function hasReport(env: Databases & Pick<Env, "ARCHIVE">): boolean {
  return hasSeveralDatabases(env) || env.ARCHIVE !== undefined;
}

/** Null if the cron has never looked. */
export function readReport(row: ReportRow | undefined): DatabaseReport | null {
  return row === undefined ? null : { ...JSON.parse(row.report), lookedAt: row.lookedAt };
}

export function writeReport(control: D1Database, { lookedAt, ...report }: DatabaseReport): D1PreparedStatement {
  return control.prepare(WRITE).bind(lookedAt, JSON.stringify(report));
}

/** A database that is not ready, or the archive if it does not answer. */
export type Degraded =
  | { readonly database: number; readonly status: DatabaseStatus }
  | { readonly archive: ArchiveStatus };

/** What the cron has seen that is not well. `unbound`: what the control database says now, without the cron. */
export function degradedOf(report: DatabaseReport | null, unbound: readonly number[]): readonly Degraded[] {
  const { databases = [], archive = null } = report ?? {};
  const seen = databases.filter(({ status, number }) => status !== "ready" && !unbound.includes(number));
  const states = [...seen, ...unbound.map((number) => ({ number, status: "not_bound" as const }))];
  return [
    ...states.sort((a, b) => a.number - b.number).map(({ number, status }) => ({ database: number, status })),
    ...(archive === "not_answering" ? [{ archive }] : []),
  ];
}

/**
 * How many runs wait in these databases with a request that another key than `keyId` sealed. Null if that is not known
 * of each: a key must not be removed because of a count that lacks a database, or that was made for another key.
 */
export function waitingElsewhere(
  report: DatabaseReport | null,
  bound: readonly number[],
  keyId: string,
  now: number,
): number | null {
  const others = bound.filter((number) => number !== 0);
  if (others.length === 0) return 0;
  if (report === null || report.keyId !== keyId || msSinceOrLongAgo(report.lookedAt, now) > REPORT_MAX_MS) return null;
  const seen = new Map(report.databases.map((state) => [state.number, state.waitingUnderOlderKeys]));
  let sum = 0;
  // A database that is not bound can hold runs that wait.
  for (const number of new Set([...others, ...seen.keys()])) {
    const runs = seen.get(number) ?? null;
    if (runs === null) return null;
    sum += runs;
  }
  return Math.min(sum, OLDER_MAX);
}
