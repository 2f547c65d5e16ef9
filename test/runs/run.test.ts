import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  begin,
  dueAt,
  ENDED_STATUSES,
  type EndCause,
  isOpen,
  OPEN_STATUSES,
  purgeAt,
  type Run,
  STATUSES,
  type Status,
  timeIsUpAt,
} from "../../src/runs/run.ts";
import {
  type Conflict,
  EXTERNAL_URL_CHANGES_MAX,
  expire,
  externalUrlRefusal,
  type RunEvent,
  transition,
} from "../../src/runs/transition.ts";
import { toRun } from "../support/rows.ts";
import { type EventType, eventsAt, GRACE_MS, URL_OF_JOB } from "./run-events.ts";

const CREATED_AT = Date.UTC(2026, 0, 31, 12);
const STARTED_AT = CREATED_AT + 1000;
const NOW = CREATED_AT + 2000;
const DEADLINE_AT = CREATED_AT + 60_000;
const DAY_MS = 86_400_000;
/** When the grace of a run that is stopping ends. */
const UNTIL = CREATED_AT + 30_000;

/** A failed run refuses events with the code of what failed it. */
type Failure = "failed" | "timed out" | "silent" | "undispatched";
/** `stopping`: running, and asked to stop. */
type Situation = Exclude<Status, "failed"> | Failure | "stopping";
/**
 * `noted`: a sign of life is on record, and nothing else has changed. `unchanged`: nothing has. `asked`, `linked` and
 * `failing`: a new version of the same status.
 */
type Outcome = Status | Conflict | "unchanged" | "noted" | "asked" | "linked" | "failing";

// A status or an event that is added in the source does not compile here.
const EVENTS = eventsAt(NOW);
const FAILURE = EVENTS.attempt_failed.failure;

/** What no run takes that does not wait at a gate. */
const NOT_WAITING = {
  time_opened: "not_waiting",
  approved: "not_waiting",
  rejected: "not_waiting",
  let_through: "not_waiting",
  released: "not_waiting",
  held: "not_waiting",
  queued: "not_waiting",
  refused: "not_waiting",
  approvals_withdrawn: "not_waiting",
  replaced: "not_waiting",
} as const;

const refusedBy = (conflict: Conflict) => {
  const all = Object.keys(EVENTS).map((type) => [type, conflict]);
  return { ...Object.fromEntries(all), ...NOT_WAITING } as Record<EventType, Outcome>;
};

const OF_RUNNING: Record<EventType, Outcome> = {
  started: "run_running",
  dispatched: "run_running",
  attempt_failed: "run_running",
  heartbeat: "noted",
  external_url: "linked",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "run_running",
  cancel_requested: "asked",
  dispatch_failed: "run_running",
  start_failed: "run_running",
  deadline_passed: "unchanged",
  ...NOT_WAITING,
};

const TABLE: Record<Situation, Record<EventType, Outcome>> = {
  pending: {
    started: "running",
    dispatched: "noted",
    attempt_failed: "failing",
    heartbeat: "running",
    external_url: "linked",
    succeeded: "succeeded",
    failed: "failed",
    cancelled: "cancelled",
    cancel_requested: "cancelled",
    dispatch_failed: "failed",
    start_failed: "failed",
    deadline_passed: "unchanged",
    ...NOT_WAITING,
  },
  running: OF_RUNNING,
  // The second request counts because its grace ends sooner.
  stopping: { ...OF_RUNNING, failed: "cancelled" },
  succeeded: refusedBy("run_succeeded"),
  failed: refusedBy("run_failed"),
  "timed out": refusedBy("run_timed_out"),
  silent: refusedBy("run_timed_out"),
  undispatched: refusedBy("delivery_failed"),
  cancelled: refusedBy("run_cancelled"),
};

const PENDING: Run = Object.freeze(
  toRun({
    id: "019c0e5a-1800-8000-8000-000000000000",
    createdAt: CREATED_AT,
    silentSince: CREATED_AT,
    deadlineAt: DEADLINE_AT,
    timeoutMs: DEADLINE_AT - CREATED_AT,
  }),
);

const RUNNING: Run = Object.freeze({
  ...PENDING,
  version: 2,
  status: "running",
  startedAt: STARTED_AT,
  silentSince: STARTED_AT,
});

const STOPPING: Run = Object.freeze({
  ...RUNNING,
  version: 3,
  cancelBy: "root",
  cancelReason: null,
  cancelRequestedAt: STARTED_AT,
  cancelUntil: UNTIL,
});

function runIn(situation: Situation): Run {
  const ended = { ...PENDING, version: 2, completedAt: NOW };
  switch (situation) {
    case "pending":
      return PENDING;
    case "running":
      return RUNNING;
    case "stopping":
      return STOPPING;
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
      return { ...ended, status: "failed", endCause: "silence", startedAt: STARTED_AT, error: "[timeout] too quiet" };
    case "undispatched":
      return { ...ended, status: "failed", endCause: "delivery", error: "[delivery] refused" };
    case "cancelled":
      return { ...ended, status: "cancelled", endCause: "cancel" };
  }
}

/** What the request to stop leaves in a run that goes on. */
const ASKED = { cancelBy: "ci", cancelReason: "wrong branch", cancelRequestedAt: NOW, cancelUntil: NOW + GRACE_MS };

const situations = Object.keys(TABLE) as Situation[];
const allTypes = Object.keys(EVENTS) as EventType[];
/** Those that mean something to a run which does not wait at a gate. */
const eventTypes = allTypes.filter((type) => !(type in NOT_WAITING));
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
    if (expected === "unchanged") expect(next).toEqual({ ok: true, value: run });
    else if (expected === "noted") expect(next).toEqual({ ok: true, value: { ...run, silentSince: NOW } });
    else if (expected === "asked") {
      expect(next).toEqual({ ok: true, value: { ...run, version: run.version + 1, ...ASKED } });
    } else if (expected === "linked") {
      const linked = { version: run.version + 1, externalUrl: URL_OF_JOB, externalUrlChanges: 1 };
      expect(next).toEqual({ ok: true, value: { ...run, ...linked } });
    } else if (expected === "failing") {
      expect(next).toEqual({ ok: true, value: { ...run, version: run.version + 1, failedAttempt: FAILURE } });
    } else if (!isStatus(expected)) expect(next).toEqual({ ok: false, error: expected });
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

  it("a failed attempt makes a version if its reason is another, or if the next one is more than a minute away", () => {
    const failing = { ...PENDING, version: 2, failedAttempt: FAILURE };
    const after = (failure: typeof FAILURE) => {
      const next = transition(failing, { type: "attempt_failed", failure }, NOW);
      return next.ok ? next.value.failedAttempt : next.error;
    };
    const again = { attempt: 2, at: NOW, reason: FAILURE.reason, nextAt: NOW + 60_000 };
    expect(transition(failing, { type: "attempt_failed", failure: again }, NOW)).toEqual({ ok: true, value: failing });
    for (const news of [
      { ...again, reason: "ci.example answered 500" },
      { ...again, nextAt: NOW + 60_001 },
    ])
      expect(after(news)).toEqual(news);
  });

  it("a cancel or a failed dispatch leaves a missing start missing", () => {
    const ended = { ...PENDING, version: 2, completedAt: NOW };
    expect(outcome("pending", "cancelled")).toEqual({ ...ended, status: "cancelled", endCause: "cancel" });
    const error = "[delivery] ci.example answered 404.";
    expect(outcome("pending", "dispatch_failed")).toEqual({ ...ended, status: "failed", endCause: "delivery", error });
    const unstarted = "[schedule] No such action.";
    expect(outcome("pending", "start_failed")).toEqual({
      ...ended,
      status: "failed",
      endCause: "start",
      error: unstarted,
    });
  });
});

describe("a passed deadline comes before any other event", () => {
  const open = pairs.filter(({ situation }) => isOpen(runIn(situation)) && situation !== "stopping");

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

  it.each(open)("$situation + $type, a millisecond before it, is as the table says", ({ situation, type }) => {
    const run = runIn(situation);
    expect(expire(run, DEADLINE_AT - 1)).toBe(run);
    const early = transition(run, EVENTS[type], NOW);
    expect(transition(run, EVENTS[type], DEADLINE_AT - 1).ok).toBe(early.ok);
  });
});

describe("a cancel", () => {
  const cancel = (graceMs: number, reason: string | null = "wrong branch") =>
    ({ type: "cancel_requested", by: "ci", reason, graceMs }) as const;
  const changed = (run: Run, event: RunEvent, now: number): Run | Conflict => {
    const next = transition(run, event, now);
    return next.ok ? next.value : next.error;
  };
  const ended = { status: "cancelled", endCause: "cancel", error: null, output: null } as const;

  it.each([0, 1, GRACE_MS, 3_600_000])("of a pending run ends it at once, with a grace of %d ms", (graceMs) => {
    for (const pending of [PENDING, { ...PENDING, silentSince: null }]) {
      expect(changed(pending, cancel(graceMs), NOW)).toEqual({
        ...pending,
        ...ASKED,
        ...ended,
        version: 2,
        cancelUntil: NOW,
        completedAt: NOW,
      });
    }
  });

  it("of a running run without a grace ends it at once, even if it was asked before", () => {
    for (const run of [RUNNING, STOPPING]) {
      const end = { ...ended, version: run.version + 1, cancelUntil: NOW, completedAt: NOW };
      expect(changed(run, cancel(0), NOW)).toEqual({ ...run, ...ASKED, ...end });
    }
  });

  it("gives the job at most the time until the deadline", () => {
    for (const graceMs of [DEADLINE_AT - NOW - 1, DEADLINE_AT - NOW, DEADLINE_AT - NOW + 1, 3_600_000]) {
      const cancelUntil = Math.min(NOW + graceMs, DEADLINE_AT);
      expect(changed(RUNNING, cancel(graceMs), NOW)).toEqual({ ...RUNNING, version: 3, ...ASKED, cancelUntil });
    }
  });

  it("wins a tie with the deadline", () => {
    const run = { ...STOPPING, cancelUntil: DEADLINE_AT };
    const end = { ...ended, version: 4, completedAt: DEADLINE_AT };
    expect(expire(run, DEADLINE_AT)).toEqual({ ...run, ...end });
  });

  it.each(eventTypes)("ends the run when its grace ends, whatever comes then: %s", (type) => {
    expect(expire(STOPPING, UNTIL - 1)).toBe(STOPPING);
    expect(timeIsUpAt(STOPPING)).toBe(UNTIL);
    for (const now of [UNTIL, UNTIL + 1, DEADLINE_AT, DEADLINE_AT + DAY_MS]) {
      const value = { ...STOPPING, ...ended, version: 4, completedAt: UNTIL };
      expect(expire(STOPPING, now)).toEqual(value);
      const next = transition(STOPPING, EVENTS[type], now);
      if (type === "deadline_passed") expect(next).toEqual({ ok: true, value });
      else expect(next).toEqual({ ok: false, error: "run_cancelled" });
    }
  });

  it("leaves the run to silence, which ends it as cancelled", () => {
    const run = { ...STOPPING, heartbeatTimeoutMs: 5000 };
    const at = STARTED_AT + 5000;
    const end = { ...ended, endCause: "silence", version: 4, completedAt: at };
    expect(expire(run, at - 1)).toBe(run);
    for (const now of [at, UNTIL, DEADLINE_AT]) expect(expire(run, now)).toEqual({ ...run, ...end });
    // At the same instant, the grace has ended too.
    const together = { ...run, cancelUntil: at };
    expect(expire(together, at)).toEqual({ ...together, ...end, endCause: "cancel" });
  });

  it("lets a success count until its grace ends", () => {
    const end = { status: "succeeded", endCause: "callback", version: 4, output: '{"url":"x"}' };
    for (const now of [NOW, UNTIL - 1]) {
      expect(changed(STOPPING, EVENTS.succeeded, now)).toEqual({ ...STOPPING, ...end, completedAt: now });
    }
  });

  it("makes of a failed report an end as cancelled that keeps its error and output", () => {
    const end = { status: "cancelled", endCause: "callback", error: "exit 1", output: '{"log":"y"}' };
    const value = { ...STOPPING, ...end, version: 4, completedAt: NOW };
    expect(changed(STOPPING, EVENTS.failed, NOW)).toEqual(value);
    for (const type of eventTypes) expect(changed(value as Run, EVENTS[type], NOW)).toBe("run_cancelled");
  });

  it("that comes second counts only if its grace ends sooner", () => {
    for (const graceMs of [UNTIL - NOW, UNTIL - NOW + 1, 3_600_000]) {
      expect(changed(STOPPING, cancel(graceMs), NOW)).toBe(STOPPING);
    }
    const sooner = changed(STOPPING, cancel(UNTIL - NOW - 1, null), NOW);
    const record = { cancelBy: "ci", cancelReason: null, cancelRequestedAt: NOW, cancelUntil: UNTIL - 1 };
    expect(sooner).toEqual({ ...STOPPING, version: 4, ...record });
  });
});

describe("the page of the job", () => {
  const heartbeat = (externalUrl: string) => ({ type: "heartbeat", externalUrl }) as const;
  const next = (run: Run, event: RunEvent): Run => {
    const changed = transition(run, event, NOW);
    if (!changed.ok) throw new Error(changed.error);
    return changed.value;
  };
  const linked = { externalUrl: URL_OF_JOB, externalUrlChanges: 1 };

  it("that a heartbeat brings is a new version, together with the start if there is one", () => {
    const started = { status: "running", startedAt: NOW, silentSince: NOW } as const;
    expect(next(PENDING, heartbeat(URL_OF_JOB))).toEqual({ ...PENDING, ...started, ...linked, version: 2 });
    const again = next(RUNNING, heartbeat(URL_OF_JOB));
    expect(again).toEqual({ ...RUNNING, ...linked, version: 3, silentSince: NOW });
    expect(next(again, heartbeat(URL_OF_JOB))).toEqual(again);
  });

  it.each([
    "http://ci.example/jobs/1",
    "https://user@ci.example/jobs/1",
    "https://:secret@ci.example/jobs/1",
    "https://@ci.example/jobs/1",
    "https://github.com\\@ci.example/jobs/1",
    "https://ci.example/jobs/1 2",
    `https://ci.example/${"x".repeat(2048)}`,
    "javascript:alert(1)",
    "data:text/html,x",
    "/jobs/1",
    "",
  ])("is no link and changes nothing: %j", (url) => {
    expect(next(RUNNING, heartbeat(url))).toEqual({ ...RUNNING, silentSince: NOW });
    expect(next(RUNNING, { type: "external_url", url })).toBe(RUNNING);
  });

  it(`changes ${EXTERNAL_URL_CHANGES_MAX} times, and a heartbeat replaces what the receiver gave`, () => {
    let run = next(PENDING, { type: "external_url", url: `${URL_OF_JOB}/0` });
    for (let n = 1; n < 20; n++) run = next(run, heartbeat(`${URL_OF_JOB}/${n}`));
    expect(run).toMatchObject({
      externalUrl: `${URL_OF_JOB}/${EXTERNAL_URL_CHANGES_MAX - 1}`,
      externalUrlChanges: EXTERNAL_URL_CHANGES_MAX,
      version: 1 + EXTERNAL_URL_CHANGES_MAX,
    });
    expect(next(run, { type: "external_url", url: `${URL_OF_JOB}/x` })).toBe(run);
    expect(externalUrlRefusal(run, `${URL_OF_JOB}/x`)).toBe(
      "The run keeps its link because the link was already set 5 times. Send one URL for the whole job.",
    );
    expect(externalUrlRefusal(run, run.externalUrl ?? "")).toBeNull();
    expect(externalUrlRefusal(run, "http://ci.example/jobs/1")).toMatch(/not an https URL/);
    expect(externalUrlRefusal(RUNNING, URL_OF_JOB)).toBeNull();
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
  const pending = begin(input, CREATED_AT);
  const dispatching = begin(input, CREATED_AT, { isDispatching: true });
  const dispatched = heard(dispatching, EVENTS.dispatched, NOW);
  const running = heard(dispatched, EVENTS.heartbeat, NOW + 10);

  it.each<[string, Run, number]>([
    ["its creation, where it has no trigger", pending, CREATED_AT],
    ["its dispatch, where only a heartbeat starts it", dispatched, NOW],
    ["its start by the dispatch", heard(dispatching, EVENTS.started, NOW), NOW],
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

  it("is not silent during its dispatch or without a heartbeat timeout", () => {
    expect(timeIsUpAt(dispatching)).toBe(LATER);
    expect(timeIsUpAt(begin({ ...input, heartbeatTimeoutMs: null }, CREATED_AT))).toBe(LATER);
  });

  it("ends at its deadline if that comes first or at the same instant", () => {
    for (const deadlineAt of [CREATED_AT + SILENCE_MS, CREATED_AT + SILENCE_MS - 1]) {
      const ended = expire({ ...pending, deadlineAt }, LATER);
      expect(ended).toMatchObject({ status: "failed", completedAt: deadlineAt, endCause: "deadline" });
      expect(ended.error).toMatch(/^\[timeout\] No result was reported by /);
    }
  });
});

it("begins pending, at version 1, without an end", () => {
  expect(begin(PENDING, CREATED_AT)).toEqual(PENDING);
  expect(begin(PENDING, CREATED_AT, { isDispatching: true })).toEqual({ ...PENDING, silentSince: null });
});

it("never moves an instant back, changes an end, or skips a version, whatever the clock shows", () => {
  const step = fc.record({
    event: fc.oneof(
      fc.constantFrom(...Object.values(EVENTS)),
      fc
        .integer({ min: 0, max: 120_000 })
        .map((graceMs): RunEvent => ({ type: "cancel_requested", by: "ci", reason: null, graceMs })),
      fc.nat(9).map((n): RunEvent => ({ type: "heartbeat", externalUrl: `${URL_OF_JOB}/${n}` })),
    ),
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
    cancel_requested: "cancel",
    dispatch_failed: "delivery",
    start_failed: "start",
  };
  const property = fc.property(
    fc.constantFrom(null, 20_000),
    fc.boolean(),
    fc.array(step, { maxLength: 12 }),
    (heartbeatTimeoutMs, isDispatching, steps) => {
      let run = begin({ ...PENDING, heartbeatTimeoutMs }, CREATED_AT, { isDispatching });
      let isExpired = false;
      const become = (next: Run, cause: EndCause | undefined) => {
        expect(next.silentSince ?? 0).toBeGreaterThanOrEqual(run.silentSince ?? 0);
        // A sign of life alone is no new version, and shows nowhere.
        if (next.version === run.version) return expect(next).toEqual({ ...run, silentSince: next.silentSince });
        expect(isOpen(run)).toBe(true);
        expect(next.version).toBe(run.version + 1);
        expect(next.startedAt ?? next.createdAt).toBeGreaterThanOrEqual(next.createdAt);
        expect(next.completedAt === null).toBe(isOpen(next));
        expect(next.endCause === null).toBe(isOpen(next));
        // The grace never ends after the deadline, and a later request never makes it longer.
        expect(next.cancelUntil ?? 0).toBeLessThanOrEqual(next.deadlineAt);
        if (run.cancelUntil !== null) expect(next.cancelUntil).toBeLessThanOrEqual(run.cancelUntil);
        expect(next.externalUrlChanges).toBeLessThanOrEqual(EXTERNAL_URL_CHANGES_MAX);
        if (next.completedAt === null) return;
        expect(next.completedAt).toBeGreaterThanOrEqual(next.startedAt ?? next.createdAt);
        expect(next.completedAt).toBeGreaterThanOrEqual(next.cancelRequestedAt ?? 0);
        expect(next.completedAt).toBeLessThanOrEqual(timeIsUpAt(run));
        // A run that was asked to stop succeeds or is cancelled.
        if (run.cancelUntil !== null) expect(next.status).toBeOneOf(["succeeded", "cancelled"]);
        const late = run.deadlineAt === timeIsUpAt(run) ? "deadline" : "silence";
        const atLast = run.cancelUntil === timeIsUpAt(run) ? "cancel" : late;
        expect(next.endCause).toBe(isExpired ? atLast : cause);
      };
      for (const { event, now } of steps) {
        const next = transition(run, event, now);
        // A caller that is refused by the deadline has written it first.
        const value = next.ok ? next.value : expire(run, now);
        isExpired = event.type === "deadline_passed" || !next.ok;
        become(value, CAUSES[event.type]);
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
      const openUntil = situation === "stopping" ? UNTIL : DEADLINE_AT;
      expect(dueAt(kept(run), null)).toBe(isOpen(run) ? openUntil : endsBy + 30 * DAY_MS);
      expect(purgeAt(run, 30)).toBe(endsBy + 30 * DAY_MS);
    }
  });

  it("is sooner if its dispatch needs something first while it is open", () => {
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
