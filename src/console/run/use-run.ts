/** One run and its events. Events come live; the run is read again when they say that it has changed. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { useVisible } from "../ui/clock.tsx";
import { type Failure, useLoad } from "../ui/load.ts";
import { isOpen } from "../ui/statuses.ts";
import { newsSeqOf } from "./timeline-items.ts";
import { type Timeline, useTimeline } from "./use-timeline.ts";

/** How often to read while the run is behind its events, or while there are no live events. */
const POLL_MS = 2000;
/** A place in line changes without an event of the run. */
const LINE_POLL_MS = 10_000;

interface ReadRun {
  readonly run: DetailedActionRun;
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

  const read = useCallback(
    async (signal: AbortSignal): Promise<ReadRun> => {
      const seq = latest.current;
      const text = await reader.runs.getText(id, { include: "details", signal });
      return { run: JSON.parse(text) as DetailedActionRun, text, newsSeq: seq };
    },
    [reader, id],
  );
  const [isRunOpen, setRunOpen] = useState(false);
  const isLive = timeline.failure === null && !timeline.isOver;
  const [isInLine, setInLine] = useState(false);
  const everyMs = isRunOpen && !isLive ? POLL_MS : isInLine ? LINE_POLL_MS : undefined;
  const { data, failure, reload } = useLoad(read, { everyMs });
  useEffect(() => {
    setRunOpen(data !== undefined && isOpen(data.run.status));
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
  const wasVisible = useRef(isVisible);
  useEffect(() => {
    if (isVisible && !wasVisible.current && isRunOpen) reload();
    wasVisible.current = isVisible;
  }, [isVisible, isRunOpen, reload]);

  return { read: data, failure, reload, timeline };
}
