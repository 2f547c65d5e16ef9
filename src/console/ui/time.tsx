/** Instants and durations. None of them is a live region, because a ticking clock would be read out all the time. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ageStepMs, formatAge, formatDuration } from "../../words/durations.ts";
import { LOCAL, UTC, type Zone } from "../../words/since.ts";
import { whenText } from "../../words/waiting.ts";
import { contextOf } from "./context.ts";

const DAY_MS = 24 * 3_600_000;

/** How instants are written, in one time zone. */
export interface Times {
  /** Undefined: the zone of this machine. */
  readonly timeZone: "UTC" | undefined;
  /** The same, for times that somebody types. */
  readonly zone: Zone;
  /** The date and time with seconds and time zone, for a title. */
  readonly exact: (iso: string) => string;
  /** `28 Nov 2026, 14:05`. */
  readonly minute: (iso: string) => string;
  readonly day: (iso: string) => string;
  /** `14:05:12`, with the day unless it is today. */
  readonly clock: (iso: string) => string;
  /** `28 Nov 14:05`, or the day and the year of another year. */
  readonly short: (iso: string) => string;
}

/** PURE, apart from the clock and the zone of this machine. */
export function timesIn(timeZone: Times["timeZone"]): Times {
  const format = (locale: string | undefined, options: Intl.DateTimeFormatOptions) => {
    const made = new Intl.DateTimeFormat(locale, { ...options, timeZone });
    return (at: string | number) => made.format(new Date(at));
  };
  const seconds = format("en-GB", { timeStyle: "medium" });
  const clock = format("en-GB", { timeStyle: "short" });
  const dayOfYear = format("en-GB", { day: "numeric", month: "short" });
  const date = format("en-GB", { day: "numeric", month: "short", year: "numeric" });
  const year = format("en-GB", { year: "numeric" });
  return {
    timeZone,
    zone: timeZone === undefined ? LOCAL : UTC,
    exact: format(undefined, { dateStyle: "medium", timeStyle: "long" }),
    minute: format(undefined, { dateStyle: "medium", timeStyle: "short" }),
    day: format(undefined, { dateStyle: "medium" }),
    clock: (at) => (date(at) === date(Date.now()) ? seconds(at) : `${dayOfYear(at)} ${seconds(at)}`),
    short: (at) => (year(at) === year(Date.now()) ? `${dayOfYear(at)} ${clock(at)}` : date(at)),
  };
}

/** Under this key the storage has the time zone, if it is not that of this machine. */
const STORED = "action-runs.zone";

interface SwitchedTimes extends Times {
  /** This browser remembers it. */
  readonly switchTo: (isUtc: boolean) => void;
}

const [ZoneContext, useZone] = contextOf<SwitchedTimes>("time zone");

export { useZone };

/** All times below it follow its zone. */
export function ZoneProvider({
  storage,
  children,
}: {
  readonly storage: Storage;
  readonly children: ComponentChildren;
}) {
  const [isUtc, setUtc] = useState(() => storage.getItem(STORED) === "utc");
  const zone = useMemo(
    () => ({
      ...timesIn(isUtc ? "UTC" : undefined),
      switchTo(next: boolean) {
        if (next) storage.setItem(STORED, "utc");
        else storage.removeItem(STORED);
        setUtc(next);
      },
    }),
    [storage, isUtc],
  );
  return <ZoneContext value={zone}>{children}</ZoneContext>;
}

/** How long ago, or when, if that is longer ago than a day. */
export function RelativeTime({ at }: { readonly at: string }) {
  const { short } = useZone();
  const instant = Date.parse(at);
  const isOld = Date.now() - instant >= DAY_MS;
  const now = useNow(isOld ? null : ageStepMs(Date.now() - instant));
  // The clock of this machine may be a little behind the service's.
  return <Instant at={at}>{isOld ? short(at) : formatAge(Math.max(now - instant, 0))}</Instant>;
}

interface InstantProps {
  readonly at: string;
  /** Before the exact time in the title. */
  readonly before?: string;
  readonly children: ComponentChildren;
}

/** A text about an instant, with the exact time as the title. */
export function Instant({ at, before = "", children }: InstantProps) {
  const { exact } = useZone();
  return (
    <time dateTime={at} title={before + exact(at)}>
      {children}
    </time>
  );
}

/** How long until an instant: `in 3m 12s`, and `now` when it has passed. */
export function Countdown({ until }: { readonly until: string }) {
  const instant = Date.parse(until);
  const leftMs = instant - useNow(1000);
  return <Instant at={until}>{leftMs < 1000 ? "now" : `in ${formatDuration(leftMs, { isRunning: true })}`}</Instant>;
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

/** An instant near now: `Tue 06:00 GMT+1`. */
export function WhenText({ at }: { readonly at: string }) {
  const { timeZone } = useZone();
  return <>{whenText(Date.parse(at), Date.now(), timeZone)}</>;
}

/** An instant as a clock shows it, with the day unless it is today. */
export function ClockTime({ at }: { readonly at: string }) {
  return <Instant at={at}>{useZone().clock(at)}</Instant>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** `at`: the beginning of the hour. */
export function LastUse({ at }: { readonly at: string | null }) {
  const now = useNow(MINUTE_MS);
  if (at === null) return <span class="muted">never</span>;
  if (now - Date.parse(at) >= HOUR_MS) return <RelativeTime at={at} />;
  return (
    <Instant at={at} before="After ">
      this hour
    </Instant>
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
