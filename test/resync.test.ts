/** D1 is rebuilt from the journals: after it was restored, or lost. */

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { ask, createRun, newRunsPath, report, scopeOfPath } from "./client.ts";
import { alarmIn, change, coordinator, createAged, direct, journal, until } from "./direct.ts";
import { faults, holdWrites } from "./faults.ts";
import { fillJournal } from "./rows-in-journal.ts";

afterEach(() => {
  vi.useRealTimers();
});

async function loseRows(path: string): Promise<void> {
  await env.DB.prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(path)).run();
}

async function rows(path: string): Promise<number> {
  const n = await env.DB.prepare("SELECT count(*) AS n FROM runs WHERE scope = ?")
    .bind(scopeOfPath(path))
    .first<number>("n");
  return n ?? 0;
}

/** Ids of the runs that fly to D1 from now on. */
function noteSent(): string[] {
  const sent: string[] = [];
  faults.writes = {
    refuse: (bound) => {
      sent.push(...(bound.match(/(?<=\[")[0-9a-f-]{36}(?=",)/g) ?? []));
      return false;
    },
  };
  return sent;
}

function resync(path: string) {
  return ask<{ remaining: number }>("POST", path.replace("/action-runs", "/resync"));
}

it("lands everything again that the coordinators hold, as it was", async () => {
  const path = newRunsPath();
  const made = await Promise.all(Array.from({ length: 20 }, () => createRun(path)));
  for (const run of made.slice(0, 5)) await report(run, { status: "succeeded", output: { a: 1 } });
  const before = await ask<unknown[]>("GET", path);
  await loseRows(path);
  expect((await ask<unknown[]>("GET", path)).body).toEqual([]);
  const answer = await resync(path);
  expect(answer).toMatchObject({ status: 202, body: { remaining: 20 } });
  await until(async () => (await rows(path)) === 20);
  expect((await ask<unknown[]>("GET", path)).body).toEqual(before.body);
  expect((await resync(path)).status).toBe(202);
});

it("lands more than one batch, each run once, and ends", async () => {
  const path = newRunsPath();
  await fillJournal(path, 0, { rows: 3500, landed: true });
  const sent = noteSent();
  expect(await direct(path, 0).resync()).toBe(3500);
  await until(async () => (await rows(path)) === 3500);
  await until(
    async () => (await journal(path, 0, "SELECT name FROM marks WHERE name = 'resync_after'")).length === 0,
  );
  expect(sent).toHaveLength(3500);
  await alarmIn(10_000, coordinator(path, 0));
  expect(await journal(path, 0, "SELECT id FROM runs WHERE landed_version < version")).toEqual([]);
});

it("asked again under way, it does not start over", async () => {
  const path = newRunsPath();
  await fillJournal(path, 0, { rows: 2500, landed: true });
  const sent = noteSent();
  const gate = holdWrites();
  expect(await direct(path, 0).resync()).toBe(2500);
  expect(await direct(path, 0).resync()).toBe(1500);
  gate.open();
  await until(async () => (await rows(path)) === 2500);
  expect(sent).toHaveLength(2500);
});

it("goes on after an eviction in the middle", async () => {
  const path = newRunsPath();
  await fillJournal(path, 0, { rows: 2500, landed: true });
  let flights = 0;
  faults.writes = {
    refuse: () => {
      flights++;
      if (flights === 2) faults.writes = "down";
      return false;
    },
  };
  await direct(path, 0).resync();
  await until(async () => flights === 2);
  await evictDurableObject(coordinator(path, 0));
  faults.writes = null;
  await until(async () => (await rows(path)) === 2500);
});

it("is not held up by a run that D1 refuses for its content", async () => {
  const path = newRunsPath();
  const ids = await fillJournal(path, 0, { rows: 2500, landed: true });
  const culprit = ids[10] ?? "";
  faults.writes = { refuse: (bound) => bound.includes(`"${culprit}"`) };
  await direct(path, 0).resync();
  await until(async () => (await rows(path)) === 2499);
});

it("changes that come meanwhile land as they are", async () => {
  const path = newRunsPath();
  const id = await createAged(path);
  await fillJournal(path, 0, { rows: 1500, landed: true });
  await loseRows(path);
  const [, answer] = await Promise.all([direct(path, 0).resync(), change(path, id, { type: "cancelled" })]);
  expect(answer).toMatchObject({ ok: true });
  await until(async () => (await rows(path)) === 1501);
  expect((await ask("GET", `${path}/${id}`)).body).toMatchObject({ status: "cancelled" });
});

it("tells the sweep of the coordinator again", async () => {
  const path = newRunsPath();
  await createAged(path);
  await env.DB.prepare("DELETE FROM coordinators").run();
  await direct(path, 0).resync();
  const registered = () =>
    env.DB.prepare("SELECT n FROM coordinators WHERE scope = ?").bind(scopeOfPath(path)).first();
  await until(async () => (await registered()) !== null);
});
