/** What the service shows of a run, and whether its timeline says the same: the run is made again from its timeline. */

import { runInDurableObject } from "cloudflare:test";
import { expect } from "vitest";
import type { RunCoordinator } from "../../../src/runs/coordinator/coordinator.ts";
import { coordinatorOf } from "../../../src/runs/protocol.ts";

import { type ActionRun, ask } from "../../support/requests.ts";
import type { Entry } from "../runs.ts";

/** What is known of a run inside the object that owns it. */
export interface Inside {
  readonly run: ActionRun;
  readonly events: readonly Entry[];
  /** How many dispatches are kept. */
  readonly kept: number;
  readonly alarmAt: number | null;
}

export function lookInside(owner: DurableObjectStub<RunCoordinator>, id: string): Promise<Inside> {
  return runInDurableObject(owner, async (instance, { storage }) => {
    const run = await coordinatorOf(instance).runs.read(id);
    const timeline = await coordinatorOf(instance).watches.events(id, { after: 0, limit: 200 });
    if (!run.ok || !timeline.ok) throw new Error("the run is not there");
    expect(timeline.lastSeq).toBe(timeline.newestSeq);
    const kept = [...storage.sql.exec("SELECT 1 FROM dispatches")].length;
    const events = timeline.events.map((text) => JSON.parse(text) as Entry);
    return { run: JSON.parse(run.actionRun), events, kept, alarmAt: await storage.getAlarm() };
  });
}

/** A get, a list and the timeline show the same over HTTP. */
export async function expectShown(url: string, { run, events }: Inside): Promise<void> {
  const got = await ask("GET", url);
  expect(got).toMatchObject({ status: 200, body: run });
  const listed = await ask("GET", url.slice(0, url.lastIndexOf("/")));
  expect(listed).toMatchObject({ status: 200, body: [run] });
  expect(await ask("GET", `${url}/events?limit=200`)).toMatchObject({ status: 200, body: events });
}

/** The run as its timeline describes it. */
export function runOf(events: readonly Entry[]) {
  let run = { status: "none", startedAt: null as string | null, completedAt: null as string | null };
  for (const { type, at, status } of events) {
    expect(run.completedAt).toBeNull();
    if (type === "created") {
      expect(run.status).toBe("none");
      run = { ...run, status: "pending" };
    } else if (type === "started") {
      expect(run.status).toBe("pending");
      run = { ...run, status: "running", startedAt: at };
    } else if (type === "ended") {
      run = { ...run, status: String(status), completedAt: at };
    }
  }
  return run;
}

/** What is true of every timeline: numbers without gaps, time that goes forward, attempts that make sense. */
export function expectSound(events: readonly Entry[], maxAttempts: number | null): void {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).sort());
  expect(events[0]?.type).toBe("created");
  expect(events.findIndex(({ type }) => type === "ended") + 1 || events.length).toBe(events.length);
  let made = 0;
  let isPending = true;
  const answered = new Map<number, string[]>();
  for (const { type, attempt = 0, outcome = "" } of events) {
    if (type === "started" || type === "ended") isPending = false;
    if (type === "attempt_started") {
      expect({ attempt, isPending }).toEqual({ attempt: ++made, isPending: true });
    }
    if (type === "attempt_answered") {
      expect(attempt).toBeGreaterThanOrEqual(1);
      expect(attempt).toBeLessThanOrEqual(made);
      answered.set(attempt, [...(answered.get(attempt) ?? []), outcome]);
    }
  }
  if (maxAttempts !== null) expect(made).toBeLessThanOrEqual(maxAttempts);
  const outcomes = [...answered.values()];
  // Only one that was given up for lost is heard of twice, and only if it had arrived.
  for (const of of outcomes) if (of.length > 1) expect(of).toEqual(["retry", "accepted"]);
  const passing = ["retry", "overtaken"];
  expect(outcomes.flat().filter((outcome) => !passing.includes(outcome)).length).toBeLessThanOrEqual(1);
}
