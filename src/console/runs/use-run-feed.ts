/**
 * Lets the feed of changes tell a list what changed. A hidden page closes the feed. A page that is shown again, or is
 * far behind, reads its list anew, because a replay could be long. If the feed fails, for example because a proxy holds
 * streams back, the list polls, and the feed is tried again later.
 */

import { useEffect, useRef } from "preact/hooks";
import { useSession } from "../session/session.tsx";
import { useVisible } from "../ui/clock.tsx";
import { rowOf } from "./run-row.ts";
import type { RunSource } from "./run-source.ts";

const TRY_AGAIN_MS = 30_000;
/** After changes, the list is read again after this long, because runs that it does not show are counted, too. */
const READ_AFTER_MS = 5000;

interface Listeners {
  /** When the feed began; null if it does not work now. */
  readonly begun: (at: number | null) => void;
  readonly reload: () => void;
  readonly show: () => void;
}

/** `runId`: the open run, which follows its own events. Its row changes with it; null if none is open. */
export function useRunFeed(source: RunSource, runId: string | null, { begun, reload, show }: Listeners): void {
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
