/**
 * Reads the runs that one address asks for, and how many there are of each status. The feed of changes tells it what
 * changed. Without the feed it polls: a poll reads the newest of the runs. Open runs that a poll does not cover are
 * read one by one, a few with each poll, so that no run is shown as open for long after its end.
 *
 * Rows are current. The service counts what its database has, which can be some seconds behind. So a list that has all
 * runs is counted here. Otherwise the counts move with the rows that are shown, and the service counts again when a poll
 * has found nothing new.
 */
import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import type { Client, Schemas } from "../../client/index.ts";
import { LOCAL } from "../../words/since.ts";
import { moved } from "../../words/statuses.ts";
import { useRoute } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { isNotFound, useRead } from "../ui/load.tsx";
import { useZone } from "../ui/time.tsx";
import { filterOf, matches } from "./filters.ts";
import {
  begun,
  merged,
  patched,
  type RunList,
  type RunRow,
  rowIn,
  rowOf,
  STRIP_RUNS,
  shownIn,
  unread,
  withoutRun,
  withUpdates,
} from "./run-list.ts";

type ActionRunSummary = Schemas["ActionRunSummary"];

const PAGE_RUNS = 50;
/** The API's longest page. */
const POLL_RUNS_MAX = 200;
const READ_ALONE_MAX = 2;
/** Counts cost more than a page, so an unchanged page is counted again only after this long. */
const COUNT_AGAIN_MS = 30_000;

interface ListedRuns {
  readonly list: RunList;
  /** Of all statuses, whichever of them the list shows. Null: nobody counts the runs that have a text. */
  readonly counts: ActionRunSummary | null;
  /** How far back a search by text looked; null if it looked at all, or if there is none. RFC 3339. */
  readonly searchedTo: string | null;
  /** The service says that the newest changes can be missing. */
  readonly isBehind: boolean;
}

export function createRunSource(reader: Client, query: URLSearchParams, zone = LOCAL) {
  const cursor = query.get("cursor");
  let filter = filterOf(query, new Date(), zone);
  let listed: ListedRuns | null = null;
  let shouldRestart = false;
  let turn = 0;
  let countedAt = 0;
  /** Which poll counts: 0 is the next one, 1 the one after it. null: no change asks for it. */
  let countIn: 0 | 1 | null = null;
  let readAt = 0;

  /** Rows and counts change together. */
  function show(list: RunList): void {
    if (listed === null || list === listed.list) return;
    const move = (counts: ActionRunSummary | null, { id, status }: RunRow) =>
      counts && moved(counts, status, rowIn(list, id)?.status ?? status);
    const counts = countedHere(list) ?? shownIn(listed.list).reduce(move, listed.counts);
    listed = { ...listed, list, counts };
    countIn = 1;
  }

  /** null if the list has only a part of the runs, or runs that match no longer. */
  function countedHere({ rows, fresh, next }: RunList): ActionRunSummary | null {
    const all = [...rows, ...fresh];
    // Of very many new runs, a poll reads only some.
    const isPart = cursor !== null || next !== null || all.length > PAGE_RUNS;
    const { status, waiting, group } = filter;
    if (isPart || (status ?? waiting ?? group) !== undefined) return null;
    const counts = { pending: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
    for (const row of all) counts[row.status]++;
    return counts;
  }

  async function readPage(limit: number, signal: AbortSignal) {
    const list = reader.runs.list({ ...filter, include: "details", limit }, { signal });
    const { entries, next, isStale: isBehind, searchedTo } = await list.page(cursor || undefined);
    return { rows: entries.map(rowOf), next, isBehind, searchedTo };
  }

  async function count(signal: AbortSignal): Promise<ActionRunSummary | null> {
    const { status: _, text, ...others } = filter;
    if (text !== undefined) return null;
    const counts = await reader.runs.summary(others, { signal });
    countedAt = Date.now();
    return counts;
  }

  /** Reads runs one by one, in turn, because there can be many of them. Returns what that changes in a list. */
  async function readAlone(ids: readonly string[], signal: AbortSignal) {
    const chosen = ids.length <= READ_ALONE_MAX ? ids : ids.slice(turn % ids.length).slice(0, READ_ALONE_MAX);
    turn += READ_ALONE_MAX;
    const rows: RunRow[] = [];
    const gone: string[] = [];
    await Promise.all(
      chosen.map(async (id) => {
        try {
          rows.push(rowOf(await reader.runs.get(id, { include: "details", signal })));
        } catch (error) {
          if (isNotFound(error)) gone.push(id);
        }
      }),
    );
    return (list: RunList) => gone.reduce(withoutRun, patched(list, rows));
  }

  /** The first page, and the counts at the same time. */
  async function begin(signal: AbortSignal): Promise<ListedRuns> {
    filter = filterOf(query, new Date(), zone);
    const [{ rows, next, isBehind, searchedTo }, counts] = await Promise.all([
      readPage(PAGE_RUNS, signal),
      count(signal),
    ]);
    const before = listed?.list ?? null;
    const isStillEmpty = before?.rows.length === 0 && rows.length === 0 && next === before.next;
    const list = isStillEmpty ? before : begun(rows, next, before);
    listed = { list, counts: countedHere(list) ?? counts, isBehind, searchedTo };
    shouldRestart = false;
    countIn = 1;
    return listed;
  }

  async function poll(before: ListedRuns, signal: AbortSignal): Promise<ListedRuns> {
    // A search by text is dear, so only its open rows are read again.
    if (filter.text !== undefined) {
      const withAlone = await readAlone(unread(before.list, []), signal);
      show(withAlone((listed ?? before).list));
      countIn = null;
      return listed ?? before;
    }
    const limit = Math.min(PAGE_RUNS + before.list.fresh.length, POLL_RUNS_MAX);
    const { rows, isBehind } = await readPage(limit, signal);
    const withAlone = await readAlone(unread(merged(before.list, rows), rows), signal);
    listed = { ...(listed ?? before), isBehind };
    show(withAlone(merged(listed.list, rows)));
    const isNew = countIn === 1;
    const shouldCount = countIn === 0 || Date.now() - countedAt >= COUNT_AGAIN_MS;
    if (isNew) countIn = 0;
    if (!shouldCount || countedHere(listed.list) !== null) return listed;
    const counts = await count(signal);
    // What changed meanwhile asks for another count.
    if (countIn === 1) return listed;
    if (!isNew) countIn = null;
    listed = { ...listed, counts };
    return listed;
  }

  const { actionName, subject, label } = filter;
  return {
    /** Null until the first page is there. */
    listed: () => listed,
    /**
     * Reads the first page at first, and later polls. Without rows nothing can move, so the first runs appear by
     * themselves. A search by text is too dear for that.
     */
    async read(signal: AbortSignal): Promise<ListedRuns> {
      const startedAt = Date.now();
      const isEmpty = listed?.list.rows.length === 0 && filter.text === undefined;
      const read = await (listed === null || isEmpty || shouldRestart ? begin(signal) : poll(listed, signal));
      readAt = startedAt;
      return read;
    },
    /** When the last read began that succeeded. */
    readAt: () => readAt,
    /** False if the list or its counts can still lack changes, so that another poll should come soon. */
    isSettled: () => listed?.isBehind === false && countIn === null,
    /** How the feed of changes is filtered. */
    feed: { ...(actionName && { actionName }), ...(subject && { subject }), ...(label && { label }) },
    /** Runs that have changed, as the feed tells. Returns whether an empty list has its first runs now. */
    update(rows: readonly RunRow[]): boolean {
      if (listed === null) return false;
      const before = listed.list;
      const list = withUpdates(before, rows, (row) => cursor === null && matches(filter, row));
      show(list);
      return before.rows.length + before.fresh.length === 0 && list.fresh.length > 0;
    },
    /** Reads the runs after the page, which the strip shows. Call it once, after the first page. */
    async readOlder(signal: AbortSignal): Promise<void> {
      const next = listed?.list.next ?? null;
      if (listed === null || next === null || filter.text !== undefined) return;
      const older = { ...filter, limit: STRIP_RUNS - listed.list.rows.length };
      const { entries } = await reader.runs.list(older, { signal }).page(next);
      listed = { ...listed, list: { ...listed.list, older: entries.map(rowOf) } };
    },
    /** A newer read of one run, which came another way. Returns whether it changed what is shown. */
    take(row: RunRow): boolean {
      const before = listed?.list;
      if (before !== undefined) show(patched(before, [row]));
      return listed?.list !== before;
    },
    /** The next read shows the first page as it is then, with the runs that were held back. */
    restart() {
      shouldRestart = true;
    },
  };
}

/** Without the feed of changes. */
const POLL_MS = 5000;
/** With the feed. It finds what the feed does not tell: runs that were purged, and rows that the database refused. */
const CHECK_MS = 60_000;

export type ShownRuns = ReturnType<typeof useRunList>;

/** `runId`: the open run; null if none is open. */
export function useRunList(runId: string | null) {
  const { reader } = useSession();
  const { search } = useRoute();
  const { zone } = useZone();
  const source = useMemo(() => createRunSource(reader, new URLSearchParams(search), zone), [reader, search, zone]);
  const [feedAt, setFeedAt] = useState<number | null>(null);
  // Rendered again by each read. The feed tells nothing of what changed before a list that began before the feed.
  const isFed = feedAt !== null && source.readAt() >= feedAt;
  const everyMs = useCallback(() => (isFed && source.isSettled() ? CHECK_MS : POLL_MS), [isFed, source]);
  const { failure, reload } = useRead(source.read, [source], { everyMs });
  // Rendered again by each read, so this is what the last one left.
  const listed = source.listed();
  useRead(listed === null ? nothing : source.readOlder, [source, listed === null]);
  const before = useRef<ListedRuns | null>(null);
  if (listed !== null) before.current = listed;
  const [, setTaken] = useState<object | null>(null);
  const show = useCallback(() => setTaken({}), []);
  useRunFeed(source, runId, { begun: setFeedAt, reload, show });
  const take = useCallback(
    (run: Schemas["DetailedActionRun"]) => {
      if (!source.take(rowOf(run))) return;
      show();
      // Other runs have changed as well, and the counts with them.
      reload();
    },
    [source, reload, show],
  );
  return {
    /** Null until the first runs are there. */
    listed: before.current,
    /** The list is still that of the address before. */
    isStale: listed === null,
    failure,
    reload,
    /** Shows the runs that were held back. */
    showFresh() {
      source.restart();
      reload();
    },
    /** Tells the list of a newer read of one run. Make the list's news and the run's news appear at once. */
    take,
  };
}

async function nothing(): Promise<void> {}

const TRY_AGAIN_MS = 30_000;
/** After changes, the list is read again after this long, because runs that it does not show are counted, too. */
const READ_AFTER_MS = 5000;

interface Listeners {
  /** When the feed began; null if it does not work now. */
  readonly begun: (at: number | null) => void;
  readonly reload: () => void;
  readonly show: () => void;
}

/**
 * Lets the feed of changes tell a list what changed. A page that is shown again, or is far behind, reads its list anew,
 * because a replay could be long. If the feed fails, for example because a proxy holds streams back, the list polls, and
 * the feed is tried again later. `runId`: the open run, whose row follows its own events; null if none is open.
 */
function useRunFeed(
  source: ReturnType<typeof createRunSource>,
  runId: string | null,
  { begun, reload, show }: Listeners,
): void {
  const openRun = useRef(runId);
  openRun.current = runId;
  const { client } = useSession();
  useRead(
    async (signal) => {
      let reading: ReturnType<typeof setTimeout> | undefined;
      let isOn = false;
      function broken() {
        if (isOn && !signal.aborted) reload();
        isOn = false;
        begun(null);
      }
      try {
        let at = 0;
        const options = { ...source.feed, after: "now", include: "details", signal, onBreak: broken } as const;
        for await (const { runs, caughtUp } of client.runs.follow(options)) {
          // The first answer is the cursor. Only the second one shows that streams work here.
          if (at === 0) {
            at = Date.now();
            if (source.listed() !== null) reload();
            continue;
          }
          if (!caughtUp) return READ_AFTER_MS;
          if (!isOn) begun(at);
          isOn = true;
          if (runs.length === 0) continue;
          const isFirst = source.update(runs.filter(({ id }) => id !== openRun.current).map(rowOf));
          show();
          // They appear by themselves. Only they: each reload aborts the one before it.
          if (isFirst) reload();
          // Rows and counts together, because they must not contradict each other.
          reading ??= setTimeout(() => {
            reading = undefined;
            reload();
          }, READ_AFTER_MS);
        }
      } catch {
        // An older server has no feed, or refuses another subscriber. The list polls, and says what is wrong.
      } finally {
        clearTimeout(reading);
        broken();
      }
      return TRY_AGAIN_MS;
    },
    [client, source, begun, reload, show],
    { everyMs: inThatTime },
  );
}

/** What the feed returns is after how long to try it again. */
const inThatTime = (ms: number) => ms;
