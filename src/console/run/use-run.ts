/** One run and its events. Events come live; the run is read again when they say that it has changed. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { RunTail, Schemas } from "../../client/index.ts";
import { isOpen } from "../../words/statuses.ts";
import { useSession } from "../session/session.tsx";
import { type Failure, retryInMs, useOnChange, useRead } from "../ui/load.tsx";
import { useVisible } from "../ui/time.tsx";
import { newsSeqOf } from "./timeline-items.ts";

type TimelineEvent = Schemas["TimelineEvent"];

/** How often to read while the run is behind its events, or while there are no live events. */
const POLL_MS = 2000;
/** A place in line changes without an event of the run. */
const LINE_POLL_MS = 10_000;

interface ReadRun {
  readonly run: Schemas["DetailedActionRun"];
  /** As the server sent it. */
  readonly text: string;
  /** The run includes all events up to this one, and perhaps more. */
  readonly newsSeq: number;
}

export interface WatchedRun {
  readonly read: ReadRun | undefined;
  readonly failure: Failure | null;
  readonly reload: () => void;
  readonly timeline: Timeline;
}

export function useRun(id: string): WatchedRun {
  const { reader } = useSession();
  const isVisible = useVisible();
  const timeline = useTimeline(id);
  const newsSeq = newsSeqOf(timeline.events);
  const latest = useRef(newsSeq);
  latest.current = newsSeq;

  const [isRunOpen, setRunOpen] = useState(false);
  const isLive = timeline.failure === null && !timeline.isOver;
  const [isInLine, setInLine] = useState(false);
  const [isRetryComing, setRetryComing] = useState(false);
  const everyMs = (isRunOpen && !isLive) || isRetryComing ? POLL_MS : isInLine ? LINE_POLL_MS : undefined;
  const { data, failure, reload } = useRead(
    async (signal): Promise<ReadRun> => {
      const seq = latest.current;
      const text = await reader.runs.getText(id, { include: "details", signal });
      return { run: JSON.parse(text) as Schemas["DetailedActionRun"], text, newsSeq: seq };
    },
    [reader, id],
    { everyMs },
  );
  useEffect(() => {
    setRunOpen(data !== undefined && isOpen(data.run.status));
    // The retry gets its id a moment after the end.
    const retry = data?.run.details?.retry ?? null;
    setRetryComing(retry !== null && retry.runId === null && retry.dropped === null);
    setInLine(data?.run.details?.waiting?.for === "concurrency");
  }, [data]);

  const isBehind = isRunOpen && data !== undefined && newsSeq > data.newsSeq;
  useEffect(() => {
    if (isBehind) reload();
  }, [isBehind, reload]);
  // Polls begin with a read.
  useEffect(() => {
    if (everyMs !== undefined) reload();
  }, [everyMs, reload]);
  // What happened while the page was hidden.
  useOnChange(isVisible, (wasVisible) => !wasVisible && isRunOpen && reload());

  return { read: data, failure, reload, timeline };
}

/** A stream that has not failed for this long counts as working, because it may have no events. */
const WORKS_AFTER_MS = 5000;

interface Timeline {
  readonly events: readonly TimelineEvent[];
  /** The newest output of the job that came; null if none came. */
  readonly tail: RunTail | null;
  /** The last event has come. */
  readonly isOver: boolean;
  readonly failure: Failure | null;
  /** Tries again now. */
  readonly retry: () => void;
}

/**
 * The live events of a run. One stream continues after the last event that came. It is closed while the page is hidden,
 * and opens again when the page is shown.
 */
function useTimeline(id: string): Timeline {
  const { client } = useSession();
  const isVisible = useVisible();
  const [events, setEvents] = useState<readonly TimelineEvent[]>([]);
  const [tail, setTail] = useState<RunTail | null>(null);
  const [isOver, setOver] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [asked, setAsked] = useState(0);
  const came = useRef<TimelineEvent[]>([]);

  // `asked` counts how often somebody asked for another try.
  useEffect(() => {
    if (!isVisible || isOver) return;
    const aborter = new AbortController();
    const { signal } = aborter;
    let failed = 0;
    let nextTry: ReturnType<typeof setTimeout>;
    let showing: ReturnType<typeof setTimeout> | undefined;
    function show() {
      showing = undefined;
      setEvents([...came.current]);
    }
    function works() {
      failed = 0;
      setFailure(null);
    }
    async function follow() {
      const quiet = setTimeout(works, WORKS_AFTER_MS);
      try {
        for await (const event of client.runs.watch(id, { after: came.current.at(-1)?.seq, signal, onTail: setTail })) {
          came.current.push(event);
          works();
          // Many events come at once when a stream begins.
          showing ??= setTimeout(show);
        }
        setOver(true);
        setFailure(null);
      } catch (error) {
        if (signal.aborted) return;
        failed++;
        const inMs = retryInMs(error, failed, Math.random());
        setFailure({ error, retryAt: inMs === null ? null : Date.now() + inMs });
        if (inMs !== null) nextTry = setTimeout(follow, inMs);
      } finally {
        clearTimeout(quiet);
      }
    }
    follow();
    return () => {
      clearTimeout(nextTry);
      clearTimeout(showing);
      aborter.abort();
      show();
    };
  }, [client, id, isVisible, isOver, asked]);

  const retry = useCallback(() => setAsked((before) => before + 1), []);
  return { events, tail, isOver, failure, retry };
}
