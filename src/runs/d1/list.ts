/**
 * Lists runs in D1, by default newest first: one statement for each page, always along an index. A page ends at its
 * limit, at PAGE_MAX_BYTES, or after PAGE_MAX_LOOKED_AT rows. So a page can be short, or even empty, and still have a
 * next one.
 */

import { PAGE_MAX_BYTES, PAGE_MAX_LOOKED_AT } from "../../base/limits.ts";
import { idOf } from "../action-run.ts";
import { NO_DETAILS, withDetails } from "../details.ts";
import type { Page } from "../merged-page.ts";
import type { RunPageQuery } from "../run-filters.ts";
import { type WalkBounds, walkOf, withoutAllStatuses } from "./walk.ts";

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
 * `looked` walks one index in the order of the list. `ok` is whether a row passes the other filters. Windows number the
 * rows and add up their bytes in the same order, so nothing is sorted. Bodies are read last, and only of rows that fit.
 * Row PAGE_MAX_LOOKED_AT is returned even if it does not pass, because the next page starts there. Details don't count
 * for the 4 MB: they have at most a few KB, and reading their size would cost as much as reading the body before them.
 */
export function listStatement(scope: string, query: RunPageQuery, bounds?: WalkBounds) {
  const walked = { ...query, status: withoutAllStatuses(query.status) };
  const { selects, bindings, isFiltered } = walkOf(scope, walked, COLUMNS, bounds);

  const lookedAt = isFiltered ? PAGE_MAX_LOOKED_AT : query.limit + 1;
  const direction = query.order === "oldest" ? "ASC" : "DESC";
  const details = query.include === undefined ? "" : ", runs.details AS details";
  const sql = `
    SELECT CASE WHEN NOT looked.ok THEN '' WHEN looked.total <= ${PAGE_MAX_BYTES} THEN runs.body END AS body,
           CASE WHEN looked.n = ${PAGE_MAX_LOOKED_AT} THEN looked.id END AS last${details}
    FROM (
      SELECT row, id, ok, row_number() OVER sofar AS n, sum(iif(ok, bytes, 0)) OVER sofar AS total
      FROM (${selects.join(" UNION ALL ")} ORDER BY id ${direction} LIMIT ${lookedAt})
      WINDOW sofar AS (ROWS UNBOUNDED PRECEDING)
    ) AS looked CROSS JOIN runs ON runs.rowid = looked.row
    WHERE looked.ok OR looked.n = ${PAGE_MAX_LOOKED_AT}
    LIMIT ${query.limit + 1}`;
  return { sql, bindings };
}

/**
 * `body`: an ActionRun; null if the row passes but does not fit; empty if it does not pass. `last`: the id, if this is
 * the last row that may be looked at. `details`: only if the query includes them; null if the run has none. There are
 * no other columns, because a page costs mostly its transfer.
 */
type PageRow = [body: string | null, last: string | null, details?: string | null];

export async function listRuns(
  session: D1DatabaseSession,
  scope: string,
  query: RunPageQuery,
  bounds?: WalkBounds,
): Promise<Page<ListedRun>> {
  const { sql, bindings } = listStatement(scope, query, bounds);
  const rows = await session
    .prepare(sql)
    .bind(...bindings)
    .raw<PageRow>();
  return toPage(rows, query.limit);
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
