/** Reads for a page, and tries again after a failure that may pass. A new read aborts the one before it. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ActionRunsError } from "../../client/index.ts";
import { Button, CopyButton, Icon } from "./parts.tsx";
import { useNow, useVisible } from "./time.tsx";

export interface Failure {
  readonly error: unknown;
  /** When the next try comes, in ms since the epoch; null if none comes by itself. */
  readonly retryAt: number | null;
}

export interface Loaded<T> {
  /** The result of the last read that succeeded. It stays while later reads fail. */
  readonly data: T | undefined;
  readonly failure: Failure | null;
  readonly reload: () => void;
}

export interface LoadOptions<T = unknown> {
  /** Reads again about this long after each good read, while the page is visible. A function must not change. */
  readonly everyMs?: number | undefined | ((data: T) => number | undefined);
}

const NOTHING = { data: undefined, failure: null };

/**
 * `on`: what the read needs. When one of it changes, what was read is dropped, because it belongs to another address. A
 * hidden page reads nothing. It reads at once when it is shown, if the time for it has passed. A stream is one long read,
 * which calls `works` while it works.
 */
export function useRead<T>(
  ask: (signal: AbortSignal, works: () => void) => Promise<T>,
  on: readonly unknown[],
  { everyMs }: LoadOptions<T> = {},
): Loaded<T> {
  const read = useCallback(ask, on);
  const isVisible = useVisible();
  const [state, setState] = useState<Omit<Loaded<T>, "reload"> & { readonly of?: unknown }>(NOTHING);
  // How often somebody asked for a read now.
  const [asked, setAsked] = useState(0);
  // When the next read is due. It is no state, because hiding and showing the page must not forget it.
  const plan = useMemo<{ at: number | null; failed: number }>(() => ({ at: 0, failed: 0 }), [read]);

  useEffect(() => {
    if (!isVisible || plan.at === null) return;
    const aborter = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    function works() {
      plan.failed = 0;
      setState((before) => (before.failure === null ? before : { ...before, failure: null }));
    }
    async function load() {
      try {
        const data = await read(aborter.signal, works);
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
  }, [read, plan, everyMs, isVisible, asked]);

  const reload = useCallback(() => {
    plan.at = 0;
    setAsked((before) => before + 1);
  }, [plan]);
  const { data, failure } = state.of === read ? state : NOTHING;
  return { data, failure, reload };
}

const FIRST_MS = 2000;
const LONGEST_MS = 60_000;

/** In ms; null if another try would fail, too. `failed`: tries in a row. `random`: 0 to 1, so that consoles spread. */
export function retryInMs(error: unknown, failed: number, random: number): number | null {
  if (!(error instanceof ActionRunsError)) return null;
  const { status, retryAfterMs } = error;
  // A 5xx without the API's own code comes from a proxy.
  if (status !== null && status !== 429 && status < 500) return null;
  const backoff = Math.min(FIRST_MS * 2 ** (failed - 1), LONGEST_MS);
  return Math.round((retryAfterMs ?? 0) + backoff * (0.5 + random / 2));
}

/** When to poll next: about every `everyMs`, with a fifth of jitter. */
export function pollInMs(everyMs: number, random: number): number {
  return Math.round(everyMs * (0.9 + random / 5));
}

interface ErrorViewProps {
  readonly failure: Failure | null;
  readonly onRetry: () => void;
  /** Whether it is a line above content that is still shown. Otherwise it fills the page. */
  readonly isBanner?: boolean;
}

export function ErrorView({ failure, onRetry, isBanner = false }: ErrorViewProps) {
  if (failure === null) return null;
  const { error, retryAt } = failure;
  const requestId = error instanceof ActionRunsError ? error.requestId : null;
  return (
    <div class={isBanner ? "banner row gap-12 note is-failed" : "error-view stack gap-12 is-failed"} role="alert">
      <span class="tone">
        <Icon name="warning" />
      </span>
      <p>{sentenceOf(error)}</p>
      {/* The countdown is hidden from screen readers: an alert that ticks would be read out each second. */}
      {retryAt === null ? null : <NextTry at={retryAt} />}
      <Button onClick={onRetry}>Try now</Button>
      {requestId === null || isBanner ? null : (
        <p class="row gap-4 muted">
          Request <code>{requestId}</code> <CopyButton what="request id" text={requestId} />
        </p>
      )}
    </div>
  );
}

function NextTry({ at }: { readonly at: number }) {
  const now = useNow(1000);
  const seconds = Math.ceil((at - now) / 1000);
  return (
    <p class="number muted" aria-hidden="true">
      {seconds > 0 ? `Next try in ${seconds}s` : "Trying again …"}
    </p>
  );
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ActionRunsError && error.status === 404;
}

/** An error in one or two sentences. The API's own sentences say what to do. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ActionRunsError) return error.message;
  // A setting that the client refused, such as a name in the address.
  if (error instanceof TypeError) return error.message;
  return "Something went wrong in the console. Reload the page.";
}

/** What follows when a value becomes another. The first value is no change. */
export function useOnChange<T>(value: T, follow: (before: T) => void): void {
  const last = useRef(value);
  useEffect(() => {
    const before = last.current;
    last.current = value;
    if (before !== value) follow(before);
  }, [value]);
}
