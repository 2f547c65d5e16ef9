/** Instants and durations. None of them is a live region, because a ticking clock would be read out all the time. */

import { useNow } from "./clock.tsx";
import { ageStepMs, formatAge, formatDuration } from "./durations.ts";

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
