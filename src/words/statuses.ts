/** The statuses of a run, and how many runs have each. A count is a number, or a lower bound: `{ atLeast: 1000 }`. PURE. */
import type { components } from "../client/openapi.ts";

type Summary = components["schemas"]["ActionRunSummary"];
export type Status = components["schemas"]["ActionRun"]["status"];
export type Count = Summary[Status];

export const STATUSES: readonly Status[] = ["pending", "running", "succeeded", "failed", "cancelled"];

export function isOpen(status: Status): boolean {
  return status === "pending" || status === "running";
}

/** `1,000+`. `digits`: how a number is written, because scripts read `1000`. */
export function countText(count: Count, digits = (number: number) => number.toLocaleString("en")): string {
  return typeof count === "number" ? digits(count) : `${digits(count.atLeast)}+`;
}

export function counted(count: Count, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}

export function capitalized(words: string): string {
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** `3 succeeded, 1 failed`: the greatest first, without zeros. Empty if all are zero. */
export function tallyText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}

/** Only a lower bound if one of them is one. */
export function sumOf(counts: readonly Count[]): Count {
  const sum = counts.reduce<number>((total, count) => total + least(count), 0);
  return counts.every((count) => typeof count === "number") ? sum : { atLeast: sum };
}

export function least(count: Count): number {
  return typeof count === "number" ? count : count.atLeast;
}

/** The counts after a run went from one status to another. What is only a lower bound stays one. */
export function moved(counts: Summary, from: Status, to: Status): Summary {
  if (from === to) return counts;
  const plus = (count: Count, more: number) => (typeof count === "number" ? Math.max(count + more, 0) : count);
  return { ...counts, [from]: plus(counts[from], -1), [to]: plus(counts[to], 1) };
}

export function titleOf({ actionName, details }: components["schemas"]["DetailedActionRun"]): string {
  return details?.title ?? actionName;
}

/* SECTION: Why a run started or ended, as a clause without a full stop. */

type Event<T> = Extract<components["schemas"]["TimelineEvent"], { readonly type: T }>;
type StartCause = NonNullable<Event<"started">["cause"]>;
type EndCause = NonNullable<Event<"ended">["cause"]>;

const STARTS: Readonly<Record<StartCause, string>> = {
  delivery: "the receiver accepted it",
  heartbeat: "the first heartbeat came",
  callback: "it was reported together with its end",
};

const ENDS: Readonly<Record<EndCause, string>> = {
  callback: "the job reported it",
  cancel: "it was cancelled",
  delivery: "its job could not be started",
  start: "its schedule could not start it",
  gate: "it did not start",
  deadline: "nobody reported an end before the deadline",
  silence: "the job was silent for too long",
  rejected: "it was rejected",
  replaced: "a newer run replaced it",
};

/** A newer service may know more causes. Such a cause stands for itself. Empty without a cause. */
export const startCauseText = (cause?: string | null) => wordsOf(STARTS, cause);
export const endCauseText = (cause?: string | null) => wordsOf(ENDS, cause);

function wordsOf(texts: Readonly<Record<string, string>>, cause: string | null = ""): string {
  return cause === null ? "" : Object.hasOwn(texts, cause) ? (texts[cause] ?? cause) : cause;
}
