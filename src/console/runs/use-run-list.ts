/** The runs that the address asks for, and how many there are of each status. Both follow what happens, together. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useRoute } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { useRead } from "../ui/load.tsx";
import { useVisible, useZone } from "../ui/time.tsx";
import { rowOf } from "./run-list.ts";
import { createRunSource, type ListedRuns, type RunSource } from "./run-source.ts";

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
 * Lets the feed of changes tell a list what changed. A hidden page closes the feed. A page that is shown again, or is
 * far behind, reads its list anew, because a replay could be long. If the feed fails, for example because a proxy holds
 * streams back, the list polls, and the feed is tried again later. `runId`: the open run, which follows its own events.
 * Its row changes with it; null if none is open.
 */
function useRunFeed(source: RunSource, runId: string | null, { begun, reload, show }: Listeners): void {
  const openRun = useRef(runId);
  openRun.current = runId;
  const { client } = useSession();
  const isVisible = useVisible();
  useEffect(() => {
    if (!isVisible) return;
    const aborter = new AbortController();
    const { signal } = aborter;
    let nextTry: ReturnType<typeof setTimeout>;
    let reading: ReturnType<typeof setTimeout> | undefined;
    let isOn = false;
    function broken() {
      if (isOn && !signal.aborted) reload();
      isOn = false;
      begun(null);
    }
    /** Rows and counts together, because they must not contradict each other. */
    function readAgain() {
      reading = undefined;
      reload();
    }
    async function follow() {
      let isBehind = false;
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
          isBehind = !caughtUp;
          if (isBehind) break;
          if (!isOn) begun(at);
          isOn = true;
          if (runs.length === 0) continue;
          const isFirst = source.update(runs.filter(({ id }) => id !== openRun.current).map(rowOf));
          show();
          // They appear by themselves. Only they: each reload aborts the one before it.
          if (isFirst) reload();
          reading ??= setTimeout(readAgain, READ_AFTER_MS);
        }
      } catch {
        // An older server has no feed, or refuses another subscriber. The list polls, and says what is wrong.
      }
      if (signal.aborted) return;
      broken();
      nextTry = setTimeout(follow, isBehind ? READ_AFTER_MS : TRY_AGAIN_MS);
    }
    void follow();
    return () => {
      aborter.abort();
      clearTimeout(nextTry);
      clearTimeout(reading);
      begun(null);
    };
  }, [client, source, isVisible, begun, reload, show]);
}
