/** D1 is rebuilt from the journals after it was restored or lost. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { hurryTime } from "../../support/clock.ts";
import {
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  givenAged,
  HOUR_MS,
  journal,
  MINUTE_MS,
  newIdIn,
  restart,
  until,
} from "../../support/direct.ts";
import { faults, queueBatches } from "../../support/faults.ts";
import { givenReplicated, replicated, walkedTo } from "../../support/replicated.ts";
import { ask, createRun, newRunsPath, report, scopeOfPath } from "../../support/requests.ts";
import { insertRows, rowStore } from "../../support/rows.ts";
import { fillJournal } from "../../support/runs/rows-in-journal.ts";

/** Hurries the intervals between batches, which are shorter than 3 s. D1's timeouts are not hurried. */
const hurryPauses = () => hurryTime(10, 3000);

async function loseRows(path: string): Promise<void> {
  await env.DB.prepare("DELETE FROM runs WHERE scope = ?").bind(scopeOfPath(path)).run();
}

async function rows(path: string): Promise<number> {
  const n = await env.DB.prepare("SELECT count(*) AS n FROM runs WHERE scope = ?")
    .bind(scopeOfPath(path))
    .first<number>("n");
  return n ?? 0;
}

/** Ids of the environment's runs that are written to D1 from now on. */
function noteSent(path: string): string[] {
  const sent: string[] = [];
  faults.writes = {
    refuse: (bound) => {
      if (bound.endsWith(scopeOfPath(path))) sent.push(...(bound.match(/(?<=\[")[0-9a-f-]{36}(?=",)/g) ?? []));
      return false;
    },
  };
  return sent;
}

async function isOver(path: string): Promise<boolean> {
  return (await walkedTo(path)) === null;
}

async function idsInD1(path: string): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT id FROM runs WHERE scope = ? ORDER BY id")
    .bind(scopeOfPath(path))
    .all<{ id: string }>();
  return results.map(({ id }) => id);
}

/** Puts into D1 so many rows that no journal keeps, made one ms after another from `createdAt` on. */
async function fillD1(path: string, rows: number, createdAt: number): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE counted (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM counted WHERE k + 1 < ?2)
     INSERT INTO runs (scope, id, version, status, action_name, triggered_by, purge_at, bytes, body)
     SELECT ?1, format('%s-%s-8%03x-8000-000000000000', substr(at, 1, 8), substr(at, 9), k * 77 % 4096), 1,
            'cancelled', 'filler', 'root', ?3 + 2592000000, 2, '{}'
     FROM (SELECT k, format('%012x', ?3 + k) AS at FROM counted)`,
  )
    .bind(scopeOfPath(path), rows, createdAt)
    .run();
}

/** How many runs D1 lacks in their newest version. */
async function lacks(path: string): Promise<number> {
  const reply = await direct(path).upkeep.lacking({ limit: 1000 });
  return reply.ok ? reply.ids.length : Number.NaN;
}

function resync(path: string) {
  return ask<{ remaining: number }>("POST", path.replace("/action-runs", "/resync"));
}

it("replicates every run again as it was", async () => {
  const path = newRunsPath();
  const made = await Promise.all(Array.from({ length: 20 }, () => createRun(path)));
  for (const run of made.slice(0, 5)) await report(run, { status: "succeeded", output: { a: 1 } });
  await replicated(path);
  const before = await ask<unknown[]>("GET", path);
  await loseRows(path);
  expect((await ask<unknown[]>("GET", path)).body).toEqual([]);
  hurryPauses();
  const answer = await resync(path);
  expect(answer).toMatchObject({ status: 202, body: { remaining: 20 } });
  await until(async () => (await rows(path)) === 20);
  expect((await ask<unknown[]>("GET", path)).body).toEqual(before.body);
  expect((await resync(path)).status).toBe(202);
});

it("replicates each run once in several batches, and ends", async () => {
  const path = newRunsPath();
  hurryPauses();
  await fillJournal(path, { rows: 2500, isReplicated: true });
  const sent = noteSent(path);
  expect(await direct(path).upkeep.resync()).toBe(2500);
  await until(async () => (await rows(path)) === 2500);
  await until(() => isOver(path));
  expect(sent).toHaveLength(2500);
  await alarmIn(61_000, coordinator(path));
  expect(await journal(path, "SELECT name FROM metadata WHERE name = 'replication_retry_at'")).toEqual([]);
});

it("does not start over when it is requested again", async () => {
  const path = newRunsPath();
  hurryPauses();
  await fillJournal(path, { rows: 2500, isReplicated: true });
  const sent = noteSent(path);
  const batches = queueBatches(scopeOfPath(path));
  expect(await direct(path).upkeep.resync()).toBe(2500);
  // Two batches have the first step.
  for (let n = 0; n < 2; n++) {
    await until(async () => batches.held === 1);
    expect(await direct(path).upkeep.resync()).toBe(2500);
    batches.next();
  }
  await until(async () => (await direct(path).upkeep.resync()) === 1500);
  batches.open();
  await until(async () => (await rows(path)) === 2500);
  expect(sent.sort()).toEqual([...new Set(sent)]);
});

it("goes on after a restart in the middle", async () => {
  const path = newRunsPath();
  hurryPauses();
  await fillJournal(path, { rows: 2500, isReplicated: true });
  let batches = 0;
  faults.writes = {
    refuse: () => {
      batches++;
      if (batches === 2) faults.writes = "down";
      return false;
    },
  };
  await direct(path).upkeep.resync();
  await until(async () => batches === 2);
  await restart(path);
  faults.writes = null;
  await alarmIn(61_000, coordinator(path));
  await until(async () => (await rows(path)) === 2500);
});

it("is not held up by a run that D1 refuses for its content", async () => {
  const path = newRunsPath();
  hurryPauses();
  const ids = await fillJournal(path, { rows: 2500, isReplicated: true });
  const culprit = ids[10] ?? "";
  faults.writes = { refuse: (bound) => bound.includes(`"${culprit}"`) };
  await direct(path).upkeep.resync();
  await until(async () => (await rows(path)) === 2499);
});

it("replicates runs again that D1 had confirmed before it lost them, also after a restart", async () => {
  const { path, id } = await givenReplicated();
  await alarmIn(0, coordinator(path));
  await loseRows(path);
  faults.writes = "down";
  await direct(path).upkeep.resync();
  await createAged(path);
  await restart(path);
  faults.writes = null;
  await alarmIn(61_000, coordinator(path));
  await until(async () => (await rows(path)) === 2);
  expect(await idsInD1(path)).toContain(id);
});

it("replicates a change that is made before one of a run in its batch, if the batch fails and the object is restarted", async () => {
  const path = newRunsPath();
  const createdAt = Date.now() - 120 * MINUTE_MS;
  const early = await createAged(path, { createdAt, deadlineAt: Date.now() + 60 * MINUTE_MS });
  await fillJournal(path, { rows: 1100, isReplicated: true });
  const late = await createAged(path, { createdAt: Date.now() + 1000 });
  await replicated(path);
  await alarmIn(0, coordinator(path));

  hurryPauses();
  let isDown = false;
  faults.writes = {
    refuse: () => {
      if (isDown) throw new Error("D1_ERROR: Network connection lost.");
      return false;
    },
  };
  const batches = queueBatches(scopeOfPath(path));
  await direct(path).upkeep.resync();
  const reached = async () => (await walkedTo(path)) ?? "";
  // The first step has the early run, and the last batch of the second one has the late run.
  await until(async () => {
    if (batches.held > 0 && (await reached()) === "") batches.next();
    return batches.held === 1 && (await reached()) !== "";
  });
  for (const id of [early, late])
    expect(await change(path, id, { type: "succeeded", output: null })).toMatchObject({ ok: true });
  isDown = true;
  batches.open();
  await until(async () => (await lacks(path)) === 2);
  await alarmIn(0, coordinator(path));
  await restart(path);
  isDown = false;
  await alarmIn(61_000, coordinator(path));
  await until(async () => (await lacks(path)) === 0);
  const listed = await ask<{ id: string }[]>("GET", `${path}?status=succeeded`);
  expect(listed.body.map(({ id }) => id)).toEqual([late, early]);
});

it("registers the coordinator with the sweep again", async () => {
  const { path } = await givenAged();
  await env.DB.prepare("DELETE FROM coordinators").run();
  await direct(path).upkeep.resync();
  const registered = () =>
    env.DB.prepare("SELECT due_at FROM coordinators WHERE scope = ?").bind(scopeOfPath(path)).first();
  await until(async () => (await registered()) !== null);
});

it("ends while callers create all the time and D1 takes 150 ms", async () => {
  const path = newRunsPath();
  await fillJournal(path, { rows: 2500, isReplicated: true });
  // Hurries the intervals between batches. D1 still takes 150 ms.
  hurryPauses();
  faults.readDelayMs = 1500;
  faults.writeDelayMs = 1500;
  let isDone = false;
  const callers = Array.from({ length: 8 }, async () => {
    while (!isDone) {
      await createAged(path);
      await until(async () => (await lacks(path)) < 50);
    }
  });
  await until(async () => (await rows(path)) > 8);
  await direct(path).upkeep.resync();
  await until(() => isOver(path)).finally(() => {
    isDone = true;
  });
  await Promise.all(callers);
  await until(async () => (await rows(path)) >= 2500);
});

describe("rows of purged runs that a restore brought back", () => {
  it("are removed wherever they lie, and no other row is", async () => {
    const path = newRunsPath();
    const now = Date.now();
    const kept = await Promise.all(
      [30, 20, 10].map((days) => createAged(path, { createdAt: now - days * DAY_MS, deadlineAt: now + DAY_MS })),
    );
    const ghosts = await Promise.all([40, 25, 24, 15, 5].map((days) => newIdIn(path, now - days * DAY_MS)));
    const young = await newIdIn(path, now - HOUR_MS + 30_000);
    const elsewhere = newRunsPath();
    const theirs = await newIdIn(elsewhere, now - 25 * DAY_MS);
    await insertRows(scopeOfPath(path), [
      ...ghosts.map((id, n) => ({ id, status: n % 2 === 0 ? ("pending" as const) : ("failed" as const) })),
      { id: young },
    ]);
    await insertRows(scopeOfPath(elsewhere), [{ id: theirs }]);
    await replicated(path);
    expect(await idsInD1(path)).toHaveLength(9);
    await direct(path).upkeep.resync();
    await until(() => isOver(path));
    await until(async () => (await idsInD1(path)).length === 4);
    expect(await idsInD1(path)).toEqual([...kept, young].sort());
    expect(await idsInD1(elsewhere)).toEqual([theirs]);
  });

  it("are removed if the coordinator keeps nothing any more", async () => {
    const path = newRunsPath();
    const ghost = await newIdIn(path, Date.now() - DAY_MS);
    await insertRows(scopeOfPath(path), [{ id: ghost }]);
    expect((await ask("GET", path)).body).toMatchObject([{ id: ghost, status: "pending" }]);
    // The coordinator knows better.
    expect((await ask("GET", `${path}/${ghost}`)).status).toBe(404);
    expect((await resync(path)).body).toEqual({ remaining: 0 });
    await until(async () => (await rows(path)) === 0);
    expect((await ask("GET", path)).body).toEqual([]);
  });

  it("are removed in steps that look at 1000 rows each", async () => {
    const path = newRunsPath();
    hurryPauses();
    const now = Date.now();
    const start = now - 10 * DAY_MS;
    await fillD1(path, 3500, start);
    const kept = await createAged(path, { createdAt: start + 1700, deadlineAt: now + DAY_MS });
    let looks = 0;
    faults.reads = { refuse: () => ++looks === 0 };
    await direct(path).upkeep.resync();
    await until(() => isOver(path));
    faults.reads = null;
    expect(await idsInD1(path)).toEqual([kept]);
    expect(looks).toBeGreaterThanOrEqual(4);
    expect(looks).toBeLessThanOrEqual(6);
  });

  it("are found along an index", async () => {
    const path = newRunsPath();
    await fillD1(path, 6, Date.now() - DAY_MS);
    const texts: string[] = [];
    const watched = {
      prepare: (text: string) => {
        texts.push(text);
        return env.DB.prepare(text);
      },
    } as unknown as D1Database;
    const ids = await idsInD1(path);
    const store = rowStore(scopeOfPath(path), watched);
    expect(await store.find("", "g", 5)).toEqual(ids.slice(0, 5));
    expect(await store.find(ids[1] ?? "", ids[4] ?? "", 5)).toEqual([ids[2], ids[3]]);
    const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${texts[0]}`)
      .bind(scopeOfPath(path), "", "g", 5)
      .all<{ detail: string }>();
    expect(results.map(({ detail }) => detail)).toEqual([
      "SEARCH runs USING COVERING INDEX sqlite_autoindex_runs_1 (scope=? AND id>? AND id<?)",
    ]);
  });

  it.each(["reads", "writes"] as const)("are removed although D1's %s failed at first", async (part) => {
    const path = newRunsPath();
    hurryPauses();
    const now = Date.now();
    await fillJournal(path, { rows: 1500, isReplicated: true });
    const ghosts = await Promise.all([40, 30].map((days) => newIdIn(path, now - days * DAY_MS)));
    await insertRows(
      scopeOfPath(path),
      ghosts.map((id) => ({ id })),
    );
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const failed = () => logged.mock.calls.some(([line]) => String(line).includes("resync_failed"));
    faults[part] = "down";
    await direct(path).upkeep.resync();
    await until(async () => failed());
    expect(await isOver(path)).toBe(false);
    faults[part] = null;
    await alarmIn(61_000, coordinator(path));
    await until(async () => (await rows(path)) === 1500 && (await isOver(path)));
    expect((await idsInD1(path)).filter((id) => ghosts.includes(id))).toEqual([]);
  });

  it("are removed by the alarm of an empty coordinator that was restarted in the middle", async () => {
    const path = newRunsPath();
    await insertRows(scopeOfPath(path), [{ id: await newIdIn(path, Date.now() - DAY_MS) }]);
    faults.reads = "hang";
    await direct(path).upkeep.resync();
    await restart(path);
    faults.reads = null;
    expect(await alarmIn(61_000, coordinator(path))).toBe(true);
    await until(async () => (await rows(path)) === 0 && (await isOver(path)));
    // And then it rests.
    await alarmIn(61_000, coordinator(path));
    expect(await alarmIn(61_000, coordinator(path))).toBe(false);
  });

  it("makes one D1 request of its own: the audit entry and the list of coordinators", async () => {
    const path = newRunsPath();
    faults.reads = "hang";
    faults.writes = { refuse: (_bound, sql) => !/^INSERT INTO (audit|coordinators)/.test(sql) };
    expect((await resync(path)).status).toBe(202);
  });
});
