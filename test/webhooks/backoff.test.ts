import { describe, expect, it } from "vitest";
import {
  backoffMs,
  isRetryable,
  mayHaveBegun,
  nextAttemptAt,
  parseRetryAfter,
  RETRY_WAIT_MAX_MS,
} from "../../src/webhooks/dispatch.ts";
import { HOUR_MS } from "../support/direct.ts";
import { words } from "../support/words.ts";

const NOW = Date.UTC(1994, 10, 6, 8, 49, 7);
const POLICY = { maxAttempts: 3, initialDelayMs: 1000 };
const ALMOST_ONE = 1 - 2 ** -53;
const waitMs = (attempt: number, retryAfter: string | null) =>
  (nextAttemptAt(POLICY, attempt, retryAfter, { now: NOW, endsAt: Number.MAX_SAFE_INTEGER, random: 0.5 }) ?? 0) - NOW;

it("no response, 5xx, 408, 425 and 429 are retried, and no other status", () => {
  const retried = [null, 408, 425, 429, 500, 501, 502, 503, 504, 529, 599];
  expect(retried.filter((status) => !isRetryable(status))).toEqual([]);
  const final = [0, 200, 204, 301, 307, 308, 400, 401, 404, 407, 409, 410, 424, 426, 428, 499, 600];
  expect(final.filter(isRetryable)).toEqual([]);
});

it("a receiver may have begun, unless the status says that it never had the request", () => {
  const all = [500, 501, 504, 505, 507, 520, 524, 527, 529, 599];
  expect(all.filter((status) => !mayHaveBegun(status))).toEqual([]);
  expect([408, 425, 429, 502, 503, 521, 522, 523, 525, 526, 530].filter(mayHaveBegun)).toEqual([]);
});

describe("the backoff", () => {
  it.each([
    [1, 0, 500],
    [1, 0.5, 750],
    [1, ALMOST_ONE, 999],
    [2, 0.5, 1500],
    [3, 0.5, 3000],
    [3, ALMOST_ONE, 3999],
    [10, 0.25, 320_000],
    [3, 0.000_5, 2001],
  ])("after attempt %d with chance %d is %d ms", (attempt, random, expected) => {
    expect(backoffMs(POLICY, attempt, random)).toBe(expected);
  });

  it.each([2, 10, 2000])("never passes an hour and keeps its jitter there, at attempt %d", (attempt) => {
    const slow = { maxAttempts: 10, initialDelayMs: HOUR_MS };
    expect(backoffMs(slow, attempt, ALMOST_ONE)).toBe(HOUR_MS - 1);
    expect(backoffMs(slow, attempt, 0.25)).toBe((HOUR_MS * 5) / 8);
    expect(backoffMs(slow, attempt, 0)).toBe(HOUR_MS / 2);
  });

  it.each([
    [1000, 1, 1000],
    [1000, 6, 32_000],
    [1000, 7, 60_000],
    [1000, 2000, 60_000],
    [45_000, 2, 60_000],
    [300_000, 1, 300_000],
    [300_000, 5, 300_000],
  ])("of %d ms at first is, without maxAttempts, at attempt %d at most %d ms", (initialDelayMs, attempt, longest) => {
    const steady = { maxAttempts: null, initialDelayMs };
    expect(backoffMs(steady, attempt, ALMOST_ONE)).toBe(longest - 1);
    expect(backoffMs(steady, attempt, 0)).toBe(longest / 2);
  });
});

describe("Retry-After", () => {
  it.each([
    ["0", 0],
    ["120", 120_000],
    ["007", 7000],
    [" \t30 ", 30_000],
    ["7200", 2 * HOUR_MS],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 30_000],
    [" Sun, 06 Nov 1994 08:49:37 GMT ", 30_000],
    ["Sun, 06 Nov 1994 08:49:07 GMT", 0],
    ["Sun, 06 Nov 1994 08:49:06 GMT", 0],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["Thu, 29 Feb 1996 00:00:00 GMT", Date.UTC(1996, 1, 29) - NOW],
    ["Fri, 31 Dec 9999 23:59:59 GMT", Date.UTC(9999, 11, 31, 23, 59, 59) - NOW],
  ])("%j is %d ms", (value, expected) => {
    expect(parseRetryAfter(value, NOW)).toBe(expected);
  });

  it.each([
    null,
    "",
    " ",
    ...words("soon -1 +1 1.5 1e3 0x10 120s Infinity \u0661 1994-11-06T08:49:37Z"),
    "1 2",
    "120, 120",
    "foo 1",
    "06 Nov 1994 08:49:37 GMT",
    "sun, 06 nov 1994 08:49:37 gmt",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 06 Nov 1994 08:49:60 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT",
    "Wed, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
  ])("%j is invalid and ignored", (value) => {
    expect(parseRetryAfter(value, NOW)).toBeNull();
    expect(waitMs(1, value)).toBe(750);
  });

  it("stays a valid date when added to now, however many digits it has", () => {
    for (const digits of [10, 13, 20, 400, 10_000]) {
      const asked = parseRetryAfter("9".repeat(digits), NOW) ?? Number.NaN;
      expect(Number.isSafeInteger(asked)).toBe(true);
      expect(Number.isNaN(new Date(NOW + asked).getTime())).toBe(false);
    }
  });
});

describe("the wait before a retry", () => {
  it.each([
    ["ours where nothing is asked for", null, 3000],
    ["ours where less is asked for", "1", 3000],
    ["what is asked for where it is longer", "5", 5000],
    ["a date that is asked for", "Sun, 06 Nov 1994 08:49:37 GMT", 30_000],
    ["an hour at the most", "3601", HOUR_MS],
    ["an hour at the most, for a date too", "Fri, 31 Dec 9999 23:59:59 GMT", HOUR_MS],
    ["an hour at the most, for any number", "9".repeat(400), HOUR_MS],
  ])("is %s", (_, retryAfter, expected) => {
    expect(waitMs(3, retryAfter)).toBe(expected);
    expect(expected).toBeLessThanOrEqual(RETRY_WAIT_MAX_MS);
  });
});

describe("the last attempt, if only time bounds them", () => {
  const endsAt = NOW + 10 * 60_000;
  const last = (retryAfter: string | null, now = endsAt - 30_000, maxAttempts: number | null = null) =>
    nextAttemptAt({ maxAttempts, initialDelayMs: 60_000 }, 9, retryAfter, { now, endsAt, random: 0.5 });

  it("is just before the end, where our own wait would lead past it", () => {
    const at = last(null) ?? 0;
    expect([at < endsAt, at > endsAt - 30_000]).toEqual([true, true]);
    expect(last("1")).toBe(at);
  });

  it("is left out if the receiver asks for more time than is left", () => {
    expect(last("3600")).toBeNull();
  });

  it("is left out if there is no time for it, or if a number bounds the attempts", () => {
    expect(last(null, endsAt - 1)).toBeNull();
    expect(last(null, endsAt - 30_000, 20)).toBeNull();
  });
});
