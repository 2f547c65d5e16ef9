/** Instants and durations. None of them is a live region, because a ticking clock would be read out all the time. */

import { useEffect, useState } from "preact/hooks";
import { ageStepMs, formatAge, formatDuration } from "../../words/durations.ts";
import { contextOf } from "./context.ts";

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** The local date and time with seconds and time zone, for a title. */
export function exactTime(iso: string): string {
  return EXACT.format(new Date(iso));
}

/** How long ago, with the exact time as the title. */
export function RelativeTime({ at }: { readonly at: string }) {
  const instant = Date.parse(at);
  const now = useNow(ageStepMs(Date.now() - instant));
  // The clock of this machine may be a little behind the service's.
  const age = Math.max(now - instant, 0);
  return (
    <time dateTime={at} title={exactTime(at)}>
      {formatAge(age)}
    </time>
  );
}

/** How long until an instant: `in 3m 12s`, and `now` when it has passed. */
export function Countdown({ until }: { readonly until: string }) {
  const instant = Date.parse(until);
  const leftMs = instant - useNow(1000);
  return (
    <time dateTime={until} title={exactTime(until)}>
      {leftMs < 1000 ? "now" : `in ${formatDuration(leftMs, { isRunning: true })}`}
    </time>
  );
}

interface DurationProps {
  readonly from: string;
  /** Null: it is still running, and the clock ticks. */
  readonly to: string | null;
}

export function Duration({ from, to }: DurationProps) {
  const now = useNow(to === null ? 1000 : null);
  const ms = (to === null ? now : Date.parse(to)) - Date.parse(from);
  return <span class="duration">{formatDuration(ms, { isRunning: to === null })}</span>;
}

const TIME = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** An instant as a clock shows it, in the zone of this machine, with the day unless it is today. */
export function ClockTime({ at }: { readonly at: string }) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return (
    <time dateTime={at} title={exactTime(at)}>
      {isToday ? TIME.format(date) : `${DAY.format(date)} ${TIME.format(date)}`}
    </time>
  );
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** `at`: the beginning of the hour. */
export function LastUse({ at }: { readonly at: string | null }) {
  const now = useNow(MINUTE_MS);
  if (at === null) return <span class="muted">never</span>;
  if (now - Date.parse(at) >= HOUR_MS) return <RelativeTime at={at} />;
  return (
    <time dateTime={at} title={`After ${exactTime(at)}`}>
      this hour
    </time>
  );
}

const TICK_MS = 1000;

export interface Clock {
  /**
   * Calls `listener` about every `stepMs` while the page is visible, and when it becomes visible. Returns a stop
   * function.
   */
  readonly subscribe: (stepMs: number, listener: (now: number) => void) => () => void;
}

interface Subscriber {
  readonly stepMs: number;
  readonly listener: (now: number) => void;
  notifiedAt: number;
}

/** One clock for everything that ticks. It stops while the page is hidden, and is right again when the page is shown. */
export function createClock(document: Document): Clock {
  const subscribers = new Set<Subscriber>();
  let timer: ReturnType<typeof setInterval> | null = null;

  function tick(): void {
    const now = Date.now();
    for (const subscriber of [...subscribers]) {
      // A tick may come some ms early.
      if (now - subscriber.notifiedAt < subscriber.stepMs - TICK_MS / 2) continue;
      subscriber.notifiedAt = now;
      subscriber.listener(now);
    }
  }
  function adjust(): void {
    const shouldRun = subscribers.size > 0 && document.visibilityState === "visible";
    if (shouldRun && timer === null) timer = setInterval(tick, TICK_MS);
    if (!shouldRun && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  }
  document.addEventListener("visibilitychange", () => {
    adjust();
    if (document.visibilityState === "visible") tick();
  });

  return {
    subscribe(stepMs, listener) {
      const subscriber = { stepMs, listener, notifiedAt: Date.now() };
      subscribers.add(subscriber);
      adjust();
      return () => {
        subscribers.delete(subscriber);
        adjust();
      };
    },
  };
}

export const [ClockProvider, useClock] = contextOf<Clock>("clock");

/** The time, renewed every `stepMs`; null: not renewed. */
export function useNow(stepMs: number | null): number {
  const clock = useClock();
  const [, setNow] = useState(0);
  useEffect(() => (stepMs === null ? undefined : clock.subscribe(stepMs, setNow)), [clock, stepMs]);
  return Date.now();
}

/** Whether the page can be seen. Close streams and stop polls while it can't. */
export function useVisible(): boolean {
  const [isVisible, setVisible] = useState(document.visibilityState === "visible");
  useEffect(() => {
    const update = () => setVisible(document.visibilityState === "visible");
    update();
    document.addEventListener("visibilitychange", update);
    return () => document.removeEventListener("visibilitychange", update);
  }, []);
  return isVisible;
}
