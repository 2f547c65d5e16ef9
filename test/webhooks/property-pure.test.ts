/**
 * The pure rules alone, put together as the coordinator does but without journal, alarms or objects: thousands of
 * orders against the same small model. What only the real service can get wrong is in property.test.ts.
 */

import fc from "fast-check";
import { expect, it } from "vitest";
import { attemptAnswered, attemptStarted } from "../../src/runs/coordinator/sending/run-requests.ts";
import { begin, dueAt, isOpen, purgeAt, type Run } from "../../src/runs/run.ts";
import { eventsBetween, type TimelineEvent } from "../../src/runs/timeline.ts";
import { expire, type RunEvent, transition } from "../../src/runs/transition.ts";
import {
  type AttemptResult,
  beginAttempt,
  type Dispatch,
  isAttemptDue,
  isAttemptLost,
  LOST,
  newDispatch,
  outcomeOf,
  UNSURE_ATTEMPTS_MAX,
} from "../../src/webhooks/dispatch.ts";

import { toAnswer } from "./property-commands.ts";
import { type Came, ModelRun, type Settings } from "./property-model.ts";
import { expectSound, retold, type Told } from "./property-told.ts";

const START = Date.UTC(2026, 0, 31, 12);

/** A run by the rules, and the timeline that they make. */
class RuledRun {
  run: Run;
  dispatch: Dispatch | null;
  readonly events: TimelineEvent[];
  /** Attempts that are still to be answered. */
  underWay = [1];

  constructor({ timeout, heartbeatTimeout, ...trigger }: Settings) {
    const none = { entityId: null, parameters: "{}", recommendations: "{}" };
    const heartbeatTimeoutMs = heartbeatTimeout === null ? null : heartbeatTimeout * 60_000;
    const times = { createdAt: START, deadlineAt: START + timeout * 60_000, heartbeatTimeoutMs };
    const source = {
      source: "trigger",
      actionVersion: null,
      retryOf: null,
      labels: "[]",
      traceparent: null,
      via: null,
      timeoutMs: 3_600_000,
      gates: null,
    } as const;
    this.run = begin({ ...none, ...source, id: "r", actionName: "deploy", triggeredBy: "root", ...times }, START, {
      isDispatching: true,
    });
    const host = "ci.example.com";
    this.dispatch = beginAttempt(newDispatch({ ...trigger, host, sealed: new Uint8Array() }, this.run, START), START);
    this.events = [{ type: "created", at: START, data: {} }, attemptStarted(this.dispatch, START)];
  }

  apply(event: RunEvent, now: number, first: readonly TimelineEvent[] = []): void {
    this.#become(expire(this.run, now), { type: "deadline_passed" }, now);
    const next = transition(this.run, event, now);
    if (!next.ok) return;
    this.events.push(...first);
    this.#become(next.value, event, now);
  }

  settle(attempt: number, answer: AttemptResult, now: number, random: number): number | null {
    this.apply({ type: "deadline_passed" }, now);
    if (this.dispatch === null) return null;
    const outcome = outcomeOf(this.dispatch, attempt, answer, {
      now,
      createdAt: this.run.createdAt,
      endsAt: this.dispatch.endsAt,
      random,
      unsureMax: UNSURE_ATTEMPTS_MAX,
    });
    if (outcome.type === "ignored") return null;
    const answered = attemptAnswered(attempt, answer, outcome, now);
    if (outcome.type === "retry") {
      this.events.push(answered);
      this.dispatch = outcome.request;
      return outcome.request.nextAt;
    }
    const accepted = { type: this.dispatch.startOn === "accepted" ? "started" : "dispatched" } as const;
    const given = outcome.type === "given_up" ? outcome : null;
    this.apply(given === null ? accepted : { type: "dispatch_failed", reason: given.reason }, now, [answered]);
    this.dispatch = null;
    return null;
  }

  alarm(now: number, random: number): number | null {
    this.apply({ type: "deadline_passed" }, now);
    if (this.dispatch === null) return null;
    if (isAttemptLost(this.dispatch, now)) return this.settle(this.dispatch.attempt, LOST, now, random);
    if (this.dispatch.leaseUntil === null && now >= this.dispatch.endsAt) {
      this.apply({ type: "dispatch_failed", reason: "ci.example.com was not called again in time." }, now);
      this.dispatch = null;
      return null;
    }
    if (!isAttemptDue(this.dispatch, now)) return null;
    this.dispatch = beginAttempt(this.dispatch, now);
    this.events.push(attemptStarted(this.dispatch, now));
    this.underWay.push(this.dispatch.attempt);
    return null;
  }

  /** The timeline as it is told. */
  get told(): Told[] {
    return this.events.map(({ type, at, data }, index) => {
      return { seq: index + 1, type, at: new Date(at).toISOString(), ...data };
    });
  }

  #become(next: Run, event: RunEvent, now: number): void {
    this.events.push(...eventsBetween(this.run, next, event, now));
    // It has started or ended, so of its dispatch nothing is kept.
    if (next.version > this.run.version) this.dispatch = null;
    this.run = next;
  }
}

const came = fc.constantFrom<Came[]>(200, 503, 503, 500, 504, 429, 409, 302, 404, "no response", "unsendable");
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("answer" as const), came, nth: fc.nat({ max: 2 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("alarm" as const), early: fc.constantFrom(0, 0, 0, 1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat({ max: 70_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("beat", "succeed", "fail", "cancel") }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("stop" as const),
      graceMs: fc.constantFrom(0, 1000, 30_000, 60_000, 3_600_000),
    }),
  },
);
const settings = fc.record<Settings>({
  timeout: fc.constantFrom(1, 2, 60),
  heartbeatTimeout: fc.constantFrom(null, 1, 2),
  startOn: fc.constantFrom("accepted", "heartbeat"),
  maxAttempts: fc.constantFrom(null, null, 1, 2, 3, 10),
  initialDelayMs: fc.constantFrom(100, 1000, 20_000),
});
const dice = fc.nat({ max: 2 ** 31 - 1 }).map((n) => n / 2 ** 31);
const REPORTED = { succeed: "succeeded", fail: "failed" } as const;

it("makes of any order one end, no attempt after it, and a timeline that tells the same story", () => {
  const steps = fc.array(fc.tuple(step, dice), { minLength: 5, maxLength: 30, size: "max" });
  const property = fc.property(settings, fc.noBias(steps), (settings, steps) => {
    const ruled = new RuledRun(settings);
    const model = new ModelRun(settings, START);
    let now = START;
    for (const [step, random] of steps) {
      const wasOpen = isOpen(ruled.run);
      if (step.do === "pass") now += step.ms;
      else if (step.do === "alarm") {
        now = Math.max(now, (model.nextAt ?? model.lostAt ?? 0) - step.early);
        model.alarm(now, ruled.alarm(now, random));
      } else if (step.do === "answer") {
        const [attempt] = ruled.underWay.splice(-1 - (step.nth % Math.max(ruled.underWay.length, 1)), 1);
        if (attempt === undefined) continue;
        model.attempted(attempt, step.came, null, now, ruled.settle(attempt, toAnswer(step.came, null), now, random));
      } else if (step.do === "beat") {
        ruled.apply({ type: "heartbeat" }, now);
        model.heartbeat(now);
      } else if (step.do === "cancel") {
        ruled.apply({ type: "cancelled" }, now);
        model.cancel(now);
      } else if (step.do === "stop") {
        const { graceMs } = step;
        ruled.apply({ type: "cancel_requested", by: "ci", reason: null, graceMs }, now);
        model.stop(graceMs, now);
      } else {
        const status = REPORTED[step.do];
        ruled.apply(
          status === "failed" ? { type: status, error: "1", output: null } : { type: status, output: null },
          now,
        );
        model.report(status, now);
      }
      if (step.do !== "pass") ruled.apply({ type: "deadline_passed" }, now);
      model.at(step.do === "pass" ? START : now);
      const { status, startedAt, completedAt, endCause } = ruled.run;
      const { cause } = model;
      expect({ status, startedAt, completedAt, cause: endCause, isDispatching: ruled.dispatch !== null }).toEqual({
        status: model.status,
        startedAt: model.startedAt,
        completedAt: model.completedAt,
        cause,
        isDispatching: model.isDispatching,
      });
      if (!wasOpen) expect(isOpen(ruled.run)).toBe(false);
      // It is never due in the past: an alarm for it would ring for ever.
      if (isOpen(ruled.run) && step.do !== "pass")
        expect(dueAt({ ...ruled.run, purgeAt: purgeAt(ruled.run, 30) }, null)).toBeGreaterThan(now);
    }
    expectSound(ruled.told, settings.maxAttempts);
    const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
    const { status, startedAt, completedAt } = ruled.run;
    expect(retold(ruled.told)).toEqual({ status, startedAt: iso(startedAt), completedAt: iso(completedAt) });
  });
  fc.assert(property, { seed: 20260131, numRuns: 1500 });
});
