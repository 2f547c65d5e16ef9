/**
 * Reads something for a page, and tries again after a failure that may pass. Only one read is under way: a new read
 * aborts the one before it.
 */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { useVisible } from "./clock.tsx";
import { pollInMs, retryInMs } from "./retrying.ts";

export interface Failure {
  readonly error: unknown;
  /** When the next try comes, in ms since the epoch; null if none comes by itself. */
  readonly retryAt: number | null;
}

export interface Loaded<T> {
  /** The result of the last read that succeeded. It stays while later reads fail. */
  readonly data: T | undefined;
  /** Null after a read that succeeded. */
  readonly failure: Failure | null;
  readonly reload: () => void;
}

export interface LoadOptions<T = unknown> {
  /** Reads again about this long after each good read, while the page is visible. A function must not change. */
  readonly everyMs?: number | undefined | ((data: T) => number | undefined);
}

/**
 * `read`: make it with useCallback. When it changes, what was read is dropped, because it belongs to another address.
 * A hidden page reads nothing. It reads at once when it is shown, if the time for it has passed.
 */
export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>, { everyMs }: LoadOptions<T> = {}): Loaded<T> {
  const isVisible = useVisible();
  const [state, setState] = useState<Omit<Loaded<T>, "reload"> & { readonly of: unknown }>(nothingYet(read));
  const [asked, setAsked] = useState(0);
  // When the next read is due, and of which `read`. In a ref, because hiding and showing the page must not forget it.
  const due = useRef<{ of: unknown; at: number | null; failed: number }>({ of: null, at: 0, failed: 0 });
  if (due.current.of !== read) due.current = { of: read, at: 0, failed: 0 };

  // `asked` counts how often somebody asked for a read now.
  useEffect(() => {
    const plan = due.current;
    if (!isVisible || plan.at === null) return;
    const aborter = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    async function load() {
      try {
        const data = await read(aborter.signal);
        if (aborter.signal.aborted) return;
        plan.failed = 0;
        const paceMs = typeof everyMs === "function" ? everyMs(data) : everyMs;
        plan.at = paceMs === undefined ? null : Date.now() + pollInMs(paceMs, Math.random());
        setState({ of: read, data, failure: null });
      } catch (error) {
        if (aborter.signal.aborted) return;
        plan.failed++;
        const inMs = retryInMs(error, plan.failed, Math.random());
        plan.at = inMs === null ? null : Date.now() + inMs;
        setState((before) => ({
          of: read,
          data: before.of === read ? before.data : undefined,
          failure: { error, retryAt: plan.at },
        }));
      }
      arm();
    }
    function arm() {
      if (plan.at !== null) timer = setTimeout(load, Math.max(plan.at - Date.now(), 0));
    }
    arm();
    return () => {
      clearTimeout(timer);
      aborter.abort();
    };
  }, [read, everyMs, isVisible, asked]);

  const reload = useCallback(() => {
    due.current.at = 0;
    setAsked((before) => before + 1);
  }, []);
  const { data, failure } = state.of === read ? state : nothingYet(read);
  return { data: data as T | undefined, failure, reload };
}

function nothingYet(of: unknown) {
  return { of, data: undefined, failure: null };
}
