/** One run, its events and its last news. Events come live; the run is read again when they say that it has changed. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { RunTail, Schemas } from "../../client/index.ts";
import { isOpen } from "../../words/statuses.ts";
import { useSession } from "../session/session.tsx";
import { useOnChange, useRead } from "../ui/load.tsx";
import { useVisible } from "../ui/time.tsx";

type TimelineEvent = Schemas["TimelineEvent"];

export interface RunAndEvents {
  readonly run: Schemas["DetailedActionRun"];
  readonly events: readonly TimelineEvent[];
}

/** How often to read while the run is behind its events, or while there are no live events. */
const POLL_MS = 2000;
/** A place in line changes without an event of the run. */
const LINE_POLL_MS = 10_000;

export type WatchedRun = ReturnType<typeof useRun>;

export function useRun(id: string) {
  const { reader } = useSession();
  const isVisible = useVisible();
  const timeline = useTimeline(id);
  const newsSeq = newsSeqOf(timeline.events);
  const latest = useRef(newsSeq);
  latest.current = newsSeq;
  const isLive = timeline.failure === null && !timeline.isOver;

  const paceOf = useCallback(
    ({ run: { status, details } }: Pick<RunAndEvents, "run">) => {
      // The retry gets its id a moment after the end.
      const isRetryComing = details?.retry?.runId === null && details.retry.dropped === null;
      if (isRetryComing || (isOpen(status) && !isLive)) return POLL_MS;
      return details?.waiting?.for === "concurrency" ? LINE_POLL_MS : undefined;
    },
    [isLive],
  );
  const read = useRead(
    async (signal) => {
      // The run includes all events up to this one, and perhaps more.
      const newsSeq = latest.current;
      const text = await reader.runs.getText(id, { include: "details", signal });
      return { run: JSON.parse(text) as RunAndEvents["run"], text, newsSeq };
    },
    [reader, id],
    { everyMs: paceOf },
  );
  const { data, reload } = read;
  const isRunOpen = data !== undefined && isOpen(data.run.status);
  const isBehind = isRunOpen && newsSeq > data.newsSeq;
  useEffect(() => {
    if (isBehind) reload();
  }, [isBehind, reload]);
  // What happened since the events broke off, or while the page was hidden.
  useOnChange(isLive, (wasLive) => wasLive && isRunOpen && reload());
  useOnChange(isVisible, (wasVisible) => !wasVisible && isRunOpen && reload());
  return { ...read, timeline };
}

/** A stream that has not failed for this long counts as working, because it may have no events. */
const WORKS_AFTER_MS = 5000;

/** The live events of a run. A stream that broke, or was closed with the page, goes on after the last event that came. */
function useTimeline(id: string) {
  const { client } = useSession();
  const [events, setEvents] = useState<readonly TimelineEvent[]>([]);
  const [tail, setTail] = useState<RunTail | null>(null);
  const came = useRef<TimelineEvent[]>([]);
  const { data: isOver = false, ...stream } = useRead(
    async (signal, works) => {
      const quiet = setTimeout(works, WORKS_AFTER_MS);
      let showing: ReturnType<typeof setTimeout> | undefined;
      function show() {
        showing = undefined;
        setEvents([...came.current]);
      }
      try {
        for await (const event of client.runs.watch(id, { after: came.current.at(-1)?.seq, signal, onTail: setTail })) {
          came.current.push(event);
          works();
          // Many events come at once when a stream begins.
          showing ??= setTimeout(show);
        }
        return true;
      } finally {
        clearTimeout(quiet);
        clearTimeout(showing);
        show();
      }
    },
    [client, id],
  );
  return { ...stream, events, tail, isOver };
}

/** The number of the last event that changed the run. 0: no event did. */
export function newsSeqOf(events: readonly TimelineEvent[]): number {
  return events.findLast(changesRun)?.seq ?? 0;
}

/** An event of a type that this console does not know may have changed it as well. */
function changesRun(event: TimelineEvent): boolean {
  // The run says when it is tried again.
  if (event.type === "attempt_answered") return event.outcome === "retry";
  if (event.type === "heartbeat") return event.externalUrl !== undefined;
  return !/^(created|attempt_started|stop_started|stop_answered|heartbeats_thinned)$/.test(event.type);
}

/** The last heartbeat: of the run as it was read, or of the events since. Null: the job has said nothing yet. */
export function newsOf(read: Schemas["ActionRunDetails"]["heartbeat"], events: readonly TimelineEvent[]) {
  const beats = events.filter((event) => event.type === "heartbeat");
  const last = beats.at(-1);
  // A heartbeat that only says what it does leaves the progress as it was.
  const progress = beats.findLast((beat) => beat.progress !== undefined)?.progress ?? null;
  const message = beats.findLast((beat) => beat.message !== undefined)?.message ?? null;
  if (last === undefined) return read;
  if (read !== null && Date.parse(read.at) > Date.parse(last.at)) {
    return { at: read.at, message: read.message ?? message, progress: read.progress ?? progress };
  }
  return { at: last.at, message, progress };
}

/** The newest output of the job: what came live, or the last read of the run if that is newer. */
export function newestTail(heartbeat: Schemas["LastHeartbeat"] | null, streamed: RunTail | null): RunTail | null {
  if (!heartbeat?.tail || (streamed !== null && streamed.at >= heartbeat.at)) return streamed;
  return { tail: heartbeat.tail, at: heartbeat.at };
}
