import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { toActionRun } from "../../src/runs/action-run.ts";
import {
  begin,
  type Conflict,
  dueAt,
  ENDED_STATUSES,
  type EndCause,
  expire,
  isOpen,
  OPEN_STATUSES,
  purgeAt,
  type Run,
  type RunEvent,
  STATUSES,
  type Status,
  timeIsUpAt,
  transition,
} from "../../src/runs/run.ts";

const CREATED_AT = Date.UTC(2026, 0, 31, 12);
const STARTED_AT = CREATED_AT + 1000;
const NOW = CREATED_AT + 2000;
const DEADLINE_AT = CREATED_AT + 60_000;
const DAY_MS = 86_400_000;

/** A failed run refuses events with the code of what failed it. */
type Failure = "failed" | "timed out" | "silent" | "undelivered";
type Situation = Exclude<Status, "failed"> | Failure;
type EventType = RunEvent["type"];
/** `noted`: a sign of life is on record, and nothing else has changed. */
type Outcome = Status | Conflict | "not yet" | "noted";

// Both tables are typed by the source: a status or an event that is added there does not compile here.
const EVENTS: { readonly [T in EventType]: Extract<RunEvent, { type: T }> } = {
  started: { type: "started" },
  delivered: { type: "delivered" },
  heartbeat: { type: "heartbeat" },
  succeeded: { type: "succeeded", output: '{"url":"x"}' },
  failed: { type: "failed", error: "exit 1", output: '{"log":"y"}' },
  cancelled: { type: "cancelled" },
  delivery_failed: { type: "delivery_failed", reason: "ci.example answered 404." },
  deadline_passed: { type: "deadline_passed" },
};

const refusedBy = (conflict: Conflict): Record<EventType, Outcome> => ({
  started: conflict,
  delivered: conflict,
  heartbeat: conflict,
  succeeded: conflict,
  failed: conflict,
  cancelled: conflict,
  delivery_failed: conflict,
  deadline_passed: conflict,
});

const TABLE: Record<Situation, Record<EventType, Outcome>> = {
  pending: {
    started: "running",
    delivered: "noted",
    heartbeat: "running",
    succeeded: "succeeded",
    failed: "failed",
    cancelled: "cancelled",
    delivery_failed: "failed",
    deadline_passed: "not yet",
  },
  running: {
    started: "run_running",
    delivered: "run_running",
    heartbeat: "noted",
    succeeded: "succeeded",
    failed: "failed",
    cancelled: "run_running",
    delivery_failed: "run_running",
    deadline_passed: "not yet",
  },
  succeeded: refusedBy("run_succeeded"),
  failed: refusedBy("run_failed"),
  "timed out": refusedBy("run_timed_out"),
  silent: refusedBy("run_timed_out"),
  undelivered: refusedBy("delivery_failed"),
  cancelled: refusedBy("run_cancelled"),
};

const PENDING: Run = Object.freeze({
  id: "019c0e5a-1800-8000-8000-000000000000",
  version: 1,
  status: "pending",
  actionName: "deploy",
  entityId: null,
  parameters: "{}",
  recommendations: "{}",
  triggeredBy: "root",
  createdAt: CREATED_AT,
  startedAt: null,
  completedAt: null,
  error: null,
  output: null,
  deadlineAt: DEADLINE_AT,
  heartbeatTimeoutMs: null,
  silentSince: CREATED_AT,
  endCause: null,
});

function runIn(situation: Situation): Run {
  const ended = { ...PENDING, version: 2, completedAt: NOW };
  switch (situation) {
    case "pending":
      return PENDING;
    case "running":
      return { ...PENDING, version: 2, status: "running", startedAt: STARTED_AT, silentSince: STARTED_AT };
    case "succeeded":
      return { ...ended, status: "succeeded", endCause: "callback", startedAt: NOW, output: "{}" };
    // Its error reads like ours, for a workflow may report any text.
    case "failed":
      return { ...ended, status: "failed", endCause: "callback", startedAt: NOW, error: "[timeout] exit 1" };
    case "timed out":
      return {
        ...ended,
        status: "failed",
        endCause: "deadline",
        completedAt: DEADLINE_AT,
        error: "[timeout] too late",
      };
    case "silent":
      return {
        ...ended,
        status: "failed",
        endCause: "silence",
        startedAt: STARTED_AT,
        error: "[timeout] too quiet",
      };
    case "undelivered":
      return { ...ended, status: "failed", endCause: "delivery", error: "[delivery] refused" };
    case "cancelled":
      return { ...ended, status: "cancelled", endCause: "cancel" };
  }
}

const situations = Object.keys(TABLE) as Situation[];
const eventTypes = Object.keys(EVENTS) as EventType[];
const pairs = situations.flatMap((situation) => eventTypes.map((type) => ({ situation, type })));
const isStatus = (outcome: Outcome): outcome is Status => STATUSES.some((status) => status === outcome);

/** With when it is removed: 30 days after its end. */
function kept(run: Run): Run & { readonly purgeAt: number } {
  return { ...run, purgeAt: purgeAt(run, 30) };
}

describe("every pair of status and event, before the run's deadline", () => {
  it("is covered for every status", () => {
    expect(new Set(situations.map((situation) => runIn(situation).status))).toEqual(new Set(STATUSES));
    expect([...OPEN_STATUSES, ...ENDED_STATUSES]).toEqual(STATUSES);
    for (const situation of situations) {
      const { status } = runIn(situation);
      expect(isOpen({ status })).toBe(OPEN_STATUSES.some((open) => open === status));
    }
  });

  it.each(pairs)("$situation + $type", ({ situation, type }) => {
    const run = Object.freeze(runIn(situation));
    const expected = TABLE[situation][type];
    const next = transition(run, EVENTS[type], NOW);
    if (expected === "not yet") expect(next).toEqual({ ok: true, value: run });
    else if (expected === "noted") expect(next).toEqual({ ok: true, value: { ...run, silentSince: NOW } });
    else if (!isStatus(expected)) expect(next).toEqual({ ok: false, error: expected });
    else expect(next).toMatchObject({ ok: true, value: { status: expected, version: run.version + 1 } });
  });
});

describe("what an event sets", () => {
  const outcome = (situation: Situation, type: EventType) => {
    const next = transition(runIn(situation), EVENTS[type], NOW);
    return next.ok ? next.value : next.error;
  };

  it.each(["started", "heartbeat"] as const)("%s sets startedAt and silentSince", (type) => {
    const started = { ...PENDING, version: 2, status: "running", startedAt: NOW, silentSince: NOW };
    expect(outcome("pending", type)).toEqual(started);
  });

  it("a report sets completedAt and its content, and a missing start to the same instant", () => {
    const end = { completedAt: NOW, endCause: "callback" } as const;
    const succeeded = { ...end, status: "succeeded", output: '{"url":"x"}', error: null } as const;
    const failed = { ...end, status: "failed", output: '{"log":"y"}', error: "exit 1" } as const;
    expect(outcome("pending", "succeeded")).toEqual({ ...PENDING, version: 2, startedAt: NOW, ...succeeded });
    expect(outcome("pending", "failed")).toEqual({ ...PENDING, version: 2, startedAt: NOW, ...failed });
    const running = runIn("running");
    expect(outcome("running", "succeeded")).toEqual({ ...running, version: 3, ...succeeded });
    expect(outcome("running", "failed")).toEqual({ ...running, version: 3, ...failed });
  });

  it("a cancel or a failed delivery leaves a missing start missing", () => {
    const ended = { ...PENDING, version: 2, completedAt: NOW };
    expect(outcome("pending", "cancelled")).toEqual({ ...ended, status: "cancelled", endCause: "cancel" });
    const error = "[delivery] ci.example answered 404.";
    expect(outcome("pending", "delivery_failed")).toEqual({
      ...ended,
      status: "failed",
      endCause: "delivery",
      error,
    });
  });
});

describe("a passed deadline comes before any other event", () => {
  const open = pairs.filter(({ situation }) => isOpen(runIn(situation)));

  it.each(open)("$situation + $type, at the deadline and later", ({ situation, type }) => {
    for (const now of [DEADLINE_AT, DEADLINE_AT + 1, DEADLINE_AT + 90 * DAY_MS]) {
      const run = Object.freeze(runIn(situation));
      const timedOut = {
        ...run,
        version: run.version + 1,
        status: "failed",
        completedAt: DEADLINE_AT,
        endCause: "deadline",
        error: "[timeout] No result was reported by 2026-01-31T12:01:00.000Z.",
      };
      expect(expire(run, now)).toEqual(timedOut);
      const next = transition(run, EVENTS[type], now);
      if (type === "deadline_passed") expect(next).toEqual({ ok: true, value: timedOut });
      else expect(next).toEqual({ ok: false, error: "run_timed_out" });
      // Written first and asked then, as callers do, it comes to the same.
      expect(transition(expire(run, now), EVENTS[type], now)).toEqual({ ok: false, error: "run_timed_out" });
    }
  });

  it.each(open)(
    "$situation + $type, a millisecond before it, is as the table says",
    ({ situation, type }) => {
      const run = runIn(situation);
      expect(expire(run, DEADLINE_AT - 1)).toBe(run);
      const early = transition(run, EVENTS[type], NOW);
      expect(transition(run, EVENTS[type], DEADLINE_AT - 1).ok).toBe(early.ok);
    },
  );

  it("does not touch a run that has ended", () => {
    for (const situation of situations) {
      const run = runIn(situation);
      if (!isOpen(run)) expect(expire(run, DEADLINE_AT + DAY_MS)).toBe(run);
    }
  });
});

describe("a run that may be silent for a minute", () => {
  const SILENCE_MS = 60_000;
  const LATER = DEADLINE_AT + 3_600_000;
  const input = { ...PENDING, deadlineAt: LATER, heartbeatTimeoutMs: SILENCE_MS };
  const heard = (run: Run, event: RunEvent, at: number): Run => {
    const next = transition(run, event, at);
    if (!next.ok) throw new Error(next.error);
    return next.value;
  };
  const pending = begin(input);
  const delivering = begin(input, true);
  const delivered = heard(delivering, EVENTS.delivered, NOW);
  const running = heard(delivered, EVENTS.heartbeat, NOW + 10);

  it.each<[string, Run, number]>([
    ["its creation, where it has no trigger", pending, CREATED_AT],
    ["its delivery, where only a heartbeat starts it", delivered, NOW],
    ["its start by the delivery", heard(delivering, EVENTS.started, NOW), NOW],
    ["its start by a heartbeat", running, NOW + 10],
    ["the last heartbeat", heard(running, EVENTS.heartbeat, NOW + 30_000), NOW + 30_000],
    ["the last heartbeat, of whatever clock", heard(running, EVENTS.heartbeat, NOW - 30_000), NOW + 10],
  ])("ends of it a minute after %s, whatever comes then", (_, run, since) => {
    const at = since + SILENCE_MS;
    expect(timeIsUpAt(run)).toBe(at);
    expect(dueAt(kept(run), null)).toBe(at);
    expect(expire(run, at - 1)).toBe(run);
    const ended = {
      ...run,
      version: run.version + 1,
      status: "failed",
      completedAt: at,
      endCause: "silence",
      error: `[timeout] The workflow was silent for a minute: nothing was heard after ${new Date(since).toISOString()}.`,
    };
    for (const now of [at, at + 1, LATER, LATER + DAY_MS]) {
      expect(expire(run, now)).toEqual(ended);
      for (const type of eventTypes) {
        const next = transition(run, EVENTS[type], now);
        if (type === "deadline_passed") expect(next).toEqual({ ok: true, value: ended });
        else expect(next).toEqual({ ok: false, error: "run_timed_out" });
      }
    }
  });

  it("is not silent during its delivery or without a heartbeat timeout", () => {
    expect(timeIsUpAt(delivering)).toBe(LATER);
    expect(timeIsUpAt(begin({ ...input, heartbeatTimeoutMs: null }))).toBe(LATER);
    // Journalled before silence was known of.
    expect(timeIsUpAt({ ...pending, silentSince: null })).toBe(LATER);
  });

  it("ends at its deadline if that comes first or at the same instant", () => {
    for (const deadlineAt of [CREATED_AT + SILENCE_MS, CREATED_AT + SILENCE_MS - 1]) {
      const ended = expire({ ...pending, deadlineAt }, LATER);
      expect(ended).toMatchObject({ status: "failed", completedAt: deadlineAt, endCause: "deadline" });
      expect(ended.error).toMatch(/^\[timeout\] No result was reported by /);
    }
  });

  it("names in its error how many minutes it was silent", () => {
    const run = { ...pending, heartbeatTimeoutMs: 5 * SILENCE_MS };
    expect(expire(run, LATER).error).toContain(" was silent for 5 minutes: ");
  });
});

it("begins pending, at version 1, without an end", () => {
  expect(begin(PENDING)).toEqual(PENDING);
  expect(begin(PENDING, true)).toEqual({ ...PENDING, silentSince: null });
});

it("never moves an instant back, changes an end, or skips a version, whatever the clock shows", () => {
  const step = fc.record({
    type: fc.constantFrom(...eventTypes),
    // From an hour before creation to an hour after the deadline, and often within the run's minute.
    now: fc.oneof(
      fc.integer({ min: CREATED_AT - 3_600_000, max: DEADLINE_AT + 3_600_000 }),
      fc.integer({ min: CREATED_AT, max: DEADLINE_AT + 100 }),
    ),
  });
  const CAUSES: Readonly<Partial<Record<EventType, EndCause>>> = {
    succeeded: "callback",
    failed: "callback",
    cancelled: "cancel",
    delivery_failed: "delivery",
  };
  const property = fc.property(
    fc.constantFrom(null, 20_000),
    fc.boolean(),
    fc.array(step, { maxLength: 12 }),
    (heartbeatTimeoutMs, isDelivering, steps) => {
      let run = begin({ ...PENDING, heartbeatTimeoutMs }, isDelivering);
      const become = (next: Run, cause: EndCause | undefined) => {
        expect(next.silentSince ?? 0).toBeGreaterThanOrEqual(run.silentSince ?? 0);
        // A sign of life alone is no new version, and shows nowhere.
        if (next.version === run.version)
          return expect(next).toEqual({ ...run, silentSince: next.silentSince });
        expect(isOpen(run)).toBe(true);
        expect(next.version).toBe(run.version + 1);
        expect(next.startedAt ?? next.createdAt).toBeGreaterThanOrEqual(next.createdAt);
        expect(next.completedAt === null).toBe(isOpen(next));
        expect(next.endCause === null).toBe(isOpen(next));
        if (next.completedAt === null) return;
        expect(next.completedAt).toBeGreaterThanOrEqual(next.startedAt ?? next.createdAt);
        expect(next.completedAt).toBeLessThanOrEqual(timeIsUpAt(run));
        const isLate = next.completedAt === timeIsUpAt(run) && next.status === "failed";
        const late = timeIsUpAt(run) < run.deadlineAt ? "silence" : "deadline";
        expect(next.endCause).toBe(isLate ? late : cause);
      };
      for (const { type, now } of steps) {
        const next = transition(run, EVENTS[type], now);
        // A caller that is refused by the deadline has written it first.
        const value = next.ok ? next.value : expire(run, now);
        become(value, CAUSES[type]);
        run = value;
      }
    },
  );
  fc.assert(property, { seed: 20260131, numRuns: 1000 });
});

describe("when the coordinator has something to do for a run", () => {
  it("is at its deadline while it is open, and at the end of its retention afterwards", () => {
    for (const situation of situations) {
      const run = runIn(situation);
      const endsBy = isOpen(run) || situation.startsWith("timed out") ? DEADLINE_AT : NOW;
      expect(dueAt(kept(run), null)).toBe(isOpen(run) ? DEADLINE_AT : endsBy + 30 * DAY_MS);
      expect(purgeAt(run, 30)).toBe(endsBy + 30 * DAY_MS);
    }
  });

  it("is sooner if its delivery needs something first while it is open", () => {
    for (const situation of situations) {
      const run = runIn(situation);
      expect(dueAt(kept(run), NOW + 5)).toBe(isOpen(run) ? NOW + 5 : dueAt(kept(run), null));
      expect(dueAt(kept(run), DEADLINE_AT + 5)).toBe(dueAt(kept(run), null));
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 0, -1, 1.5, Number.MAX_SAFE_INTEGER + 1])(
    "throws for %d, because no alarm can be set for it",
    (at) => {
      expect(() => dueAt(kept({ ...PENDING, deadlineAt: at }), null)).toThrow(RangeError);
      const completedAt = at - 30 * DAY_MS;
      expect(() => dueAt(kept({ ...runIn("cancelled"), completedAt }), null)).toThrow(RangeError);
    },
  );
});

describe("the ActionRun on the wire", () => {
  it("has the contract's twelve fields in their order and nothing else", () => {
    const kept = { ...runIn("succeeded"), createKey: "c:secret", changeKey: "m:secret", purgeAt: NOW };
    const reference =
      "id actionName entityId status parameters recommendations triggeredBy createdAt startedAt completedAt error output";
    expect(Object.keys(JSON.parse(toActionRun(kept))).join(" ")).toBe(reference);
    for (const situation of situations) {
      expect(Object.keys(JSON.parse(toActionRun(runIn(situation)))).join(" ")).toBe(reference);
    }
  });

  it("is printed once for each version", () => {
    const stringify = vi.spyOn(JSON, "stringify");
    const run = { ...PENDING };
    const text = toActionRun(run);
    const calls = stringify.mock.calls.length;
    expect(calls).toBeGreaterThan(0);
    expect(toActionRun(run)).toBe(text);
    expect(stringify).toHaveBeenCalledTimes(calls);
    stringify.mockRestore();
    expect(toActionRun({ ...run, actionName: "another" })).not.toBe(text);
  });

  it("prints null for missing values, instants in UTC, and JSON as it was sent", () => {
    const open = toActionRun({ ...PENDING, parameters: '{"__proto__":1,"n":1e3}' });
    expect(open).toBe(
      '{"id":"019c0e5a-1800-8000-8000-000000000000","actionName":"deploy","entityId":null,"status":"pending",' +
        '"parameters":{"__proto__":1,"n":1e3},"recommendations":{},"triggeredBy":"root",' +
        '"createdAt":"2026-01-31T12:00:00.000Z","startedAt":null,"completedAt":null,"error":null,"output":null}',
    );
    const odd = 'quote " back\\slash \u2028 \u{1f680} \n';
    const ended = toActionRun({
      ...PENDING,
      status: "failed",
      actionName: odd,
      triggeredBy: odd,
      error: odd,
      entityId: "0b6e5a57-8b0a-4f0e-9b0e-1d7f3a1f0c11",
      startedAt: STARTED_AT,
      completedAt: NOW,
      output: '{"a":[1]}',
    });
    expect(JSON.parse(ended)).toMatchObject({
      actionName: odd,
      triggeredBy: odd,
      error: odd,
      entityId: "0b6e5a57-8b0a-4f0e-9b0e-1d7f3a1f0c11",
      startedAt: "2026-01-31T12:00:01.000Z",
      completedAt: "2026-01-31T12:00:02.000Z",
      output: { a: [1] },
    });
  });
});
