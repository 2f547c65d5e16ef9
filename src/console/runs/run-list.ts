/**
 * What the list and the strip show, and how a poll changes it. PURE. New runs are held back until somebody asks for
 * them, so no row moves under the pointer. A row that is shown changes where it is, and stays even if it no longer
 * matches.
 */
import type { Schemas } from "../../client/index.ts";
import { isOpen, type Status } from "../../words/statuses.ts";
import type { Waiting } from "../../words/waiting.ts";
import type { Failing } from "../gates/waiting-note.tsx";

export interface RunRow {
  readonly id: string;
  readonly actionName: string;
  /** What it is about, in a line; null if its action says nothing. */
  readonly title: string | null;
  /** The thing that it works on, such as a service. */
  readonly subject: string | null;
  /** No stored action made it. */
  readonly isByHand: boolean;
  readonly entityId: string | null;
  readonly status: Status;
  readonly triggeredBy: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly labels: readonly string[];
  readonly externalUrl: string | null;
  /** The first line of the error; null if there is none. */
  readonly problem: string | null;
  /** Somebody asked the job to stop, and the run is still open. */
  readonly isStopping: boolean;
  /** What it waits for before its webhook is sent; null if nothing holds it back. */
  readonly waiting: Waiting | null;
  /** Why its receiver did not take its webhook; null if no attempt has failed. */
  readonly failing: Failing | null;
}

export function rowOf(run: Schemas["DetailedActionRun"]): RunRow {
  const { id, actionName, entityId, status, triggeredBy, createdAt, startedAt, completedAt, error, details } = run;
  return {
    id,
    actionName,
    title: details?.title ?? null,
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
    isStopping: isOpen(status) && (details?.cancel ?? null) !== null,
    waiting: details?.waiting ?? null,
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
  if (RANKS[read.status] < RANKS[held.status] || isHeldBackAgain(held, read)) return held;
  const isSame =
    read.status === held.status &&
    read.startedAt === held.startedAt &&
    read.completedAt === held.completedAt &&
    read.externalUrl === held.externalUrl &&
    read.isStopping === held.isStopping &&
    read.failing?.reason === held.failing?.reason &&
    read.failing?.nextAttemptAt === held.failing?.nextAttemptAt &&
    isSameWait(read.waiting, held.waiting);
  return isSame ? held : read;
}

/** A run that was released once never waits again. */
function isHeldBackAgain(held: RunRow, read: RunRow): boolean {
  return held.status === read.status && held.waiting === null && read.waiting !== null;
}

/** Its place in line is left out, because a list does not have it. */
function isSameWait(one: Waiting | null, other: Waiting | null): boolean {
  return one?.for === other?.for && one?.since === other?.since && one?.reason === other?.reason;
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

/** How many runs the strip shows. */
export const STRIP_RUNS = 200;

/** A list from its first page. `before`: the list that it replaces, whose rows the strip keeps. */
export function begun(rows: readonly RunRow[], next: string | null, before: RunList | null): RunList {
  if (before === null) return { rows, older: [], fresh: [], next };
  const last = rows.at(-1);
  const known = [...before.rows, ...before.older];
  const older = last === undefined ? [] : known.filter(({ id }) => id < last.id);
  return { rows, older: older.slice(0, STRIP_RUNS - rows.length), fresh: [], next };
}

/** `read`: what a poll of the newest runs gave. */
export function merged(list: RunList, read: readonly RunRow[]): RunList {
  const changed = patched(list, read);
  const known = new Set([...list.rows, ...list.older].map(({ id }) => id));
  const last = list.rows.at(-1)?.id ?? "";
  // Lists go by id, which begins with the time. A run can get to D1 after a newer one.
  const fresh = read.filter(({ id }) => !known.has(id) && id > last);
  return hasSameRows(fresh, list.fresh) ? changed : { ...changed, fresh };
}

/** `updates`: runs that have changed. `isListed`: whether a run that is not shown belongs to the newest of the list. */
export function withUpdates(list: RunList, updates: readonly RunRow[], isListed: (row: RunRow) => boolean): RunList {
  const changed = patched(list, updates);
  const known = new Set([...list.rows, ...list.older, ...list.fresh].map(({ id }) => id));
  const last = list.rows.at(-1)?.id ?? "";
  const added = updates.filter((row) => !known.has(row.id) && row.id > last && isListed(row));
  const fresh = patchedRows(list.fresh, new Map(updates.map((row) => [row.id, row])));
  if (added.length === 0 && fresh === list.fresh) return changed;
  return { ...changed, fresh: [...added, ...fresh].sort((a, b) => (a.id < b.id ? 1 : -1)) };
}

/** With newer reads of runs that are shown. The same object if nothing changed. */
export function patched(list: RunList, read: readonly RunRow[]): RunList {
  const byId = new Map(read.map((row) => [row.id, row]));
  const rows = patchedRows(list.rows, byId);
  const older = patchedRows(list.older, byId);
  return rows === list.rows && older === list.older ? list : { ...list, rows, older };
}

/** A run that the list shows. */
export function rowIn(list: RunList, id: string): RunRow | undefined {
  return [...list.rows, ...list.older].find((row) => row.id === id);
}

/** Without a run that is gone. */
export function withoutRun(list: RunList, id: string): RunList {
  const others = (rows: readonly RunRow[]) => rows.filter((row) => row.id !== id);
  return { ...list, rows: others(list.rows), older: others(list.older) };
}

/** Open runs of the list that a poll did not return. They may have ended. */
export function unread(list: RunList, read: readonly RunRow[]): readonly string[] {
  const given = new Set(read.map(({ id }) => id));
  return [...list.rows, ...list.older].filter(({ id, status }) => isOpen(status) && !given.has(id)).map(({ id }) => id);
}

function patchedRows(rows: readonly RunRow[], byId: ReadonlyMap<string, RunRow>): readonly RunRow[] {
  const changed = rows.map((row) => {
    const read = byId.get(row.id);
    return read === undefined ? row : newer(row, read);
  });
  return changed.every((row, index) => row === rows[index]) ? rows : changed;
}

function hasSameRows(one: readonly RunRow[], other: readonly RunRow[]): boolean {
  return one.length === other.length && one.every(({ id }, index) => id === other[index]?.id);
}
