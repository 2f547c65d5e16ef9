/** The runs that the address asks for, and how many there are of each status. Both follow what happens. */

import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import type { ActionRunSummary, Client } from "../../client/index.ts";
import { useRoute } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { type Failure, useLoad } from "../ui/load.ts";
import { filterOf } from "./filters.ts";
import type { RunList } from "./run-list.ts";
import { createRunSource } from "./run-source.ts";

const POLL_MS = 5000;
/** Counting costs more than listing, so counts follow changes more slowly. */
const COUNT_EVERY_MS = 10_000;

export interface ShownRuns {
  /** null until the first runs are there. */
  readonly list: RunList | null;
  /** The list is still that of the address before. */
  readonly isStale: boolean;
  readonly counts: ActionRunSummary | null;
  readonly failure: Failure | null;
  readonly reload: () => void;
  /** Shows the runs that were held back. */
  readonly showFresh: () => void;
}

export function useRunList(): ShownRuns {
  const { reader } = useSession();
  const { search } = useRoute();
  const source = useMemo(() => createRunSource(reader, new URLSearchParams(search)), [reader, search]);
  const { failure, reload } = useLoad(source.read, { everyMs: POLL_MS });
  // Rendered again by each read, so this is what the last one left.
  const list = source.list();
  useLoad(list === null ? nothing : source.readOlder);
  const before = useRef<RunList | null>(null);
  if (list !== null) before.current = list;
  const counts = useCounts(reader, search, list);
  const showFresh = useCallback(() => {
    source.restart();
    reload();
  }, [source, reload]);
  return { list: before.current, isStale: list === null, counts, failure, reload, showFresh };
}

/** Of all statuses, whichever of them the list shows. */
function useCounts(reader: Client, search: string, list: RunList | null): ActionRunSummary | null {
  const filter = useMemo(() => {
    const { status: _, ...others } = filterOf(new URLSearchParams(search));
    return JSON.stringify(others);
  }, [search]);
  const read = useCallback(
    (signal: AbortSignal) => reader.runs.summary(JSON.parse(filter), { signal }),
    [reader, filter],
  );
  const { data, reload } = useLoad(read);
  const countedAt = useRef(Date.now());
  // `list`: it counts again when the list changed.
  useEffect(() => {
    if (list === null) return;
    const inMs = Math.max(countedAt.current + COUNT_EVERY_MS - Date.now(), 0);
    const timer = setTimeout(() => {
      countedAt.current = Date.now();
      reload();
    }, inMs);
    return () => clearTimeout(timer);
  }, [list, reload]);
  const before = useRef<ActionRunSummary | null>(null);
  if (data !== undefined) before.current = data;
  return before.current;
}

async function nothing(): Promise<null> {
  return null;
}
