/**
 * Lists runs in D1: newest first, one statement a page, always along an index. A page ends at its limit, at 4 MB,
 * or after so many rows looked at, so it may be short, even empty, and still have a next one.
 */

import { PAGE_MAX_BYTES, PAGE_MAX_LOOKED_AT } from "../../http/limits.ts";
import type { Statement } from "../../http/read-d1.ts";
import { idOf } from "../action-run.ts";
import type { RunListQuery } from "../api/request-schemas.ts";
import { STATUSES, type Status } from "../run.ts";
import { firstIdAt } from "../run-id.ts";

export interface RunPage {
  /** ActionRuns as JSON text. */
  readonly actionRuns: readonly string[];
  /** The id after which the next page starts; null on the last. */
  readonly nextAfter: string | null;
}

/**
 * `looked` walks one index from newest to oldest and says of each row whether the other filters let it pass (`ok`).
 * Windows number the rows and add up their bytes in that same order, with no sort. Bodies are fetched at the very
 * end and only for what fits. Row PAGE_MAX_LOOKED_AT comes out even when it does not pass: it says where to go on.
 */
export function listStatement(scope: string, query: RunListQuery): Statement {
  const bindings: (string | number)[] = [];
  const bind = (value: string | number) => `?${bindings.push(value)}`;

  const upper = [query.cursor, query.createdBefore && firstIdAt(query.createdBefore.ceilMs)];
  const lower = query.createdAfter === undefined ? "" : firstIdAt(query.createdAfter.floorMs + 1);
  const range = `scope = ${bind(scope)} AND id < ${bind(least(upper))} AND id >= ${bind(lower)}`;

  const statuses = statusFilter(query.status);
  const filters = {
    entity_id: query.entityId,
    action_name: query.actionName,
    triggered_by: query.triggeredBy,
  };
  const given = Object.entries(filters).flatMap(([column, value]) =>
    value === undefined ? [] : [{ column, test: `${column} = ${bind(value)}` }],
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
      ? [walk(INDEX_OF[walked.column] ?? "", ` AND ${walked.test}`)]
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

const INDEX_OF: Readonly<Record<string, string>> = {
  entity_id: "runs_by_entity",
  action_name: "runs_by_action",
  triggered_by: "runs_by_trigger",
};

/** No statuses, or all of them, is no filter. */
function statusFilter(asked: readonly Status[] | undefined): Status[] {
  const statuses = [...new Set(asked)];
  return statuses.length === STATUSES.length ? [] : statuses;
}

function least(bounds: readonly (string | undefined)[]): string {
  // Sorts after every id.
  return bounds.reduce<string>((least, bound) => (bound !== undefined && bound < least ? bound : least), "g");
}

/**
 * `body`: an ActionRun; null where it passes and does not fit; empty where it does not pass. `stop`: the id of the last
 * row that may be looked at. No more than that, for what a page costs is mostly the bringing of it.
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
    // One more that passes, but the page is full, by number or by bytes.
    if (body === null || (body !== "" && actionRuns.length === limit)) {
      return { actionRuns, nextAfter: idOf(actionRuns.at(-1) ?? "") };
    }
    if (body !== "") actionRuns.push(body);
    if (stop !== null) return { actionRuns, nextAfter: stop };
  }
  return { actionRuns, nextAfter: null };
}
