/** The runs that the address asks for, and how many there are of each status. Both follow what happens, together. */

import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { useRoute } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { type Failure, useLoad } from "../ui/load.ts";
import { rowOf } from "./run-row.ts";
import { createRunSource, type ListedRuns } from "./run-source.ts";
import { useRunFeed } from "./use-run-feed.ts";

/** Without the feed of changes. */
const POLL_MS = 5000;
/** With the feed. It finds what the feed does not tell: runs that were purged, and rows that the database refused. */
const CHECK_MS = 60_000;

export interface ShownRuns {
  /** null until the first runs are there. */
  readonly listed: ListedRuns | null;
  /** The list is still that of the address before. */
  readonly isStale: boolean;
  readonly failure: Failure | null;
  readonly reload: () => void;
  /** Shows the runs that were held back. */
  readonly showFresh: () => void;
  /** Tells the list of a newer read of one run. Make the list's news and the run's news appear at once. */
  readonly take: (run: DetailedActionRun) => void;
}

/** `runId`: the open run; null if none is open. */
export function useRunList(runId: string | null): ShownRuns {
  const { reader } = useSession();
  const { search } = useRoute();
  const source = useMemo(() => createRunSource(reader, new URLSearchParams(search)), [reader, search]);
  const [feedAt, setFeedAt] = useState<number | null>(null);
  // Rendered again by each read. The feed tells nothing of what changed before a list that began before the feed.
  const isFed = feedAt !== null && source.readAt() >= feedAt;
  const everyMs = useCallback(() => (isFed && source.isSettled() ? CHECK_MS : POLL_MS), [isFed, source]);
  const { failure, reload } = useLoad(source.read, { everyMs });
  // Rendered again by each read, so this is what the last one left.
  const listed = source.listed();
  useLoad(listed === null ? nothing : source.readOlder);
  const before = useRef<ListedRuns | null>(null);
  if (listed !== null) before.current = listed;
  const [, setTaken] = useState<object | null>(null);
  const show = useCallback(() => setTaken({}), []);
  useRunFeed(source, runId, { begun: setFeedAt, reload, show });
  const take = useCallback(
    (run: DetailedActionRun) => {
      if (!source.take(rowOf(run))) return;
      show();
      // Other runs have changed as well, and the counts with them.
      reload();
    },
    [source, reload, show],
  );
  const showFresh = useCallback(() => {
    source.restart();
    reload();
  }, [source, reload]);
  return { listed: before.current, isStale: listed === null, failure, reload, showFresh, take };
}

async function nothing(): Promise<null> {
  return null;
}
