/** Instants and durations. None of them is a live region, because a ticking clock would be read out all the time. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ageStepMs, formatAge, formatDuration, type Span } from "../../words/durations.ts";
import { LOCAL, UTC } from "../../words/since.ts";
import { whenText } from "../../words/waiting.ts";
import { contextOf, useStore } from "./stores.ts";

const DAY_MS = 24 * 3_600_000;

/** How instants are written, in one time zone. */
export type Times = ReturnType<typeof timesIn>;

/** `timeZone`: undefined for that of this machine. PURE, apart from the clock. */
export function timesIn(timeZone: "UTC" | undefined) {
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
    /** The same, for times that somebody types. */
    zone: timeZone === undefined ? LOCAL : UTC,
    /** The date and time with seconds and time zone, for a title. */
    exact: format(undefined, { dateStyle: "medium", timeStyle: "long" }),
    /** `28 Nov 2026, 14:05`. */
    minute: format(undefined, { dateStyle: "medium", timeStyle: "short" }),
    day: format(undefined, { dateStyle: "medium" }),
    /** `14:05:12`, with the day unless it is today. */
    clock: (at: string) => (date(at) === date(Date.now()) ? seconds(at) : `${dayOfYear(at)} ${seconds(at)}`),
    /** An instant near now: `Tue 06:00 GMT+1`. */
    when: (at: string) => whenText(Date.parse(at), Date.now(), timeZone),
    /** `28 Nov 14:05`, or the day and the year of another year. */
    short: (at: string) => (year(at) === year(Date.now()) ? `${dayOfYear(at)} ${clock(at)}` : date(at)),
  };
}

/** Under this key the storage has the time zone, if it is not that of this machine. */
const STORED = "action-runs.zone";

const [Provider, useZone] = contextOf<ReturnType<typeof useSwitchedZone>>("time zone");

export { useZone };

export function ZoneProvider({ children }: { readonly children: ComponentChildren }) {
  return <Provider value={useSwitchedZone()}>{children}</Provider>;
}

/** The times of a zone that somebody can switch, and that this browser remembers. */
function useSwitchedZone() {
  const [isUtc, setUtc] = useState(() => localStorage.getItem(STORED) === "utc");
  return useMemo(() => {
    function switchTo(next: boolean) {
      if (next) localStorage.setItem(STORED, "utc");
      else localStorage.removeItem(STORED);
      setUtc(next);
    }
    return { ...timesIn(isUtc ? "UTC" : undefined), switchTo };
  }, [isUtc]);
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

/** `to`: null if it is still running. Then the clock ticks. */
export function Duration({ from, to }: Span) {
  const now = useNow(to === null ? 1000 : null);
  const ms = (to === null ? now : Date.parse(to)) - Date.parse(from);
  return <span class="duration">{formatDuration(ms, { isRunning: to === null })}</span>;
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

/** The time, renewed every `stepMs` while the page can be seen; null: not renewed. */
export function useNow(stepMs: number | null): number {
  const isVisible = useVisible();
  const [, setNow] = useState(0);
  useEffect(() => {
    if (stepMs === null || !isVisible) return;
    const timer = setInterval(() => setNow(Date.now()), stepMs);
    return () => clearInterval(timer);
  }, [stepMs, isVisible]);
  return Date.now();
}

const visibility = {
  state: () => document.visibilityState === "visible",
  subscribe(listener: () => void) {
    document.addEventListener("visibilitychange", listener);
    return () => document.removeEventListener("visibilitychange", listener);
  },
};

/** Whether the page can be seen. Close streams and stop polls while it can't. */
export function useVisible(): boolean {
  return useStore(visibility);
}
