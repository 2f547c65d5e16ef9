/**
 * What the list and the strip show, and how a poll changes it. PURE. New runs are held back until somebody asks for
 * them, so no row moves under the pointer. A row that is shown changes where it is, and stays even if it no longer
 * matches.
 */
import type { Schemas } from "../../client/index.ts";
import { isOpen, type Status } from "../../words/statuses.ts";

export type RunRow = Readonly<ReturnType<typeof rowOf>>;

export function rowOf(run: Schemas["DetailedActionRun"]) {
  const { id, actionName, entityId, status, triggeredBy, createdAt, startedAt, completedAt, error, details } = run;
  return {
    id,
    actionName,
    /** What it is about, in a line; null if its action says nothing. */
    title: details?.title ?? null,
    /** The thing that it works on, such as a service. */
    subject: details?.subject ?? null,
    isByHand: isByHand(run),
    entityId,
    status,
    triggeredBy,
    createdAt,
    startedAt,
    completedAt,
    labels: details?.labels ?? [],
    externalUrl: details?.externalUrl ?? null,
    problem: firstLine(error ?? ""),
    /** Somebody asked the job to stop, and the run is still open. */
    isStopping: isOpen(status) && (details?.cancel ?? null) !== null,
    /** What it waits for before its webhook is sent; null if nothing holds it back. */
    waiting: details?.waiting ?? null,
    /** Why its receiver did not take its webhook; null if no attempt has failed. */
    failing: details?.delivery ?? null,
  };
}

/** No stored action made the run, although its name can be the name of an action. */
export function isByHand({ details }: Pick<Schemas["DetailedActionRun"], "details">): boolean {
  return details !== undefined && details.source !== "action";
}

/** A row has no room for more. */
const PROBLEM_MAX_CHARACTERS = 300;

/** The first line that is not empty, cut to what a row can show; null if there is none. */
function firstLine(text: string): string | null {
  const [, line] = /^\s*(\S[^\r\n]*)/.exec(text.slice(0, 2 * PROBLEM_MAX_CHARACTERS)) ?? [];
  return line?.slice(0, PROBLEM_MAX_CHARACTERS).trimEnd().toWellFormed() ?? null;
}

const RANKS: Readonly<Record<Status, number>> = { pending: 0, running: 1, succeeded: 2, failed: 2, cancelled: 2 };

/** The newer of two reads of one run. D1 can be behind: a run never goes back. The same object if nothing changed. */
export function newer(held: RunRow, read: RunRow): RunRow {
  // A run that was released once never waits again.
  const isHeldBackAgain = held.status === read.status && held.waiting === null && read.waiting !== null;
  if (RANKS[read.status] < RANKS[held.status] || isHeldBackAgain) return held;
  return newsOf(read) === newsOf(held) ? held : read;
}

/** Without its place in line, because a list does not have it. */
function newsOf({ status, startedAt, completedAt, externalUrl, isStopping, failing, waiting }: RunRow): string {
  const of = [failing?.reason, failing?.nextAttemptAt, waiting?.for, waiting?.since, waiting?.reason];
  return JSON.stringify([status, startedAt, completedAt, externalUrl, isStopping, ...of]);
}

export interface RunList {
  /** The rows of the table, newest first. */
  readonly rows: readonly RunRow[];
  /** Runs after the table's last row, which only the strip shows. */
  readonly older: readonly RunRow[];
  /** Runs that came since the table was read. */
  readonly fresh: readonly RunRow[];
  /** The cursor of the page after the rows; null on the last page. */
  readonly next: string | null;
}

export const STRIP_RUNS = 200;

/** A list from its first page. `before`: the list that it replaces, whose rows the strip keeps. */
export function begun(rows: readonly RunRow[], next: string | null, before: RunList | null): RunList {
  if (before === null) return { rows, older: [], fresh: [], next };
  const last = rows.at(-1);
  const older = last === undefined ? [] : shownIn(before).filter(({ id }) => id < last.id);
  return { rows, older: older.slice(0, STRIP_RUNS - rows.length), fresh: [], next };
}

/** `read`: what a poll of the newest runs gave. */
export function merged(list: RunList, read: readonly RunRow[]): RunList {
  const changed = patched(list, read);
  const fresh = unshownOf(list, read);
  return idsOf(fresh) === idsOf(list.fresh) ? changed : { ...changed, fresh };
}

/** `updates`: runs that have changed. `isListed`: whether a run that is not shown belongs to the newest of the list. */
export function withUpdates(list: RunList, updates: readonly RunRow[], isListed: (row: RunRow) => boolean): RunList {
  const changed = patched(list, updates);
  const held = new Set(list.fresh.map(({ id }) => id));
  const added = unshownOf(list, updates).filter((row) => !held.has(row.id) && isListed(row));
  const fresh = patchedRows(list.fresh, updates);
  if (added.length === 0 && fresh === list.fresh) return changed;
  return { ...changed, fresh: [...added, ...fresh].sort((a, b) => (a.id < b.id ? 1 : -1)) };
}

/** What the list does not show, and no other page of it. Lists go by id, because a run can get to D1 after a newer one. */
function unshownOf(list: RunList, read: readonly RunRow[]): readonly RunRow[] {
  const known = new Set(shownIn(list).map(({ id }) => id));
  const last = list.rows.at(-1)?.id ?? "";
  return read.filter(({ id }) => !known.has(id) && id > last);
}

/** With newer reads of runs that are shown. The same object if nothing changed. */
export function patched(list: RunList, read: readonly RunRow[]): RunList {
  const rows = patchedRows(list.rows, read);
  const older = patchedRows(list.older, read);
  return rows === list.rows && older === list.older ? list : { ...list, rows, older };
}

function patchedRows(rows: readonly RunRow[], read: readonly RunRow[]): readonly RunRow[] {
  const byId = new Map(read.map((row) => [row.id, row]));
  const changed = rows.map((row) => {
    const read = byId.get(row.id);
    return read === undefined ? row : newer(row, read);
  });
  return changed.every((row, index) => row === rows[index]) ? rows : changed;
}

/** The runs of the table and of the strip. */
export function shownIn({ rows, older }: RunList): readonly RunRow[] {
  return [...rows, ...older];
}

export function rowIn(list: RunList, id: string): RunRow | undefined {
  return shownIn(list).find((row) => row.id === id);
}

export function withoutRun(list: RunList, id: string): RunList {
  const others = (rows: readonly RunRow[]) => rows.filter((row) => row.id !== id);
  return { ...list, rows: others(list.rows), older: others(list.older) };
}

/** Open runs of the list that a poll did not return. They may have ended. */
export function unread(list: RunList, read: readonly RunRow[]): readonly string[] {
  const given = new Set(read.map(({ id }) => id));
  return shownIn(list).flatMap(({ id, status }) => (isOpen(status) && !given.has(id) ? [id] : []));
}

function idsOf(rows: readonly RunRow[]): string {
  return rows.map(({ id }) => id).join();
}
