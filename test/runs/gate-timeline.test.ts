/** What a timeline tells of a run's gates. */

import { expect, it } from "vitest";
import { begin, type Gates, type NewRun, type Run } from "../../src/runs/run.ts";
import { eventsBetween, gateEventsOfNew, type TimelineEvent } from "../../src/runs/timeline.ts";
import { type RunEvent, transition } from "../../src/runs/transition.ts";

const AT = Date.UTC(2026, 0, 31, 12);
const SECOND = 1000;
const UNTIL = "2026-01-31T13:00:00.000Z";
const ANN = { tokenId: "t", tokenName: "ci", parents: [], person: null };
const EVE = { tokenId: "p", tokenName: "portal", parents: [], person: "eve" };
const NEWER = "019c0e5a-1801-8000-8000-000000000000";

const CONCURRENCY = { group: "prod", key: "shop", limit: 1, onConflict: "queue" } as const;
const GATES: Gates = {
  notBefore: AT + 10 * SECOND,
  approval: { required: 1, allowSelf: false },
  concurrency: CONCURRENCY,
  waitUntil: AT + 3_600_000,
  creator: ANN,
  sealedUnder: null,
};
const NEW: NewRun = {
  id: "019c0e5a-1800-8000-8000-000000000000",
  actionName: "deploy",
  entityId: null,
  parameters: "{}",
  recommendations: "{}",
  triggeredBy: "ci",
  via: null,
  source: "action",
  actionVersion: 1,
  retryOf: null,
  labels: "[]",
  traceparent: null,
  heartbeatTimeoutMs: null,
  gates: GATES,
  createdAt: AT,
  timeoutMs: 60_000,
  deadlineAt: AT + 3_660_000,
};

const newRun = (gates: Partial<Gates> | null) =>
  begin({ ...NEW, gates: gates && { ...GATES, ...gates } }, AT, { isDispatching: true });

/** The run after the event, and what its timeline tells of it. */
function told(run: Run, event: RunEvent, now: number): { run: Run; events: TimelineEvent[] } {
  const next = transition(run, event, now);
  if (!next.ok) throw new Error(next.error);
  return { run: next.value, events: eventsBetween(run, next.value, event, now) };
}

it("a new run tells of the gate that it waits for, and of nothing without gates", () => {
  expect(gateEventsOfNew(newRun(null))).toEqual([]);
  const queue = { group: "prod", key: "shop" };
  const time = { for: "time", until: UNTIL, notBefore: "2026-01-31T12:00:10.000Z", ...queue };
  expect(gateEventsOfNew(newRun({}))).toEqual([{ type: "waiting", at: AT, data: time }]);
  const approval = { for: "approval", until: UNTIL };
  expect(gateEventsOfNew(newRun({ notBefore: null, concurrency: null }))[0]?.data).toEqual(approval);
  const keyless = { concurrency: { ...CONCURRENCY, key: "" } };
  expect(gateEventsOfNew(newRun({ notBefore: null, ...keyless }))[0]?.data).toEqual({ ...approval, group: "prod" });
});

it("a run that is released at once tells of its release", () => {
  const free = told(newRun({ notBefore: null, approval: null }), { type: "released" }, AT + 5).run;
  expect(gateEventsOfNew(free)).toEqual([{ type: "released", at: AT + 5, data: {} }]);
});

it("each gate is told once, with who opened it and why", () => {
  const time = newRun({});
  const opened = told(time, { type: "time_opened", by: EVE }, AT + SECOND);
  const opener = { by: "eve", via: "portal" };
  expect(opened.events).toMatchObject([{ type: "waiting", at: AT + SECOND, data: { for: "approval", ...opener } }]);
  const approval = { by: ANN, at: AT + 2 * SECOND, reason: "fine" };
  const approved = told(opened.run, { type: "approved", approval }, AT + 2 * SECOND);
  expect(approved.events).toEqual([
    { type: "approved", at: AT + 2 * SECOND, data: { by: "ci", reason: "fine" } },
    { type: "waiting", at: AT + 2 * SECOND, data: { for: "concurrency", until: UNTIL, group: "prod", key: "shop" } },
  ]);
  const held = told(approved.run, { type: "held", reason: "freeze" }, AT + 3 * SECOND);
  expect(held.events).toMatchObject([{ type: "waiting", data: { for: "pause", reason: "freeze" } }]);
  const longer = told(held.run, { type: "held", reason: "longer" }, AT + 4 * SECOND);
  expect(longer.events).toMatchObject([
    { type: "waiting", at: AT + 4 * SECOND, data: { for: "pause", reason: "longer" } },
  ]);
  expect(longer.run.waitingSince).toBe(AT + 3 * SECOND);
  const released = told(longer.run, { type: "released" }, AT + 4 * SECOND);
  expect(released.events).toEqual([{ type: "released", at: AT + 4 * SECOND, data: {} }]);
});

it("an approval that opens no gate is told alone, and a time that came by itself names nobody", () => {
  const two = newRun({ notBefore: null, approval: { required: 2, allowSelf: false } });
  const approval = { by: EVE, at: AT + 1, reason: null };
  expect(told(two, { type: "approved", approval }, AT + 1).events).toEqual([
    { type: "approved", at: AT + 1, data: { by: "eve", via: "portal" } },
  ]);
  const [event] = told(newRun({}), { type: "time_opened" }, AT + 10 * SECOND).events;
  expect(event?.data).toEqual({ for: "approval", until: UNTIL, group: "prod", key: "shop" });
});

it("a rejection is told before the end, and the end names who came at the gate", () => {
  const rejected: RunEvent = { type: "rejected", by: EVE, reason: "not on a Friday" };
  const by = { by: "eve", via: "portal", reason: "not on a Friday" };
  const ended = { status: "cancelled", cause: "rejected", ...by };
  expect(told(newRun({}), rejected, AT + 1).events).toEqual([
    { type: "rejected", at: AT + 1, data: by },
    { type: "ended", at: AT + 1, data: ended },
  ]);
  const replaced = told(newRun({}), { type: "replaced", by: NEWER, triggeredBy: "eve" }, AT + 1).events;
  expect(replaced.map(({ data }) => data)).toEqual([
    { status: "cancelled", cause: "replaced", by: "eve", replacedBy: NEWER },
  ]);
});
