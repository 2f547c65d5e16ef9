import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AttemptResult,
  beginAttempt,
  type Dispatch,
  dispatchDueAt,
  isAttemptDue,
  isAttemptLost,
  LEASE_MS,
  LOST,
  newDispatch,
  type Outcome,
  outcomeOf,
  UNSURE_ATTEMPTS_MAX,
} from "../../src/webhooks/dispatch.ts";

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 0, 31, 12);
const FAR = { now: NOW, createdAt: NOW - 60_000, endsAt: NOW + 3_600_000, random: 0.5, unsureMax: UNSURE_ATTEMPTS_MAX };
/** Where three quarters of the first back-off lead exactly to the end of the dispatch's time. */
const NEAR = { ...FAR, endsAt: NOW + 750 };

const NEW: Dispatch = Object.freeze(
  newDispatch(
    { host: "ci.example.com", startOn: "accepted", sealed: new Uint8Array(), maxAttempts: 3, initialDelayMs: 1000 },
    { createdAt: NOW, deadlineAt: NOW + 2 * HOUR_MS },
    NOW,
  ),
);

function answered(status: number | null, rest: Partial<AttemptResult> = {}): AttemptResult {
  const reason = status === null ? "did not answer within 15 seconds" : `answered ${status}`;
  return { status, durationMs: 7, reason, isFinal: false, excerpt: null, retryAfter: null, ...rest };
}

type Fate = Outcome["type"];
/** What each class of answers comes to from the attempt under way, with attempts and time left. */
const CLASSES: Readonly<Record<string, { statuses: readonly (number | null)[]; sure: Fate; unsure: Fate }>> = {
  "a success": { statuses: [200, 201, 202, 204, 299], sure: "accepted", unsure: "accepted" },
  "a redirect": { statuses: [300, 301, 302, 303, 304, 307, 308], sure: "given_up", unsure: "given_up" },
  "a refusal": { statuses: [400, 401, 403, 404, 405, 410, 413, 422, 499], sure: "given_up", unsure: "given_up" },
  "a conflict": { statuses: [409], sure: "given_up", unsure: "accepted" },
  "a stumble": { statuses: [408, 425, 429, 500, 502, 503, 504, 520, 599], sure: "retry", unsure: "retry" },
  "no answer": { statuses: [null], sure: "retry", unsure: "retry" },
  "no status of HTTP": { statuses: [0, 199, 600, 999], sure: "given_up", unsure: "given_up" },
};

/** Of attempt 2, beside what is on record. */
const POSITIONS = {
  "the attempt under way": { attempt: 2, leaseUntil: NOW + 1, nextAt: null },
  "an older attempt": { attempt: 3, leaseUntil: NOW + 1, nextAt: null },
  "an attempt that was given up on, while none is under way": { attempt: 2, leaseUntil: null, nextAt: NOW + 1 },
} as const;

const FLAGS = [false, true];
const cases = Object.keys(CLASSES).flatMap((kind) =>
  Object.keys(POSITIONS).map((position) => ({ kind, position: position as keyof typeof POSITIONS })),
);

describe("every class of answers at every attempt", () => {
  it.each(cases)("$kind from $position", ({ kind, position }) => {
    const { statuses, sure, unsure } = CLASSES[kind] ?? { statuses: [], sure: "ignored", unsure: "ignored" };
    for (const status of statuses) {
      for (const isUnsure of FLAGS) {
        for (const isLast of FLAGS) {
          for (const isNear of FLAGS) {
            const dispatch = Object.freeze({
              ...NEW,
              ...POSITIONS[position],
              isUnsure,
              maxAttempts: isLast ? 2 : 4,
              initialDelayMs: 500,
            });
            let fate = isUnsure ? unsure : sure;
            if (fate === "retry" && (isLast || isNear)) fate = "given_up";
            if (position !== "the attempt under way" && kind !== "a success") fate = "ignored";
            const { type } = outcomeOf(dispatch, 2, answered(status), isNear ? NEAR : FAR);
            const known = { status, isUnsure, isLast, isNear };
            expect({ ...known, type }).toEqual({ ...known, type: fate });
          }
        }
      }
    }
  });

  it("a success that does not meet the conditions is given up, and ignored if it is late", () => {
    const underWay = beginAttempt(NEW, NOW);
    const unmet = answered(200, { isFinal: true, reason: "answered 200, but the response has no response.id" });
    expect(outcomeOf(underWay, 1, unmet, FAR)).toEqual({
      type: "given_up",
      reason: "ci.example.com answered 200, but the response has no response.id.",
    });
    expect(outcomeOf({ ...underWay, leaseUntil: null, nextAt: NOW + 1 }, 1, unmet, FAR)).toEqual({ type: "ignored" });
    expect(outcomeOf(beginAttempt(underWay, NOW), 1, unmet, FAR)).toEqual({ type: "ignored" });
  });

  it("an attempt that can never be sent is given up at once", () => {
    const underWay = beginAttempt(NEW, NOW);
    const outcome = outcomeOf(underWay, 1, answered(null, { isFinal: true }), FAR);
    expect(outcome).toMatchObject({ type: "given_up" });
    expect(outcomeOf(beginAttempt(underWay, NOW), 1, answered(null, { isFinal: true }), FAR)).toEqual({
      type: "ignored",
    });
  });
});

describe("what a retry records", () => {
  const underWay = beginAttempt(NEW, NOW - 5);

  it.each<[string, AttemptResult, number]>([
    ["our back-off", answered(503), NOW + 750],
    ["what the receiver asks for, where it is longer", answered(503, { retryAfter: "20" }), NOW + 20_000],
    ["our back-off, where the receiver asks for nonsense", answered(503, { retryAfter: "soon" }), NOW + 750],
  ])("is the next attempt after %s, and that none is under way", (_, answer, nextAt) => {
    const request = { ...underWay, nextAt, leaseUntil: null };
    expect(outcomeOf(underWay, 1, answer, FAR)).toEqual({ type: "retry", request });
  });

  it("is that the request may have arrived, if no answer came or the server failed over it", () => {
    const isUnsureAfter = (dispatch: Dispatch, answer: AttemptResult) => {
      const outcome = outcomeOf(dispatch, 1, answer, FAR);
      return outcome.type === "retry" ? outcome.request.isUnsure : outcome.type;
    };
    for (const status of [null, 500, 502, 504, 520, 524]) expect(isUnsureAfter(underWay, answered(status))).toBe(true);
    for (const status of [408, 425, 429, 503, 521, 522, 523, 530])
      expect(isUnsureAfter(underWay, answered(status))).toBe(false);
    expect(isUnsureAfter(underWay, answered(null, { isUnreached: true }))).toBe(false);
    expect(isUnsureAfter(underWay, LOST)).toBe(true);
    // Once unsure it stays so, whatever the next attempt is answered.
    expect(isUnsureAfter({ ...underWay, isUnsure: true }, answered(503))).toBe(true);
  });
});

describe("a dispatch given up says why in one sentence about the host", () => {
  const reasonOf = (dispatch: Dispatch, answer: AttemptResult, near = false) => {
    const outcome = outcomeOf(dispatch, dispatch.attempt, answer, near ? NEAR : FAR);
    return outcome.type === "given_up" ? outcome.reason : outcome.type;
  };
  const first = beginAttempt(NEW, NOW);
  const third = beginAttempt(beginAttempt(first, NOW), NOW);

  it.each<[string, string]>([
    [reasonOf(first, answered(404)), "ci.example.com answered 404."],
    [reasonOf(third, answered(404)), "ci.example.com answered 404."],
    [reasonOf({ ...first, maxAttempts: 1 }, answered(503)), "ci.example.com answered 503."],
    [reasonOf(third, answered(503)), "ci.example.com answered 503, at attempt 3."],
    [reasonOf(third, answered(null)), "ci.example.com did not answer within 15 seconds, at attempt 3."],
    [
      reasonOf({ ...first, initialDelayMs: 1000 }, answered(503), true),
      "ci.example.com answered 503, and the time for retries would be up before the next attempt.",
    ],
    [reasonOf(third, LOST), "ci.example.com may or may not have been reached: the attempt was cut off, at attempt 3."],
  ])("says: %s", (reason, expected) => expect(reason).toBe(expected));
});

describe("without maxAttempts", () => {
  const started = { ...NEW, maxAttempts: null };
  /** The outcome of the attempts that end so, one after the other. */
  const outcomeAfter = (answers: readonly AttemptResult[], circumstances = FAR) => {
    let dispatch: Dispatch = beginAttempt(started, NOW);
    for (const answer of answers) {
      const outcome = outcomeOf(dispatch, dispatch.attempt, answer, circumstances);
      if (outcome.type !== "retry") return outcome;
      dispatch = beginAttempt(outcome.request, NOW);
    }
    return dispatch;
  };
  const many = (answer: AttemptResult, n: number) => Array.from({ length: n }, () => answer);

  it.each<[string, AttemptResult]>([
    ["no answer in time", answered(null)],
    ["a lost lease", LOST],
    ["a broken connection", answered(null, { reason: "could not be reached, or broke the connection off" })],
    ...[500, 501, 504, 520, 524, 599].map((status) => [`${status}`, answered(status)] as [string, AttemptResult]),
  ])("the third attempt that may have begun the job is the last: %s", (_, answer) => {
    expect(outcomeAfter(many(answer, 2))).toMatchObject({ attempt: 3, unsureAttempts: 2 });
    expect(outcomeAfter(many(answer, 3))).toMatchObject({ type: "given_up" });
    const between = [answer, ...many(answered(503), 40), answer, ...many(answered(429), 40), answer];
    expect(outcomeAfter(between)).toEqual({
      type: "given_up",
      reason: `ci.example.com ${answer.reason}, at attempt 83, and 3 attempts may have begun the job.`,
    });
  });

  it.each<[string, AttemptResult]>([
    ["a refused connection", answered(null, { isUnreached: true })],
    ...[408, 425, 429, 502, 503, 521, 522, 523, 530].map(
      (status) => [`${status}`, answered(status)] as [string, AttemptResult],
    ),
  ])("attempts go on as long as there is time after %s", (_, answer) => {
    expect(outcomeAfter(many(answer, 200))).toMatchObject({ attempt: 201, unsureAttempts: 0 });
    expect(outcomeAfter(many(answer, 1), NEAR)).toMatchObject({ type: "given_up" });
  });

  it("a stop request may be repeated as often as its time allows", () => {
    expect(outcomeAfter(many(answered(500), 50), { ...FAR, unsureMax: null as never })).toMatchObject({ attempt: 51 });
  });

  it.each([1, 2, 5, 10, 60, 43_200])("a run of %d minutes has its last attempt a second before the end", (minutes) => {
    const run = { createdAt: NOW, deadlineAt: NOW + minutes * 60_000 };
    for (const random of [0, 0.5, 0.999]) {
      let dispatch = newDispatch({ ...NEW, maxAttempts: null }, run, NOW);
      const { endsAt } = dispatch;
      const begunAt: number[] = [];
      for (let now = NOW; ; ) {
        begunAt.push(now);
        dispatch = beginAttempt(dispatch, now);
        const circumstances = { ...FAR, now, createdAt: NOW, endsAt, random };
        const outcome = outcomeOf(dispatch, dispatch.attempt, answered(503), circumstances);
        if (outcome.type !== "retry") break;
        dispatch = outcome.request;
        now = outcome.request.nextAt;
      }
      expect(begunAt.at(-1)).toBeGreaterThanOrEqual(endsAt - 2000);
      expect(begunAt.at(-1)).toBeLessThan(endsAt);
      expect(begunAt.length).toBeLessThan(200);
    }
  });

  it("an attempt that was never sent does not count as one that may have begun the job", () => {
    const unready = answered(null, { isUnready: true });
    const circumstances = { ...FAR, createdAt: NOW - 700_000 };
    expect(outcomeAfter(many(unready, 20), circumstances)).toMatchObject({ unsureAttempts: 0, isUnsure: false });
  });

  it("a Retry-After past the end of the time gives up", () => {
    const asked = (seconds: number) => answered(503, { retryAfter: String(seconds) });
    expect(outcomeAfter([asked(3599)])).toMatchObject({ attempt: 2 });
    expect(outcomeAfter([asked(3600)])).toEqual({
      type: "given_up",
      reason: "ci.example.com answered 503, and the time for retries would be up before the next attempt.",
    });
  });

  it.each([
    [1, 0.5],
    [60, 30],
    [120, 60],
    [43_200, 60],
  ])("a run of %d minutes is dispatched for %d minutes", (minutes, expected) => {
    const run = { createdAt: NOW, deadlineAt: NOW + minutes * 60_000 };
    const dispatch = { ...NEW, maxAttempts: null };
    expect(newDispatch(dispatch, run, NOW + 5).endsAt).toBe(NOW + expected * 60_000);
    expect(newDispatch({ ...dispatch, maxAttempts: 10 }, run, NOW).endsAt).toBe(run.deadlineAt);
  });
});

describe("an attempt", () => {
  it("is due at once when its dispatch is new, and otherwise at its own instant", () => {
    expect(NEW).toMatchObject({ attempt: 0, nextAt: NOW, leaseUntil: null, isUnsure: false });
    expect(isAttemptDue(NEW, NOW)).toBe(true);
    expect(isAttemptDue(NEW, NOW - 1)).toBe(false);
    expect(dispatchDueAt(NEW)).toBe(NOW);
  });

  it("is lost exactly 30 s after it was sent, and is not due before", () => {
    const underWay = beginAttempt(NEW, NOW + 3);
    expect(LEASE_MS).toBe(30_000);
    expect(underWay).toEqual({ ...NEW, attempt: 1, nextAt: null, leaseUntil: NOW + 30_003 });
    expect(isAttemptDue(underWay, NOW + 90_000)).toBe(false);
    expect(isAttemptLost(underWay, NOW + 30_002)).toBe(false);
    expect(isAttemptLost(underWay, NOW + 30_003)).toBe(true);
    expect(dispatchDueAt(underWay)).toBe(NOW + 30_003);
    expect(isAttemptLost(NEW, NOW + 90_000)).toBe(false);
  });
});

it("the next attempt is always in the future, before the deadline, and within the limit", () => {
  const statuses = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 999 }), fc.constantFrom(409, 429, 503));
  const retryAfter = fc.oneof(
    fc.constant(null),
    fc.nat({ max: 100_000 }).map(String),
    fc.integer({ min: -10_000_000, max: 10_000_000 }).map((ms) => new Date(NOW + ms).toUTCString()),
    fc.string(),
  );
  const step = fc.record({
    status: statuses,
    retryAfter,
    // Of an older attempt now and then, and late: even after the deadline.
    back: fc.constantFrom(0, 0, 0, 1, 2),
    lateMs: fc.nat({ max: 20_000 }),
    random: fc.nat({ max: 2 ** 31 - 1 }).map((n) => n / 2 ** 31),
  });
  const property = fc.property(
    fc.option(fc.integer({ min: 1, max: 10 })),
    fc.integer({ min: 100, max: 3_600_000 }),
    fc.integer({ min: 1, max: 7_200_000 }),
    fc.array(step, { minLength: 1, maxLength: 25, size: "max" }),
    (maxAttempts, initialDelayMs, openMs, steps) => {
      const endsAt = NOW + openMs;
      let now = NOW;
      let dispatch = beginAttempt({ ...NEW, maxAttempts, initialDelayMs }, now);
      for (const { status, retryAfter, back, lateMs, random } of steps) {
        now += lateMs;
        const attempt = dispatch.attempt - back;
        const outcome = outcomeOf(dispatch, attempt, answered(status, { retryAfter }), {
          now,
          createdAt: NOW,
          endsAt,
          random,
          unsureMax: UNSURE_ATTEMPTS_MAX,
        });
        if (outcome.type === "ignored") continue;
        if (outcome.type !== "retry") return;
        const { nextAt } = outcome.request;
        expect(Number.isSafeInteger(nextAt)).toBe(true);
        expect(nextAt).toBeGreaterThanOrEqual(now);
        expect(nextAt).toBeLessThan(endsAt);
        expect(nextAt - now).toBeLessThanOrEqual(3_600_000);
        expect(isAttemptDue(outcome.request, nextAt)).toBe(true);
        now = nextAt;
        dispatch = beginAttempt(outcome.request, now);
        expect(dispatch.attempt).toBe(attempt + 1);
        expect(dispatch.attempt).toBeLessThanOrEqual(maxAttempts ?? 25);
        expect(dispatch.unsureAttempts).toBeLessThan(UNSURE_ATTEMPTS_MAX);
      }
    },
  );
  fc.assert(property, { seed: 20260131, numRuns: 3000 });
});
