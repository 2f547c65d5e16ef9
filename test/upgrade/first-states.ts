/** The states that a run can have been left in by the first release, which knew neither deliveries nor heartbeats. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { callCoordinator } from "../../src/runs/coordinator-client.ts";
import { coordinator } from "../support/direct.ts";
import { ask, scopeOfPath } from "../support/requests.ts";
import { type FirstEvent, type FirstRun, firstJournalWrite } from "./first-schema.ts";

const HOUR_MS = 3_600_000;

export interface FirstState {
  /** What sets the run apart from one that was created just now and is pending. */
  readonly run: (now: number) => Partial<FirstRun>;
  /** What the timeline says of it, after its creation. */
  readonly events: readonly string[];
  /** The code of 409 for whatever comes next; null: it is open. */
  readonly refuses: string | null;
}

export const FIRST_STATES: Readonly<Record<string, FirstState>> = {
  pending: { run: () => ({}), events: [], refuses: null },
  running: {
    run: (now) => ({ version: 2, status: "running", startedAt: now }),
    events: ["started"],
    refuses: null,
  },
  succeeded: {
    run: (now) => ({ version: 2, status: "succeeded", startedAt: now, completedAt: now, output: '{"a":1}' }),
    events: ["started", "ended"],
    refuses: "run_succeeded",
  },
  "failed, by a report": {
    run: (now) => ({ version: 2, status: "failed", startedAt: now, completedAt: now, error: "[timeout] no" }),
    events: ["started", "ended"],
    refuses: "run_failed",
  },
  "failed, by its deadline": {
    run: (now) => ({
      version: 2,
      status: "failed",
      createdAt: now - HOUR_MS,
      deadlineAt: now - 1000,
      completedAt: now - 1000,
      error: "[timeout] No result was reported.",
    }),
    events: ["ended"],
    refuses: "run_timed_out",
  },
  "failed, by its deadline though it was running": {
    run: (now) => ({
      version: 3,
      status: "failed",
      createdAt: now - HOUR_MS,
      startedAt: now - HOUR_MS,
      deadlineAt: now - 1000,
      completedAt: now - 1000,
      error: "[timeout] No result was reported.",
    }),
    events: ["started", "ended"],
    refuses: "run_timed_out",
  },
  "failed, for its workflow could not be started": {
    run: (now) => ({ version: 2, status: "failed", completedAt: now, error: "[delivery] no" }),
    events: ["ended"],
    refuses: "delivery_failed",
  },
  cancelled: {
    run: (now) => ({ version: 2, status: "cancelled", completedAt: now }),
    events: ["ended"],
    refuses: "run_cancelled",
  },
};

/** A run in such a state, and the statements by which the first release wrote it. */
export function firstRun(id: string, state: FirstState, now: number) {
  const run: FirstRun = {
    ...{ id, version: 1, status: "pending", createdAt: now, deadlineAt: now + HOUR_MS },
    ...{ startedAt: null, completedAt: null, error: null, output: null },
    ...state.run(now),
  };
  const at = { started: run.startedAt, ended: run.completedAt } as Record<string, number | null>;
  const events: FirstEvent[] = [
    { type: "created", at: run.createdAt, data: '{"by":"root"}' },
    ...state.events.map((type) => ({
      type,
      at: at[type] ?? now,
      data: type === "ended" ? `{"status":"${run.status}"}` : "{}",
    })),
  ];
  return { run, statements: firstJournalWrite(run, events) };
}

/** Runs the statements in the journal of coordinator 0. */
export function write(path: string, statements: ReturnType<typeof firstJournalWrite>): Promise<void> {
  return runInDurableObject(coordinator(path, 0), (_instance, { storage }) => {
    for (const { sql, bindings } of statements) storage.sql.exec(sql, ...bindings);
  });
}

/** A sign of life, whether or not a token would open the run. */
export function heartbeat(path: string, id: string) {
  const hops = { d1: 0, coordinator: 0 };
  return callCoordinator(env, hops, scopeOfPath(path), 0, (stub) => stub.heartbeat(id, { message: "alive" }));
}

export interface Entry {
  readonly type: string;
  readonly cause?: string;
}

export async function timeline(path: string, id: string): Promise<Entry[]> {
  return (await ask<Entry[]>("GET", `${path}/${id}/events`)).body;
}

export function typesOf(entries: readonly Entry[]): string[] {
  return entries.map(({ type }) => type);
}
