/**
 * The code of the release before, which knew neither deliveries nor heartbeats, works on what this one left: as it
 * does during a deploy and after a rollback.
 */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { newDelivery } from "../../src/dispatch/delivery.ts";
import { Deliveries } from "../../src/runs/journal/delivery-rows.ts";
import {
  alarmIn,
  coordinator,
  createAged,
  direct,
  journal,
  MINUTE_MS,
  mint,
  until,
} from "../support/direct.ts";
import { newRunsPath, rowOf } from "../support/requests.ts";
import { firstJournalWrite } from "./first-schema.ts";
import { FIRST_STATES, firstRun, heartbeat, timeline, typesOf, write } from "./first-states.ts";

/** A run that waits for its next attempt, which is not due while a test lasts. */
async function waitingForAttempt(path: string): Promise<string> {
  const id = await createAged(path);
  const trigger = { host: "ci.example", startOn: "accepted", maxAttempts: 3, initialDelayMs: 1000 } as const;
  const sealed = new Uint8Array([1, 2, 3]);
  await runInDurableObject(coordinator(path, 0), (_instance, { storage }) => {
    new Deliveries(storage.sql).put(id, newDelivery({ ...trigger, sealed }, Date.now() + 10 * MINUTE_MS));
  });
  return id;
}

/** What the code of the release before does to a run of this journal. */
async function changedByOldCode(path: string, id: string, name: keyof typeof FIRST_STATES): Promise<void> {
  const state = FIRST_STATES[name];
  if (state === undefined) throw new Error(`no such state: ${name}`);
  const { run, statements } = firstRun(id, state, Date.now());
  // Of its events, the creation is there already.
  const [row, created, ...events] = statements;
  if (row === undefined || created === undefined) throw new Error("nothing to write");
  await write(path, run.version === 1 ? [row, created] : [row, ...events]);
}

describe("in a journal of this release, the code of the release before", () => {
  it("ends runs and creates new ones, which go on when this code is back", async () => {
    const path = newRunsPath();
    const beating = await createAged(path);
    expect(await heartbeat(path, beating)).toMatchObject({ ok: true });
    const cancelled = await createAged(path);
    const created = await mint(path, Date.now());
    await changedByOldCode(path, cancelled, "cancelled");
    await changedByOldCode(path, created, "pending");
    const { run } = firstRun(beating, { run: () => ({}), events: [], refuses: null }, Date.now());
    const end = { version: 3, status: "succeeded", startedAt: run.createdAt, completedAt: Date.now() };
    const event = { type: "ended", at: end.completedAt, data: '{"status":"succeeded"}' };
    await write(path, firstJournalWrite({ ...run, ...end }, [event]));
    await evictDurableObject(coordinator(path, 0));

    expect(await heartbeat(path, beating)).toEqual({ ok: false, reason: "run_succeeded" });
    expect(typesOf(await timeline(path, beating))).toEqual(["created", "started", "heartbeat", "ended"]);
    expect(await heartbeat(path, cancelled)).toEqual({ ok: false, reason: "run_cancelled" });
    expect(await heartbeat(path, created)).toMatchObject({ ok: true });
    expect(typesOf(await timeline(path, created))).toEqual(["created", "started", "heartbeat"]);
    for (const [id, status] of Object.entries({
      [beating]: "succeeded",
      [cancelled]: "cancelled",
      [created]: "running",
    })) {
      await until(async () => (await rowOf(id))?.status === status);
    }
  });

  it("leaves a run that waits for its next attempt as it was", async () => {
    const path = newRunsPath();
    const id = await waitingForAttempt(path);
    const before = await journal(path, 0, "SELECT * FROM deliveries");
    await changedByOldCode(path, await mint(path, Date.now()), "pending");
    await evictDurableObject(coordinator(path, 0));
    expect(await direct(path, 0).read(id)).toMatchObject({ ok: true, isOver: false });
    expect(await journal(path, 0, "SELECT * FROM deliveries")).toEqual(before);
  });

  it("ends a run whose delivery is under way: nothing more is sent, and of the request nothing is kept", async () => {
    const path = newRunsPath();
    const id = await waitingForAttempt(path);
    await changedByOldCode(path, id, "cancelled");
    await evictDurableObject(coordinator(path, 0));
    await direct(path, 0).poke();
    await alarmIn(20 * MINUTE_MS, coordinator(path, 0));
    expect(typesOf(await timeline(path, id))).toEqual(["created", "ended"]);
    expect(await journal(path, 0, "SELECT run_id FROM deliveries")).toEqual([]);
  });
});
