/** One statement for each page, along an index. A page can be short, or even empty, and still have a next one. */
import { PAGE_MAX_BYTES, PAGE_MAX_LOOKED_AT, TEXT_MAX_BYTES } from "../../base/limits.ts";
import { idOf, NO_DETAILS, withDetails } from "../action-run.ts";
import { type RunState, STATUSES, type Status } from "../run.ts";
import {
  type Condition,
  conditionsOf,
  containsText,
  idRangeOf,
  type Page,
  type RunPageQuery,
  type TextQuery,
} from "../run-filters.ts";

/** `text`: an ActionRun as JSON, with its details if the query includes them. */
export interface ListedRun {
  readonly id: string;
  readonly text: string;
}

const COLUMNS = {
  ofRuns: "rowid AS row, id, bytes",
  ofLabelled: "runs.rowid AS row, labelled.id AS id, runs.bytes AS bytes",
};

/**
 * Windows number the rows and add up their bytes in the order of the index, so nothing is sorted. Bodies are read last,
 * and only of rows that fit. Row PAGE_MAX_LOOKED_AT is always returned, because the next page starts there. Details
 * don't count for the bytes: reading their size costs as much as reading the body before them.
 */
export function listStatement(scope: string, query: RunPageQuery, bounds?: WalkBounds) {
  const { first, bindings, isFiltered } = orderedWalk(scope, query, COLUMNS, bounds);
  const lookedAt = isFiltered ? PAGE_MAX_LOOKED_AT : query.limit + 1;
  const details = query.include === undefined ? "" : ", runs.details AS details";
  const sql = `
    SELECT CASE WHEN NOT looked.ok THEN '' WHEN looked.total <= ${PAGE_MAX_BYTES} THEN runs.body END AS body,
           CASE WHEN looked.n = ${PAGE_MAX_LOOKED_AT} THEN looked.id END AS last${details}
    FROM (
      SELECT row, id, ok, row_number() OVER sofar AS n, sum(iif(ok, bytes, 0)) OVER sofar AS total
      FROM (${first(lookedAt)})
      WINDOW sofar AS (ROWS UNBOUNDED PRECEDING)
    ) AS looked CROSS JOIN runs ON runs.rowid = looked.row
    WHERE looked.ok OR looked.n = ${PAGE_MAX_LOOKED_AT}
    LIMIT ${query.limit + 1}`;
  return { sql, bindings };
}

/**
 * `searched` reads each body once. Its LIMIT ends nothing: without it, SQLite would merge the query into the one around
 * it, and search each body twice. Everything streams, so a full page ends the walk. Bodies that are found are read
 * again, because the window would copy them.
 */
export function textStatement(scope: string, { text, ...query }: TextQuery, bounds?: WalkBounds) {
  const { first, bindings } = orderedWalk(scope, query, COLUMNS, bounds);
  const bind = (value: string) => `?${bindings.push(value)}`;
  const contains = containsText(text, { body: "runs.body", details: "runs.details" }, bind);
  const details = query.include === undefined ? "" : ", runs.details AS details";
  const sql = `
    SELECT CASE WHEN NOT found.ok THEN '' WHEN found.total <= ${PAGE_MAX_BYTES} THEN runs.body END AS body,
           CASE WHEN found.is_last THEN found.id END AS last${details}
    FROM (
      SELECT row, id, ok, is_last, sum(iif(ok, bytes, 0)) OVER (ROWS UNBOUNDED PRECEDING) AS total
      FROM (
        SELECT looked.row AS row, looked.id AS id, looked.bytes AS bytes,
               looked.n = ${PAGE_MAX_LOOKED_AT} OR looked.searched >= ${TEXT_MAX_BYTES} AS is_last,
               CASE WHEN looked.ok THEN ${contains} ELSE 0 END AS ok
        FROM (
          SELECT row, id, ok, bytes, row_number() OVER sofar AS n, sum(iif(ok, bytes, 0)) OVER sofar AS searched
          FROM (${first(PAGE_MAX_LOOKED_AT)})
          WINDOW sofar AS (ROWS UNBOUNDED PRECEDING)
        ) AS looked CROSS JOIN runs ON runs.rowid = looked.row
        WHERE looked.searched - iif(looked.ok, looked.bytes, 0) < ${TEXT_MAX_BYTES}
        LIMIT ${PAGE_MAX_LOOKED_AT}
      ) AS searched
      WHERE ok OR is_last
    ) AS found CROSS JOIN runs ON runs.rowid = found.row
    LIMIT ${query.limit + 1}`;
  return { sql, bindings };
}

/** `body`: null if the row does not fit; empty if it does not pass. `last`: its id, if the walk ends with the row. */
type PageRow = [body: string | null, last: string | null, details?: string | null];

/** By a text, only a coordinator asks, because it lets one such query run at a time. */
export async function listRuns(
  session: D1DatabaseSession,
  scope: string,
  query: RunPageQuery | TextQuery,
  bounds?: WalkBounds,
): Promise<Page<ListedRun>> {
  const statement = "text" in query ? textStatement(scope, query, bounds) : listStatement(scope, query, bounds);
  return toPage(await rowsOf<PageRow>(session, statement), query.limit);
}

export function rowsOf<T extends unknown[]>(
  session: D1DatabaseSession,
  { sql, bindings }: { readonly sql: string; readonly bindings: readonly (string | number)[] },
): Promise<T[]> {
  const statement = session.prepare(sql).bind(...bindings);
  return statement.raw<T>();
}

function toPage(rows: readonly PageRow[], limit: number): Page<ListedRun> {
  const items: ListedRun[] = [];
  for (const [body, last, details] of rows) {
    // The row passes, but the page is full by number or by bytes.
    if (body === null || (body !== "" && items.length === limit)) {
      return { items, endsAt: items.at(-1)?.id ?? null };
    }
    if (body !== "") {
      const text = details === undefined ? body : withDetails(body, details ?? NO_DETAILS);
      items.push({ id: idOf(body), text });
    }
    if (last !== null) return { items, endsAt: last };
  }
  return { items, endsAt: null };
}

const WAITS = "status = 'pending' AND waiting IS NOT NULL AS waits";
const MATCHING_COLUMNS = {
  ofRuns: `id, status, ${WAITS}`,
  ofLabelled: `labelled.id AS id, runs.status AS status, runs.${WAITS}`,
};

type MatchingQuery = Omit<RunPageQuery, "order" | "include">;

function matchingStatement(scope: string, query: MatchingQuery, bounds: WalkBounds | undefined) {
  const { first, bindings, isFiltered } = orderedWalk(scope, query, MATCHING_COLUMNS, bounds);
  const lookedAt = isFiltered ? PAGE_MAX_LOOKED_AT : Math.min(query.limit, PAGE_MAX_LOOKED_AT);
  // The last row that is looked at is returned even if it does not pass, because the next page starts there.
  const sql = `
    SELECT looked.id, looked.status, looked.waits, looked.ok, looked.n = ${lookedAt} AS is_last
    FROM (
      SELECT id, status, waits, ok, row_number() OVER (ROWS UNBOUNDED PRECEDING) AS n
      FROM (${first(lookedAt)})
    ) AS looked
    WHERE looked.ok OR looked.n = ${lookedAt}
    LIMIT ${query.limit}`;
  return { sql, bindings };
}

type MatchingRow = [id: string, status: Status, waits: number, ok: number, isLast: number];

export async function findMatching(
  session: D1DatabaseSession,
  scope: string,
  query: MatchingQuery,
  bounds?: WalkBounds,
): Promise<Page<RunState>> {
  const rows = await rowsOf<MatchingRow>(session, matchingStatement(scope, query, bounds));
  const [lastId, , , , isLast] = rows.at(-1) ?? [];
  const isFull = isLast === 1 || rows.length === query.limit;
  const matching = rows.filter(([, , , ok]) => ok === 1);
  const items = matching.map(([id, status, waits]) => ({ id, status, isWaiting: waits === 1 }));
  return { items, endsAt: isFull ? (lastId ?? null) : null };
}

interface Columns {
  readonly ofRuns: string;
  readonly ofLabelled: string;
}

export interface WalkBounds {
  readonly without?: readonly string[] | undefined;
  readonly completeTo?: string | undefined;
}

const ALL = { index: "sqlite_autoindex_runs_1", alternatives: [""] };

/** A walk in the order of the query. `first`: SQL of its first rows. */
function orderedWalk(scope: string, query: Omit<RunPageQuery, "limit">, columns: Columns, bounds?: WalkBounds) {
  // All statuses mean no filter.
  const status = new Set(query.status).size === STATUSES.length ? undefined : query.status;
  const { selects, bindings, isFiltered } = walkOf(scope, { ...query, status }, columns, bounds);
  const direction = query.order === "oldest" ? "ASC" : "DESC";
  const first = (limit: number) => `${selects.join(" UNION ALL ")} ORDER BY id ${direction} LIMIT ${limit}`;
  return { first, bindings, isFiltered };
}

/**
 * One walk serves a list and a summary, so that both see the same runs. Each of `selects` walks one range of an index,
 * and selects the columns and `ok`: whether the row passes the other filters.
 */
export function walkOf(scope: string, query: Omit<RunPageQuery, "limit">, columns: Columns, bounds: WalkBounds = {}) {
  const bindings: (string | number)[] = [];
  const bind = (value: string | number) => `?${bindings.push(value)}`;
  const [walked, ...others] = conditionsOf(query, bind);

  const { without = [], completeTo } = bounds;
  const { lower, upper } = idRangeOf(query, completeTo);
  const [inScope, below, from] = [bind(scope), bind(upper), bind(lower)];
  const leftOut = without.length === 0 ? "" : bind(JSON.stringify(without));
  const rangeOf = (table: string) =>
    `${table}scope = ${inScope} AND ${table}id < ${below} AND ${table}id >= ${from}` +
    (leftOut && ` AND ${table}id NOT IN (SELECT value FROM json_each(${leftOut}))`);

  const passes = others.length === 0 ? "1" : others.map(testOf).join(" AND ");
  const isFiltered = others.length > 0;
  if (walked !== undefined && "label" in walked) {
    const select = `SELECT ${columns.ofLabelled}, ${passes} AS ok
      FROM run_labels AS labelled
      CROSS JOIN runs INDEXED BY sqlite_autoindex_runs_1 ON runs.scope = labelled.scope AND runs.id = labelled.id
      WHERE ${rangeOf("labelled.")} AND labelled.label = ${walked.label}`;
    return { selects: [select], bindings, isByStatus: false, isFiltered };
  }
  const { index, alternatives } = walked ?? ALL;
  const selects = alternatives.map(
    (test) => `SELECT ${columns.ofRuns}, ${passes} AS ok FROM runs INDEXED BY ${index}
      WHERE ${rangeOf("")}${test && ` AND ${test}`}`,
  );
  return { selects, bindings, isByStatus: index === "runs_by_status", isFiltered };
}

function testOf({ alternatives }: Condition): string {
  return `(${alternatives.join(" OR ")})`;
}
