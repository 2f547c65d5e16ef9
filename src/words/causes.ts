/** Why a run started or ended, in words, as a clause without a full stop. PURE. */
import type { components } from "../client/openapi.ts";

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
