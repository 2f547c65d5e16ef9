/** What the page of one run tells: its stages, its timeline, its last news, and what may be done with it. */

import { describe, expect, it } from "vitest";
import type { Schemas } from "../../../src/client/index.ts";
import { lifecycleOf } from "../../../src/console/run/overview.tsx";
import { retryingOf, starterOf } from "../../../src/console/run/retry.tsx";
import { type Item, itemsOf } from "../../../src/console/run/timeline.tsx";
import { newsOf, newsSeqOf } from "../../../src/console/run/use-run.ts";
import * as api from "../../support/api/api-objects.ts";

type ActionRun = Schemas["ActionRun"];
type TimelineEvent = Schemas["TimelineEvent"];

const AT = Date.parse("2026-11-25T12:00:00Z");
const at = (seconds: number) => new Date(AT + seconds * 1000).toISOString();

const PENDING: ActionRun = { ...api.RUN, createdAt: at(0) };
const RUNNING: ActionRun = { ...PENDING, status: "running", startedAt: at(10) };
const FAILED: ActionRun = { ...RUNNING, status: "failed", completedAt: at(40) };
type Details = NonNullable<Schemas["DetailedActionRun"]["details"]>;
const WAITING = { ...api.WAITING, since: at(0), until: at(9) } as const;

type Said = TimelineEvent extends infer E
  ? E extends TimelineEvent
    ? Omit<E, "seq" | "at"> & { at?: string }
    : never
  : never;
/** Events with their numbers, a second apart. */
const timeline = (...said: readonly Said[]) =>
  said.map((event, index) => ({ at: at(index), ...event, seq: index + 1 }) as TimelineEvent);
const started = (attempt: number): Said => ({ type: "attempt_started", attempt, host: "ci.example" });
const answered = (attempt: number, outcome: "accepted" | "retry" | "given_up", nextAttemptAt: string | null = null) =>
  ({
    type: "attempt_answered",
    attempt,
    outcome,
    nextAttemptAt,
    status: 503,
    durationMs: 20,
    reason: "answered 503",
    excerpt: null,
  }) satisfies Said;
const beat = (message?: string, progress?: number): Said =>
  ({ type: "heartbeat", ...JSON.parse(JSON.stringify({ message, progress })) }) as Said;

describe("the lifecycle", () => {
  it("has a stage for the wait and one for the work, each as long as it took", () => {
    const { stages, last } = lifecycleOf(FAILED, [], AT);
    expect(stages).toMatchObject([
      { name: "Waited", from: { at: at(0) }, to: at(10), share: 0.25 },
      { name: "Ran", from: { at: at(10) }, to: at(40), share: 0.75 },
    ]);
    expect(last).toEqual({ name: "Ended", at: at(40) });
  });

  it.each([
    ["a pending run", PENDING, ["Waiting", "Next"]],
    ["a running run", RUNNING, ["Waited", "Running"]],
    ["a run that ended before it started", { ...FAILED, startedAt: null }, ["Took"]],
    ["a run whose job reported only its end", { ...FAILED, startedAt: FAILED.completedAt }, ["Took"]],
  ])("of %s", (_, run, names) => {
    const { stages } = lifecycleOf(run, [], AT + 60_000);
    expect(stages.map(({ name }) => name)).toEqual(names);
    expect(stages.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it("gives a stage of no length some room all the same", () => {
    const [waited] = lifecycleOf({ ...RUNNING, startedAt: at(0) }, [], AT + 3_600_000).stages;
    expect(waited?.share).toBeGreaterThan(0.1);
  });
});

describe("the lifecycle of a run that is held back", () => {
  const timed = { ...WAITING, for: "time", notBefore: at(3600) } as const;
  const held: Said = { type: "waiting", for: "approval", until: at(9) };
  const cancelled: ActionRun = { ...PENDING, status: "cancelled", completedAt: at(5) };

  it("says when it starts, as long as it waits for its time", () => {
    const next = (waiting: typeof WAITING | typeof timed) =>
      lifecycleOf({ ...PENDING, details: { ...api.DETAILS, waiting } }, [], AT).stages.at(-1)?.from;
    expect(next(timed)).toEqual({ name: "Starts", at: at(3600) });
    expect(next(WAITING)).toEqual({ name: "Started", at: null });
  });

  it.each([
    ["while a gate was closed", [held], "Waited"],
    ["after its release", [held, { type: "released" }], "Took"],
    ["without a gate", [], "Took"],
  ] as const)("says $2 of a run that was cancelled %s", (_, said, name) => {
    const { stages } = lifecycleOf(cancelled, timeline(...(said as readonly Said[])), AT);
    expect(stages).toMatchObject([{ name, from: { at: at(0) }, to: at(5), share: 1 }]);
  });
});

describe("the timeline", () => {
  const attempts = (items: readonly Item[]) =>
    items.flatMap((item) =>
      item.kind === "attempt" ? [[item.of, item.attempt, item.answer?.outcome ?? null, item.nextAt]] : [],
    );

  it("shows an attempt and its answer as one, and when the next one comes", () => {
    const events = timeline({ type: "created" }, started(1), answered(1, "retry", at(3)));
    expect(attempts(itemsOf(events))).toEqual([["start", 1, "retry", at(3)]]);
    const more = timeline({ type: "created" }, started(1), answered(1, "retry", at(3)), started(2));
    expect(attempts(itemsOf(more))).toEqual([
      ["start", 1, "retry", null],
      ["start", 2, null, null],
    ]);
  });

  it("puts a late answer to its attempt, also if the next attempt has the same number", () => {
    const events = timeline(
      started(1),
      beat("working"),
      answered(1, "retry", at(9)),
      started(1),
      answered(1, "accepted"),
    );
    expect(itemsOf(events).map(({ kind }) => kind)).toEqual(["attempt", "heartbeats", "attempt"]);
    expect(attempts(itemsOf(events)).map(([, , outcome]) => outcome)).toEqual(["retry", "accepted"]);
  });

  it("keeps the attempts to stop a job apart from those that start it", () => {
    const stop = { ...answered(1, "accepted"), type: "stop_answered" } as const;
    const begun: Said = { type: "stop_started", attempt: 1, host: "ci.example" };
    const events = timeline(started(1), begun, answered(1, "retry", at(9)), stop);
    expect(attempts(itemsOf(events))).toEqual([
      ["start", 1, "retry", at(9)],
      ["stop", 1, "accepted", null],
    ]);
  });

  it("shows a second answer to an attempt that counted as lost as an item of its own", () => {
    const events = timeline(started(1), answered(1, "retry", at(2)), started(2), answered(1, "accepted"));
    expect(attempts(itemsOf(events)).map(([, attempt, outcome]) => [attempt, outcome])).toEqual([
      [1, "retry"],
      [2, null],
      [1, "accepted"],
    ]);
  });

  it.each([
    ["waits for an answer that may come", [started(1), beat("working")], null],
    [
      "waits for none once a heartbeat started the run",
      [started(1), { type: "started", cause: "heartbeat" }],
      "started",
    ],
    ["waits for none once the run has ended", [started(1), { type: "ended", status: "cancelled" }], "ended"],
    ["has its answer", [started(1), answered(1, "accepted"), { type: "started", cause: "accepted" }], null],
  ] as const)("an attempt %s", (_, said, overtakenBy) => {
    const [attempt] = itemsOf(timeline(...(said as readonly Said[])));
    expect(attempt).toMatchObject({ kind: "attempt", overtakenBy });
  });

  it("announces no attempt after the run's end", () => {
    const events = timeline(started(1), answered(1, "retry", at(60)), { type: "ended", status: "cancelled" });
    expect(attempts(itemsOf(events))).toEqual([["start", 1, "retry", null]]);
  });

  it("gathers heartbeats in a row, and counts those that are no longer kept", () => {
    const events = timeline(
      { type: "heartbeats_thinned", count: 40 },
      beat("a"),
      beat("b"),
      { type: "started", cause: "heartbeat" },
      beat("c"),
    );
    const rows = itemsOf(events).map((item) =>
      item.kind === "heartbeats" ? [item.thinned, item.beats.map(({ message }) => message).join("")] : null,
    );
    expect(rows).toEqual([[40, "ab"], null, [0, "c"]]);
  });

  it("leaves out events of a type that it does not know", () => {
    const unknown = { seq: 2, at: at(1), type: "moved" } as unknown as TimelineEvent;
    expect(itemsOf([...timeline({ type: "created" }), unknown])).toHaveLength(1);
  });

  it("says after which event the run reads differently: no plain heartbeat, and no attempt but one that failed", () => {
    const start: Said = { type: "started", cause: "heartbeat" };
    const named = { type: "heartbeat", externalUrl: "https://ci.example/1" } as const;
    expect(newsSeqOf(timeline({ type: "created" }, started(1)))).toBe(0);
    expect(newsSeqOf(timeline({ type: "created" }, started(1), answered(1, "accepted")))).toBe(0);
    expect(newsSeqOf(timeline({ type: "created" }, started(1), answered(1, "retry", at(3)), started(2)))).toBe(3);
    expect(newsSeqOf(timeline({ type: "created" }, start, beat("a")))).toBe(2);
    expect(newsSeqOf(timeline({ type: "created" }, start, named, beat("a")))).toBe(3);
  });

  it.each(["waiting", "approved", "rejected", "released"])("says that a run reads differently after %s", (type) => {
    expect(newsSeqOf(timeline({ type: "created" }, { type } as Said))).toBe(2);
    expect(itemsOf(timeline({ type: "created" }, { type } as Said))).toHaveLength(2);
  });
});

describe("the last news", () => {
  it("keeps the progress when a heartbeat only says what the job does", () => {
    const events = timeline(beat("building", 0.5), beat("testing"));
    expect(newsOf(null, events)).toEqual({ at: at(1), message: "testing", progress: 0.5 });
  });

  it("is what was read, until an event is newer", () => {
    const read = { at: at(1), message: "testing", progress: 0.7 };
    expect(newsOf(read, [])).toEqual(read);
    expect(newsOf(read, timeline(beat("building", 0.5)))).toEqual(read);
    const newer = timeline(beat("building", 0.5), beat("testing", 0.7), beat("deploying", 0.9));
    expect(newsOf(read, newer)).toEqual({ at: at(2), message: "deploying", progress: 0.9 });
    expect(newsOf(null, [])).toBeNull();
  });
});

describe("a retry", () => {
  const ofAction: Details = { ...api.DETAILS, source: "action", action: { name: "deploy", version: 1 } };
  const ofTrigger: Details = { ...api.DETAILS, source: "trigger" };
  const WEBHOOK: Schemas["ActionDefinition"] = { trigger: { type: "webhook", url: "https://ci.example/hook" } };
  it.each([
    ["an open run", RUNNING, api.DETAILS, undefined, "not_now"],
    ["a run without a trigger", FAILED, api.DETAILS, undefined, "possible"],
    [
      "a run whose trigger came with its create, also without an attempt",
      FAILED,
      ofTrigger,
      undefined,
      "trigger_not_kept",
    ],
    ["a run of an action that is still to be read", FAILED, ofAction, undefined, "not_now"],
    ["a run of an action", FAILED, ofAction, WEBHOOK, "possible"],
    ["a run of an action that has no trigger now", FAILED, ofAction, {}, "possible"],
    ["a run of an action that is deleted", FAILED, ofAction, null, "action_deleted"],
    ["a run that tells no details", FAILED, undefined, undefined, "not_now"],
  ] as const)("of %s", (_, run, details, action, expected) => {
    expect(retryingOf({ ...run, ...(details && { details }) }, action)).toBe(expected);
  });

  it("is not offered while the service is about to retry the run by itself", () => {
    expect(retryingOf({ ...FAILED, details: ofAction }, WEBHOOK, true)).toBe("not_now");
  });

  it.each([
    ["an action with a trigger", ofAction, WEBHOOK, "service"],
    ["an action without one, whatever it had before", ofAction, {}, "creator"],
    ["an action that is not read yet", ofAction, undefined, null],
    ["a trigger of its own", ofTrigger, undefined, "service"],
    ["no action", api.DETAILS, undefined, "creator"],
  ] as const)("of a run of %s says who starts its job", (_, details, action, starter) => {
    expect(starterOf({ ...FAILED, details }, action)).toBe(starter);
  });
});
