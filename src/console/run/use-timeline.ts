/**
 * The live events of a run. One stream continues after the last event that came. It is closed while the page is hidden,
 * and opens again when the page is shown.
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { TimelineEvent } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { useVisible } from "../ui/clock.tsx";
import type { Failure } from "../ui/load.ts";
import { retryInMs } from "../ui/retrying.ts";

/** A stream that has not failed for this long counts as working, because it may have no events. */
const WORKS_AFTER_MS = 5000;

export interface Timeline {
  readonly events: readonly TimelineEvent[];
  /** The last event has come. */
  readonly isOver: boolean;
  readonly failure: Failure | null;
  /** Tries again now. */
  readonly retry: () => void;
}

export function useTimeline(id: string): Timeline {
  const { client } = useSession();
  const isVisible = useVisible();
  const [events, setEvents] = useState<readonly TimelineEvent[]>([]);
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
        for await (const event of client.runs.watch(id, { after: came.current.at(-1)?.seq, signal })) {
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
  return { events, isOver, failure, retry };
}
