/**
 * The step that brought deliveries, heartbeats and the cause of an end: runs that the release before it left, in
 * whatever state, go on under it.
 */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { signCallbackToken } from "../../src/auth/callback-token.ts";
import { keyRing } from "../../src/key-ring.ts";
import { JOURNAL_STEPS, migrate } from "../../src/runs/journal/steps.ts";
import { alarmIn, change, coordinator, direct, journal, MINUTE_MS, mint, until } from "../support/direct.ts";
import { ask, newRunsPath, rowOf, scopeOfPath } from "../support/requests.ts";
import {
  FIRST_STATES,
  type FirstState,
  firstRun,
  heartbeat,
  timeline,
  typesOf,
  write,
} from "./first-states.ts";

const HOUR_MS = 60 * MINUTE_MS;

/** A journal that knows the first step alone, with one run in it; the coordinator has not seen it yet. */
async function firstJournal(state: FirstState) {
  const path = newRunsPath();
  const now = Date.now();
  const id = await mint(path, now);
  const { run, statements } = firstRun(id, state, now);
  await direct(path, 0).poke();
  await runInDurableObject(coordinator(path, 0), async (_instance, { storage }) => {
    await storage.deleteAll();
    migrate(storage, JOURNAL_STEPS.slice(0, 1));
  });
  await write(path, statements);
  await evictDurableObject(coordinator(path, 0));
  return { path, id, run };
}

const open = Object.entries(FIRST_STATES).filter(([, { refuses }]) => refuses === null);
const ended = Object.entries(FIRST_STATES).filter(([, { refuses }]) => refuses !== null);

describe("in a journal of the first step", () => {
  it.each(open)(
    "a run that is %s takes heartbeats and its report, and both are in its timeline",
    async (_, state) => {
      const { path, id, run } = await firstJournal(state);
      const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
      if (!ring.ok) throw new Error(ring.error);
      const grant = { scope: scopeOfPath(path), runId: id, expiresAt: run.deadlineAt };
      const token = await signCallbackToken(ring.value, grant);
      expect(typesOf(await timeline(path, id))).toEqual(["created", ...state.events]);
      const body = { message: "alive" };
      const beat = await ask("POST", `${path}/${id}/heartbeat`, { token, body });
      expect(beat).toMatchObject({ status: 200, body: { status: "running" } });
      const reported = await ask("POST", `${path}/${id}/callback`, { token, body: { status: "succeeded" } });
      const startedAt = run.startedAt === null ? expect.any(String) : new Date(run.startedAt).toISOString();
      expect(reported).toMatchObject({ status: 200, body: { status: "succeeded", startedAt } });
      expect(typesOf(await timeline(path, id))).toEqual(["created", "started", "heartbeat", "ended"]);
      expect((await ask("GET", `${path}/${id}?wait=60`)).body).toEqual(reported.body);
      await until(async () => (await rowOf(id))?.status === "succeeded");
    },
  );

  it.each(open)("a run that is %s is held to no silence, only to its deadline", async (_, state) => {
    const { path, id } = await firstJournal(state);
    await direct(path, 0).poke();
    await alarmIn(59 * MINUTE_MS, coordinator(path, 0));
    expect(await journal(path, 0, "SELECT completed_at FROM runs WHERE id = ?", id)).toEqual([
      { completed_at: null },
    ]);
    await alarmIn(HOUR_MS, coordinator(path, 0));
    expect(await heartbeat(path, id)).toEqual({ ok: false, reason: "run_timed_out" });
    expect((await timeline(path, id)).at(-1)).toMatchObject({ type: "ended", cause: "deadline" });
  });

  it.each(ended)(
    "an ended run, %s, stays so, for the reason it always had, and those who watch it learn so",
    async (_, state) => {
      const { path, id, run } = await firstJournal(state);
      const before = await journal(path, 0, "SELECT * FROM events WHERE run_id = ?", id);
      expect(await heartbeat(path, id)).toEqual({ ok: false, reason: state.refuses });
      const late = { type: "succeeded", output: null } as const;
      expect(await change(path, id, late)).toEqual({ ok: false, reason: state.refuses });
      expect((await ask("DELETE", `${path}/${id}`)).body).toMatchObject({ code: state.refuses });
      expect((await ask("GET", `${path}/${id}?wait=60`)).body).toMatchObject({
        status: run.status,
        error: run.error,
      });
      expect(typesOf(await timeline(path, id))).toEqual(["created", ...state.events]);
      const headers = { Accept: "text/event-stream", "Last-Event-ID": String(before.length) };
      expect((await ask("GET", `${path}/${id}/events`, { headers })).status).toBe(204);
      expect(await journal(path, 0, "SELECT * FROM events WHERE run_id = ?", id)).toEqual(before);
    },
  );
});
