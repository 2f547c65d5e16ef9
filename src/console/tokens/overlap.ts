/** How long the old secret of a rotated token still works, to choose from. PURE. */

export interface GracePeriodChoice {
  readonly key: string;
  readonly label: string;
  /** Undefined: nothing is sent. */
  readonly seconds: number | undefined;
}

const HOUR = 3600;
const DAY = 24 * HOUR;

const AT_ONCE: GracePeriodChoice = { key: "0", label: "Stops at once", seconds: 0 };
const KEEPS: GracePeriodChoice = { key: "", label: "Keeps its end", seconds: undefined };
const SPANS: readonly GracePeriodChoice[] = [
  { key: "1h", label: "Works for 1 more hour", seconds: HOUR },
  { key: "1d", label: "Works for 1 more day", seconds: DAY },
  { key: "7d", label: "Works for 7 more days", seconds: 7 * DAY },
];

/**
 * `isOwn`: the page is signed in with the token. Its session ends with the old secret, and the new one would be lost.
 * `isUnderWay`: an earlier old secret still works, and its end can only come sooner.
 */
export function gracePeriodChoices(about: {
  readonly isOwn: boolean;
  readonly isUnderWay: boolean;
}): readonly GracePeriodChoice[] {
  const later = about.isUnderWay ? [KEEPS] : SPANS;
  return about.isOwn ? later : [...later, AT_ONCE];
}

/** A day, or the end that there is already. */
export function firstGracePeriod(choices: readonly GracePeriodChoice[]): string {
  return choices.some(({ key }) => key === "1d") ? "1d" : (choices[0]?.key ?? "");
}
