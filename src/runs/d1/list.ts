/**
 * Lists runs in D1, newest first: one statement for each page, always along an index. A page ends at its limit, at 4 MB, or
 * after 5000 rows looked at. So a page may be short, or even empty, and still have a next one.
 */

import { PAGE_MAX_BYTES, PAGE_MAX_LOOKED_AT } from "../../http/limits.ts";
import { idOf } from "../action-run.ts";
import type { RunListQuery } from "../api/request-schemas.ts";
import { STATUSES } from "../run.ts";
import { AFTER_ALL_IDS, firstIdAt } from "../run-id.ts";

export interface RunPage {
  /** ActionRuns as JSON text. */
  readonly actionRuns: readonly string[];
  /** The id after which the next page starts; null on the last page. */
  readonly nextAfter: string | null;
}

/**
 * `looked` walks one index from newest to oldest. `ok` is whether a row passes the other filters. Windows number the rows and
 * add up their bytes in the same order, so nothing is sorted. Bodies are read last, and only for rows that fit. Row
 * PAGE_MAX_LOOKED_AT is returned even if it does not pass, because the next page starts there.
 */
export function listStatement(scope: string, query: RunListQuery) {
  const bindings: (string | number)[] = [];
  const bind = (value: string | number) => `?${bindings.push(value)}`;

  const before = query.createdBefore && firstIdAt(query.createdBefore.ceilMs);
  const [upper = AFTER_ALL_IDS] = [query.cursor, before].filter((bound) => bound !== undefined).sort();
  const lower = query.createdAfter === undefined ? "" : firstIdAt(query.createdAfter.floorMs + 1);
  const range = `scope = ${bind(scope)} AND id < ${bind(upper)} AND id >= ${bind(lower)}`;

  // No statuses and all statuses mean no filter.
  const asked = [...new Set(query.status)];
  const statuses = asked.length === STATUSES.length ? [] : asked;
  const filters = [
    ["runs_by_entity", "entity_id", query.entityId],
    ["runs_by_action", "action_name", query.actionName],
    ["runs_by_trigger", "triggered_by", query.triggeredBy],
  ] as const;
  const given = filters.flatMap(([index, column, value]) =>
    value === undefined ? [] : [{ index, test: `${column} = ${bind(value)}` }],
  );
  const [walked, ...rest] = given;
  const tests = rest.map(({ test }) => test);
  if (walked !== undefined && statuses.length > 0) tests.push(`status IN (${statuses.map(bind).join(", ")})`);

  const lookedAt = tests.length > 0 ? PAGE_MAX_LOOKED_AT : query.limit + 1;
  const passes = tests.length > 0 ? tests.join(" AND ") : "1";
  const walk = (index: string, test: string) =>
    `SELECT rowid AS row, id, bytes, ${passes} AS ok FROM runs INDEXED BY ${index} WHERE ${range}${test}`;
  const walks =
    walked !== undefined
      ? [walk(walked.index, ` AND ${walked.test}`)]
      : statuses.length > 0
        ? statuses.map((status) => walk("runs_by_status", ` AND status = ${bind(status)}`))
        : [walk("sqlite_autoindex_runs_1", "")];

  const sql = `
    SELECT CASE WHEN NOT looked.ok THEN '' WHEN looked.total <= ${PAGE_MAX_BYTES} THEN runs.body END AS body,
           CASE WHEN looked.n = ${PAGE_MAX_LOOKED_AT} THEN looked.id END AS stop
    FROM (
      SELECT row, id, ok, row_number() OVER sofar AS n, sum(iif(ok, bytes, 0)) OVER sofar AS total
      FROM (${walks.join(" UNION ALL ")} ORDER BY id DESC LIMIT ${lookedAt})
      WINDOW sofar AS (ROWS UNBOUNDED PRECEDING)
    ) AS looked CROSS JOIN runs ON runs.rowid = looked.row
    WHERE looked.ok OR looked.n = ${PAGE_MAX_LOOKED_AT}
    LIMIT ${query.limit + 1}`;
  return { sql, bindings };
}

/**
 * `body`: an ActionRun; null if the row passes but does not fit; empty if it does not pass. `stop`: the id of the last row that
 * may be looked at. There are no other columns, because a page's cost is mostly the transfer.
 */
type PageRow = [body: string | null, stop: string | null];

export async function listRuns(
  session: D1DatabaseSession,
  scope: string,
  query: RunListQuery,
): Promise<RunPage> {
  const { sql, bindings } = listStatement(scope, query);
  const rows = await session
    .prepare(sql)
    .bind(...bindings)
    .raw<PageRow>();
  return toPage(rows, query.limit);
}

function toPage(rows: readonly PageRow[], limit: number): RunPage {
  const actionRuns: string[] = [];
  for (const [body, stop] of rows) {
    // The row passes, but the page is full by number or by bytes.
    if (body === null || (body !== "" && actionRuns.length === limit)) {
      return { actionRuns, nextAfter: idOf(actionRuns.at(-1) ?? "") };
    }
    if (body !== "") actionRuns.push(body);
    if (stop !== null) return { actionRuns, nextAfter: stop };
  }
  return { actionRuns, nextAfter: null };
}
