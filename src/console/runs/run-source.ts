/**
 * Reads the runs that one address asks for. A poll reads the newest of them. Open runs that a poll does not cover are
 * read one by one, a few with each poll, so that no run is shown as open for long after its end.
 */

import { ActionRunsError, type Client } from "../../client/index.ts";
import { filterOf } from "./filters.ts";
import { begun, merged, patched, type RunList, STRIP_RUNS, unread, withoutRun } from "./run-list.ts";
import { rowOf } from "./run-row.ts";

const PAGE_RUNS = 50;
/** The API's longest page. */
const POLL_RUNS_MAX = 200;
const READ_ALONE_MAX = 2;

export interface RunSource {
  /** null until the first page is there. */
  readonly list: () => RunList | null;
  /** Reads the first page at first, and later polls. */
  readonly read: (signal: AbortSignal) => Promise<RunList>;
  /** The runs after the page. The strip shows them. Call it once, after the first page. */
  readonly readOlder: (signal: AbortSignal) => Promise<RunList | null>;
  /** The next read shows the first page as it is then, with the runs that were held back. */
  readonly restart: () => void;
}

export function createRunSource(reader: Client, query: URLSearchParams): RunSource {
  const cursor = query.get("cursor");
  const filter = { ...filterOf(query), ...(cursor ? { cursor } : {}) };
  let list: RunList | null = null;
  let shouldRestart = false;
  let turn = 0;

  async function readPage(limit: number, signal: AbortSignal) {
    const page = await reader.runs.page({ ...filter, include: "details", limit }, { signal });
    return { rows: page.runs.map(rowOf), next: page.next };
  }

  /** In turn, because there can be many of them. */
  async function readAlone(held: RunList, ids: readonly string[], signal: AbortSignal): Promise<RunList> {
    const chosen = ids.length <= READ_ALONE_MAX ? ids : ids.slice(turn % ids.length).slice(0, READ_ALONE_MAX);
    turn += READ_ALONE_MAX;
    let changed = held;
    await Promise.all(
      chosen.map(async (id) => {
        try {
          changed = patched(changed, [rowOf(await reader.runs.get(id, { include: "details", signal }))]);
        } catch (error) {
          if (error instanceof ActionRunsError && error.status === 404) changed = withoutRun(changed, id);
        }
      }),
    );
    return changed;
  }

  return {
    list: () => list,
    async read(signal) {
      // Without rows nothing can move, so the first runs appear by themselves.
      if (list === null || list.rows.length === 0 || shouldRestart) {
        const { rows, next } = await readPage(PAGE_RUNS, signal);
        if (list?.rows.length === 0 && rows.length === 0 && next === list.next) return list;
        list = begun(rows, next, list);
        shouldRestart = false;
        return list;
      }
      const { rows } = await readPage(Math.min(PAGE_RUNS + list.fresh.length, POLL_RUNS_MAX), signal);
      const polled = merged(list, rows);
      list = polled;
      const changed = await readAlone(polled, unread(polled, rows), signal);
      // The older runs may have come meanwhile.
      list = list.older === polled.older ? changed : { ...changed, older: list.older };
      return list;
    },
    async readOlder(signal) {
      if (list === null || list.next === null) return list;
      const query = { ...filter, cursor: list.next, limit: STRIP_RUNS - list.rows.length };
      const { runs } = await reader.runs.page(query, { signal });
      list = { ...list, older: runs.map(rowOf) };
      return list;
    },
    restart() {
      shouldRestart = true;
    },
  };
}
