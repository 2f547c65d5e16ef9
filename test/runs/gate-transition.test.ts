import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Actor,
  begin,
  dueAt,
  type Gates,
  type NewRun,
  purgeAt,
  type Run,
  tokenExpiresAt,
} from "../../src/runs/run.ts";
import { type Conflict, expire, type RunEvent, transition } from "../../src/runs/transition.ts";
import { toRun } from "../support/rows.ts";
import { type EventType, eventsAt } from "./run-events.ts";

const CREATED_AT = Date.UTC(2026, 0, 31, 12);
const NOT_BEFORE = CREATED_AT + 10_000;
const NOW = CREATED_AT + 20_000;
const WAIT_UNTIL = CREATED_AT + 60_000;
const TIMEOUT_MS = 600_000;
const ANN: Actor = { tokenId: "ann", tokenName: "ann", parents: [], person: null };
const BOB: Actor = { ...ANN, tokenId: "bob", tokenName: "bob" };

const GATES: Gates = {
  notBefore: NOT_BEFORE,
  approval: { required: 2, allowSelf: false },
  concurrency: { group: "prod", key: "", limit: 1, onConflict: "queue" },
  waitUntil: WAIT_UNTIL,
  creator: ANN,
  sealedUnder: null,
};
const NEW: NewRun = toRun({
  id: "019c0e5a-1800-8000-8000-000000000000",
  createdAt: CREATED_AT,
  source: "action",
  heartbeatTimeoutMs: 5000,
  gates: GATES,
  timeoutMs: TIMEOUT_MS,
  deadlineAt: WAIT_UNTIL + TIMEOUT_MS,
});

const approvedBy = (by: Actor, at: number) => ({ type: "approved", approval: { by, at, reason: null } }) as const;
const BOBS = approvedBy(BOB, NOW);
const withdrawn = { type: "approvals_withdrawn", approvals: [BOBS.approval] } as const;
const EVENTS = { ...eventsAt(NOW), approved: BOBS, approvals_withdrawn: withdrawn };
const allTypes = Object.keys(EVENTS) as EventType[];

function changed(run: Run, event: RunEvent, now = NOW): Run {
  const next = transition(run, event, now);
  if (!next.ok) throw new Error(next.error);
  return next.value;
}

const TIME = begin(NEW, CREATED_AT, { isDispatching: true });
const APPROVAL = changed(TIME, EVENTS.time_opened, NOT_BEFORE);
const QUEUED = [BOBS, approvedBy({ ...BOB, tokenId: "carl" }, NOW)].reduce(
  (run, event) => changed(run, event),
  APPROVAL,
);
const PAUSE = changed(QUEUED, EVENTS.held);
const WAITING = { time: TIME, approval: APPROVAL, concurrency: QUEUED, pause: PAUSE } as const;
type Situation = keyof typeof WAITING;
const situations = Object.keys(WAITING) as Situation[];

it("the situations are what they are called", () => {
  for (const situation of situations) expect(WAITING[situation].waitingFor).toBe(situation);
});

/** `released`, an end with its cause, a gate that it waits for then, or why it is refused. */
type Outcome = Situation | "released" | "unchanged" | "gate" | "rejected" | "replaced" | "cancel" | Conflict;

const ALWAYS: Partial<Record<EventType, Outcome>> = {
  started: "run_waiting",
  dispatched: "run_waiting",
  heartbeat: "run_waiting",
  external_url: "run_waiting",
  attempt_failed: "run_waiting",
  succeeded: "run_waiting",
  failed: "run_waiting",
  dispatch_failed: "run_waiting",
  start_failed: "run_waiting",
  cancelled: "cancel",
  cancel_requested: "cancel",
  deadline_passed: "unchanged",
  rejected: "rejected",
  released: "released",
  held: "pause",
  queued: "concurrency",
  refused: "gate",
  replaced: "replaced",
};
const IN_QUEUE = {
  ...ALWAYS,
  time_opened: "concurrency",
  approved: "concurrency",
  approvals_withdrawn: "approval",
  let_through: "concurrency",
} as const;
const TABLE: Record<Situation, Partial<Record<EventType, Outcome>>> = {
  time: { ...ALWAYS, time_opened: "approval", approved: "time", approvals_withdrawn: "time", let_through: "time" },
  approval: {
    ...ALWAYS,
    time_opened: "approval",
    approved: "approval",
    approvals_withdrawn: "approval",
    let_through: "approval",
  },
  concurrency: IN_QUEUE,
  // The scheduler says what holds it back now.
  pause: { ...IN_QUEUE, let_through: "pause" },
};
const pairs = situations.flatMap((situation) => allTypes.map((type) => ({ situation, type })));

describe("every event of a run that waits", () => {
  it.each(pairs)("for $situation + $type", ({ situation, type }) => {
    const run = Object.freeze({ ...WAITING[situation] });
    const next = transition(run, EVENTS[type], NOW);
    const expected = TABLE[situation][type];
    if (!next.ok) return expect(next.error).toBe(expected);
    const { value } = next;
    if (expected === "unchanged") return expect(value).toEqual(run);
    expect(value.version).toBe(run.version + 1);
    expect(value.waitingFor ?? value.endCause ?? "released").toBe(expected);
    expect(value.startedAt).toBeNull();
  });
});

describe("the three gates, in every order of events", () => {
  const orders = [0, 1, 2].map((at) => {
    const approvals: RunEvent[] = [approvedBy(BOB, NOW), approvedBy({ ...BOB, tokenId: "carl" }, NOW)];
    approvals.splice(at, 0, { type: "time_opened" });
    return { at, events: approvals };
  });

  it.each(orders)("with the time as event $at, end in the queue", ({ events }) => {
    let run = TIME;
    for (const [i, event] of events.entries()) {
      run = changed(run, event);
      const isTimeOpen = events.slice(0, i + 1).some(({ type }) => type === "time_opened");
      const expected = isTimeOpen ? (run.approvals.length < 2 ? "approval" : "concurrency") : "time";
      expect(run.waitingFor).toBe(expected);
    }
    expect(run).toMatchObject({ waitingFor: "concurrency", version: 4, releasedAt: null });
    const held = changed(run, EVENTS.held);
    expect(held).toMatchObject({ waitingFor: "pause", waitingReason: "a freeze" });
    expect(changed(held, EVENTS.queued)).toMatchObject({ waitingFor: "concurrency", waitingReason: null });
  });

  it("begin with the first that is closed", () => {
    const waitingFor = (gates: Partial<Gates>) =>
      begin({ ...NEW, gates: { ...GATES, ...gates } }, CREATED_AT).waitingFor;
    expect(waitingFor({})).toBe("time");
    expect(waitingFor({ notBefore: null })).toBe("approval");
    expect(waitingFor({ notBefore: null, approval: null })).toBe("concurrency");
    expect(waitingFor({ notBefore: CREATED_AT })).toBe("approval");
    expect(begin({ ...NEW, gates: null }, CREATED_AT).waitingFor).toBeNull();
  });
});

it("a release through a pause opens no gate, and the run keeps it at every later one", () => {
  const { type: _, ...through } = EVENTS.let_through;
  let run = changed(TIME, EVENTS.let_through);
  expect(run).toMatchObject({ waitingFor: "time", waitingSince: TIME.waitingSince, throughPause: through });
  for (const event of [
    EVENTS.time_opened,
    EVENTS.approved,
    approvedBy({ ...BOB, tokenId: "carl" }, NOW),
    EVENTS.held,
  ]) {
    run = changed(run, event);
    expect(run.throughPause).toEqual(through);
  }
  expect(changed(run, EVENTS.released)).toMatchObject({ throughPause: through, releasedAt: NOW });
});

describe("a release", () => {
  it("starts the timeout, and leaves the token as it was made", () => {
    const released = changed(PAUSE, EVENTS.released, NOW + 7);
    expect(released).toMatchObject({
      status: "pending",
      waitingFor: null,
      waitingSince: null,
      waitingReason: null,
      releasedAt: NOW + 7,
      deadlineAt: NOW + 7 + TIMEOUT_MS,
      silentSince: null,
    });
    expect(tokenExpiresAt(released)).toBe(WAIT_UNTIL + TIMEOUT_MS);
    expect(tokenExpiresAt(PAUSE)).toBe(WAIT_UNTIL + TIMEOUT_MS);
    expect(expire(released, released.deadlineAt - 1)).toBe(released);
    expect(expire(released, released.deadlineAt)).toMatchObject({ status: "failed", endCause: "deadline" });
  });
});

describe("a run whose time to wait is up", () => {
  it.each([
    ["time", "its time to come"],
    ["approval", "approval"],
    ["concurrency", "a slot of the concurrency group prod"],
    ["pause", "the end of a pause"],
  ] as const)("for %s fails, and says what it waited for", (situation, what) => {
    const run = WAITING[situation];
    expect(expire(run, WAIT_UNTIL - 1)).toBe(run);
    for (const now of [WAIT_UNTIL, WAIT_UNTIL + 1, WAIT_UNTIL + TIMEOUT_MS]) {
      const over = expire(run, now);
      expect(over).toMatchObject({
        status: "failed",
        endCause: "gate",
        completedAt: WAIT_UNTIL,
        waitingFor: null,
        releasedAt: null,
        error: `[gate] The run waited too long for ${what}.`,
      });
      for (const type of allTypes) {
        const late = transition(run, EVENTS[type], now);
        if (type === "deadline_passed") expect(late).toEqual({ ok: true, value: over });
        else expect(late.ok).toBe(false);
        expect(transition(over, EVENTS[type], now).ok).toBe(false);
      }
    }
  });

  it("is due when its time gate opens, or when it has waited for too long", () => {
    const due = (run: Run) => dueAt({ ...run, purgeAt: purgeAt(run, 30) }, null);
    expect(due(TIME)).toBe(NOT_BEFORE);
    for (const run of [APPROVAL, QUEUED, PAUSE]) expect(due(run)).toBe(WAIT_UNTIL);
  });
});

describe("how long a run waits already", () => {
  it("counts from when it got to its gate, and not from each approval or from a clock that stepped back", () => {
    expect([TIME.waitingSince, APPROVAL.waitingSince]).toEqual([CREATED_AT, NOT_BEFORE]);
    const once = changed(APPROVAL, approvedBy(BOB, NOW), NOW);
    expect(once).toMatchObject({ waitingFor: "approval", waitingSince: NOT_BEFORE });
    const twice = changed(once, approvedBy({ ...BOB, tokenId: "carl" }, NOW), NOW + 5);
    expect(twice).toMatchObject({ waitingFor: "concurrency", waitingSince: NOW + 5 });
    expect(changed(twice, EVENTS.held, NOW + 4).waitingSince).toBe(NOW + 5);
    expect(changed(twice, EVENTS.held, NOW + 6).waitingSince).toBe(NOW + 6);
  });

  it("is not undone when somebody cancels it by a clock that stepped back", () => {
    const over = changed(APPROVAL, EVENTS.cancel_requested, CREATED_AT);
    expect(over).toMatchObject({ cancelRequestedAt: NOT_BEFORE, cancelUntil: NOT_BEFORE, completedAt: NOT_BEFORE });
  });

  it.each(["rejected", "replaced"] as const)("is not undone when it is %s", (type) => {
    for (const [now, at] of [
      [NOW + 1, NOW + 1],
      [CREATED_AT, NOW],
    ] as const) {
      const over = changed(QUEUED, EVENTS[type], now);
      expect(over).toMatchObject({ cancelRequestedAt: at, cancelUntil: at, completedAt: at });
    }
  });
});

it("a run without a group that waits too long for its turn says so", () => {
  const run = { ...QUEUED, gates: { ...GATES, concurrency: null } };
  expect(expire(run, WAIT_UNTIL).error).toBe("[gate] The run waited too long for its turn.");
});

it("never moves an instant back, skips a version, or opens a gate twice, whatever the clock shows", () => {
  const step = fc.tuple(fc.constantFrom(...allTypes), fc.integer({ min: -30_000, max: 90_000 }));
  const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
    let run = TIME;
    for (const [type, offset] of steps) {
      const now = CREATED_AT + offset;
      const next = transition(expire(run, now), EVENTS[type], now);
      const value = next.ok ? next.value : expire(run, now);
      expect(value.version - run.version).toBeLessThanOrEqual(2);
      const { createdAt, waitingSince, releasedAt, completedAt } = value;
      const instants = [createdAt, run.waitingSince, waitingSince, releasedAt, completedAt].filter((at) => at !== null);
      expect(instants).toEqual([...instants].sort((a, b) => a - b));
      if (run.releasedAt !== null) expect(value.releasedAt).toBe(run.releasedAt);
      if (value.waitingFor !== null) expect(value).toMatchObject({ status: "pending", releasedAt: null });
      run = value;
    }
  });
  fc.assert(property, { seed: 20261128, numRuns: 1500 });
});
