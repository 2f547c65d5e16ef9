/** When a new token may expire, to choose from. PURE. */

export interface ExpiryChoice {
  readonly key: string;
  readonly label: string;
  /** From now, in ms. Null: no time is sent, so the token expires when its creator's token does, or never. */
  readonly inMs: number | null;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const SPANS: readonly ExpiryChoice[] = [
  { key: "1h", label: "In 1 hour", inMs: HOUR },
  { key: "1d", label: "In 1 day", inMs: DAY },
  { key: "7d", label: "In 7 days", inMs: 7 * DAY },
  { key: "30d", label: "In 30 days", inMs: 30 * DAY },
  { key: "90d", label: "In 90 days", inMs: 90 * DAY },
  { key: "365d", label: "In 1 year", inMs: 365 * DAY },
];

/** `ownExpiresAt`: when the creator's token expires, in ms. Null: never. The new token can't outlive it. */
export function expiryChoices(ownExpiresAt: number | null, now: number): readonly ExpiryChoice[] {
  const longest = ownExpiresAt === null ? Number.POSITIVE_INFINITY : ownExpiresAt - now;
  return [
    ...SPANS.filter(({ inMs }) => inMs !== null && inMs < longest),
    { key: "", label: ownExpiresAt === null ? "Never" : "With your own token", inMs: null },
  ];
}

/** The longest of at most 90 days: a token that lives forever must be chosen. */
export function firstChoice(choices: readonly ExpiryChoice[]): string {
  const short = choices.filter(({ inMs }) => inMs !== null && inMs <= 90 * DAY);
  return short.at(-1)?.key ?? "";
}

/** The time to send, as RFC 3339; undefined: none. */
export function expiresAt(choices: readonly ExpiryChoice[], key: string, now: number): string | undefined {
  const inMs = choices.find((choice) => choice.key === key)?.inMs ?? null;
  return inMs === null ? undefined : new Date(now + inMs).toISOString();
}
