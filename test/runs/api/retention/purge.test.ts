/** POST …/purge: runs that have ended are kept for a shorter time, whatever happens meanwhile, and nothing else changes. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { STORAGE_MAX_BYTES } from "../../../../src/runs/coordinator/context.ts";
import { register, selectRegistered } from "../../../../src/runs/d1/control-database.ts";
import { BATCH_MAX_MS } from "../../../../src/runs/replication/batch-writer.ts";
import {
  coordinator,
  DAY_MS,
  direct,
  HOUR_MS,
  journal,
  MINUTE_MS,
  restart,
  sqlStorage,
  until,
} from "../../../support/direct.ts";
import { faults, queueBatches } from "../../../support/faults.ts";
import { replicated, replicatedRow } from "../../../support/replicated.ts";
import {
  type Answer,
  ask,
  type CreatedRun,
  createRun,
  newRunsPath,
  report,
  rowOf,
  type Schemas,
  scopeOfPath,
} from "../../../support/requests.ts";
import { fillJournal } from "../../../support/runs/rows-in-journal.ts";
import { beginSession } from "../../../support/sessions.ts";
import { grantToken, type Refusal } from "../../../support/tokens.ts";

type Purge = Schemas["Purge"];

const purgePath = (path: string) => path.replace(/action-runs$/, "purge");
const post = (path: string, days: unknown, more: object = {}) =>
  ask<Purge & Refusal>("POST", purgePath(path), { body: { days, ...more } });
const get = (path: string) => ask<Purge & Refusal>("GET", purgePath(path));

/** Waits until the purge has removed what it must. */
async function purged(path: string): Promise<Purge> {
  let answer: Answer<Purge> | null = null;
  await until(async () => {
    answer = await get(path);
    return answer.body.completedAt !== null;
  });
  return (answer as unknown as Answer<Purge>).body;
}

/** An environment with an open run, and with runs that ended so many days ago. D1 knows none of the latter. */
async function withEnded(...ages: readonly (readonly [rows: number, days: number])[]) {
  const path = newRunsPath();
  const open = await createRun(path);
  await replicated(path);
  const now = Date.now();
  for (const [rows, days] of ages) {
    await fillJournal(path, { rows, isReplicated: true, endedAt: now - days * DAY_MS });
  }
  await restart(path);
  return { path, open, now };
}

const NO_DELETION = { refuse: (_: string, sql: string) => sql.startsWith("DELETE") };

const kept = async (path: string) => (await journal(path, "SELECT 1 FROM runs")).length;

/** How many runs are kept for how many days after their end. */
async function retention(path: string): Promise<readonly (readonly [days: number, runs: number])[]> {
  const rows = await journal<{ days: number; runs: number }>(
    path,
    `SELECT (purge_at - completed_at) / ${DAY_MS}.0 AS days, count(*) AS runs FROM runs
     WHERE completed_at IS NOT NULL AND due_at = purge_at GROUP BY days ORDER BY days`,
  );
  return rows.map(({ days, runs }) => [days, runs]);
}

async function audited(path: string): Promise<string[]> {
  const [o, p, envName] = scopeOfPath(path).split("/");
  const select = env.DB.prepare("SELECT action, target FROM audit WHERE project = ? AND env_name = ? ORDER BY id");
  return (await select.bind(`${o}/${p}`, envName ?? "").raw<[string, string]>()).map((one) => one.join(" "));
}

it("keeps runs that have ended for so many days, removes those whose time is over, and lengthens none", async () => {
  const { path, open, now } = await withEnded([1200, 10], [1300, 3]);
  const before = await journal(path, "SELECT purge_at, due_at FROM runs WHERE completed_at IS NULL");
  const begun = await post(path, 7);
  expect([begun.status, begun.body.days]).toEqual([202, 7]);
  expect(await purged(path)).toMatchObject({ days: 7, shortened: 2500, remaining: 0 });
  expect(Date.parse((await get(path)).body.requestedAt ?? "")).toBeGreaterThanOrEqual(now);
  expect(await retention(path)).toEqual([[7, 1300]]);
  expect(await journal(path, "SELECT purge_at, due_at FROM runs WHERE completed_at IS NULL")).toEqual(before);
  expect((await ask("GET", `${path}/${open.id}`)).body.status).toBe("pending");

  await post(path, 60);
  expect(await purged(path)).toMatchObject({ days: 60, shortened: 0, remaining: 0 });
  expect(await retention(path)).toEqual([[7, 1300]]);
  expect(await audited(path)).toEqual(["purge_requested days/7", "purge_requested days/60"]);
});

it("a dry run says what a purge would do, and changes nothing", async () => {
  const { path } = await withEnded([1200, 10], [1300, 3], [20, 40]);
  // What is due already waits for D1.
  faults.writes = "down";
  const dry = await post(path, 7, { dryRun: true });
  const nobody = { requestedAt: null, completedAt: null };
  expect([dry.status, dry.body]).toEqual([200, { days: 7, shortened: 2500, remaining: 1220, ...nobody }]);
  expect((await post(path, 3650, { dryRun: true })).body).toMatchObject({ shortened: 0, remaining: 20 });
  expect(await retention(path)).toEqual([[30, 2520]]);
  const none = await get(path);
  expect([none.status, none.body.code]).toEqual([404, "not_found"]);
  expect(await audited(path)).toEqual([]);
  faults.writes = null;
  await post(path, 7);
  expect(await purged(path)).toMatchObject({ shortened: 2500 });
});

it("the same request again gets the purge that is under way, and other days replace it", async () => {
  const { path } = await withEnded([10, 10]);
  faults.writes = NO_DELETION;
  const first = await post(path, 7);
  await until(async () => (await get(path)).body.remaining === 10);
  const again = await post(path, 7);
  expect(again.body).toMatchObject({ requestedAt: first.body.requestedAt, shortened: 10, completedAt: null });
  await scheduler.wait(2);
  const other = await post(path, 6);
  expect(other.body).toMatchObject({ days: 6, shortened: 0, completedAt: null });
  expect(other.body.requestedAt).not.toBe(first.body.requestedAt);
  faults.writes = null;
  // The purge waits after its failure.
  await restart(path);
  await until(async () => {
    await runDurableObjectAlarm(coordinator(path));
    return (await get(path)).body.completedAt !== null;
  });
  const anew = await post(path, 6);
  expect(anew.body.requestedAt).not.toBe(other.body.requestedAt);
  expect(await purged(path)).toMatchObject({ shortened: 0 });
});

it("an object that dies between two steps goes on, and counts no run twice", async () => {
  const { path } = await withEnded([3300, 10]);
  await post(path, 20);
  const walked = new Set<unknown>();
  await until(async () => {
    const [row] = await journal<{ to: string | null }>(
      path,
      "SELECT value ->> 'walkedTo' AS 'to' FROM metadata WHERE name = 'purge'",
    );
    walked.add(row?.to);
    await restart(path);
    await runDurableObjectAlarm(coordinator(path));
    return row?.to === null;
  });
  expect(walked.size).toBeGreaterThan(1);
  expect(await purged(path)).toMatchObject({ shortened: 3300, remaining: 0 });
  expect(await retention(path)).toEqual([[20, 3300]]);
});

it("a step that fails is taken back whole, and tried again", async () => {
  const { path } = await withEnded([1500, 10]);
  const [last] = await journal<{ id: string }>(path, "SELECT id FROM runs ORDER BY run_key LIMIT 1 OFFSET 1200");
  await journal(
    path,
    `CREATE TRIGGER full BEFORE UPDATE OF purge_at ON runs WHEN OLD.id = '${last?.id}'
     BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`,
  );
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  await post(path, 20);
  await until(async () => errors.mock.calls.some(([line]) => String(line).includes("alarm_failed")));
  const counted = async () => (await get(path)).body.shortened;
  const first = await counted();
  expect([first, await retention(path)]).toEqual([
    first,
    [
      [20, first],
      [30, 1500 - first],
    ],
  ]);
  await journal(path, "DROP TRIGGER full");
  await restart(path);
  await until(async () => {
    await runDurableObjectAlarm(coordinator(path));
    return (await counted()) === 1500;
  });
  expect(await retention(path)).toEqual([[20, 1500]]);
});

it("rewrites no more bytes at once than a batch may have", async () => {
  const { path } = await withEnded([30, 10]);
  await journal(path, "UPDATE runs SET bytes = 1000000 WHERE completed_at IS NOT NULL");
  const prototype = await sqlStorage(path);
  const exec = prototype.exec;
  const steps: number[] = [];
  vi.spyOn(prototype, "exec").mockImplementation(function (this: SqlStorage, sql, ...bindings) {
    if (/^UPDATE runs SET purge_at/.test(sql.trim())) steps.push(JSON.parse(String(bindings[1])).length);
    return exec.call(this, sql, ...bindings) as never;
  });
  await post(path, 20);
  await purged(path);
  expect(steps).toEqual([4, 4, 4, 4, 4, 4, 4, 2]);
});

it("an object at its limit takes runs again", async () => {
  const { path } = await withEnded([4000, 10]);
  const prototype = await sqlStorage(path);
  const size = Object.getOwnPropertyDescriptor(prototype, "databaseSize")?.get as (this: SqlStorage) => number;
  let full = 0;
  vi.spyOn(prototype, "databaseSize", "get").mockImplementation(function (this: SqlStorage) {
    const bytes = size.call(this);
    full ||= bytes;
    return Math.round((STORAGE_MAX_BYTES * bytes) / full);
  });
  const create = () => ask<CreatedRun & Refusal>("POST", path, { body: { actionName: "deploy" } });
  const refused = await create();
  expect([refused.status, refused.body.code]).toEqual([503, "storage_full"]);
  expect(refused.body.error).toContain("/purge");
  await post(path, 7);
  await purged(path);
  expect((await create()).status).toBe(201);
});

it("callers create and report runs meanwhile, and their runs stay", async () => {
  const { path, open } = await withEnded([5000, 10]);
  await post(path, 0);
  const ids: string[] = [];
  let isOver = false;
  const done = purged(path).then(() => {
    isOver = true;
  });
  while (!isOver) {
    const run = await createRun(path);
    await report(run, { status: "succeeded" });
    ids.push(run.id);
    // Without a pause, nothing else would get a turn in this isolate.
    await scheduler.wait(1);
  }
  await done;
  await report(open, { status: "succeeded" });
  expect(await retention(path)).toEqual([[30, ids.length + 1]]);
  expect(await get(path)).toMatchObject({ body: { shortened: 5000, remaining: 0 } });
});

it("metrics do not fall, because each end is counted before its run goes", async () => {
  const { path } = await withEnded([300, 10]);
  // Each end has a number, and only some are counted.
  await journal(path, "UPDATE runs SET ended_seq = rowid % 300 + 1 WHERE completed_at IS NOT NULL");
  await journal(path, "UPDATE runs SET change_seq = ended_seq, event_seq = ended_seq WHERE completed_at IS NOT NULL");
  await restart(path);
  const counts = async () => (await direct(path).upkeep.counts()).ended.ended["cancelled/cancel"];
  const before = await counts();
  const late = await createRun(path);
  await ask("DELETE", `${path}/${late.id}`);
  await post(path, 0);
  await purged(path);
  expect(await kept(path)).toBe(1);
  expect([before, await counts()]).toEqual([300, 301]);
});

describe("with days 0", () => {
  /** Ends runs of an environment and changes the journal before the purge. Returns the hours for which each is kept. */
  async function keptHours(prepare: (path: string, id: string) => Promise<unknown>): Promise<number[]> {
    const path = newRunsPath();
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) {
      const run = await createRun(path);
      await report(run, { status: "succeeded" });
      ids.push(run.id);
    }
    await replicated(path);
    await prepare(path, ids[0] ?? "");
    // Nothing goes, so that the instants can be read.
    faults.writes = NO_DELETION;
    expect((await post(path, 0)).status).toBe(202);
    await until(async () => (await get(path)).body.shortened === 2);
    const rows = await journal<{ hours: number }>(
      path,
      `SELECT (purge_at - completed_at) / ${HOUR_MS}.0 AS hours FROM runs ORDER BY run_key`,
    );
    return rows.map(({ hours }) => hours);
  }
  const delivery = (state: string) => async (path: string, id: string) => {
    await journal(
      path,
      `INSERT INTO endpoints (endpoint, version, is_disabled, filter, after_seq) VALUES ('chat@1', 1, 0, '{}', 99)`,
    );
    await journal(
      path,
      `INSERT INTO deliveries (endpoint, run_id, kind, type, state, is_resend, weight, attempt, expires_at, due_at, attempts)
       VALUES ('chat@1', ?, 'ended', 'action_run.succeeded', '${state}', 0, 1, 0, 9e15, 9e15, '[]')`,
      id,
    );
    await restart(path);
  };

  it.each<readonly [string, readonly number[], (path: string, id: string) => Promise<unknown>]>([
    ["has nothing to do any more", [0, 0], async () => {}],
    ["has a delivery that waits", [1, 0], delivery("waiting")],
    [
      "ended 5 hours ago, but its object has noticed only now, and has a delivery that waits",
      [6, 0],
      async (path, id) => {
        await journal(path, `UPDATE runs SET completed_at = completed_at - ${5 * HOUR_MS} WHERE id = ?`, id);
        await delivery("waiting")(path, id);
      },
    ],
    ["has a delivery that was accepted", [0, 0], delivery("delivered")],
    [
      "has a stop request",
      [1, 0],
      (path, id) =>
        journal(
          path,
          `INSERT INTO stop_requests (run_id, host, sealed, initial_delay_ms, ends_at, due_at)
           VALUES (?, 'ci.example.com', x'00', 1000, 9e15, 9e15)`,
          id,
        ),
    ],
    [
      "occupies its queue",
      [1, 0],
      (path, id) => journal(path, "UPDATE runs SET occupied_until = 9e15 WHERE id = ?", id),
    ],
    [
      "has an event that endpoints may have to hear of",
      [1, 0],
      async (path, id) => {
        await journal(path, "UPDATE runs SET event_seq = event_seq + 100 WHERE id = ?", id);
        await journal(path, "INSERT INTO metadata (name, value) VALUES ('endpoints_noted', ?)", `${Date.now()}:0:99`);
        await restart(path);
      },
    ],
  ])("a run that %s is kept for so many hours after its end: %j", async (_, hours, prepare) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    faults.endpoints = () => new Promise(() => {});
    try {
      expect(await keptHours(prepare)).toEqual(hours);
    } finally {
      faults.endpoints = null;
    }
  });
});

describe("a run that D1 lacks yet", () => {
  it("stays away, even if a batch comes late that was given up", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    await replicated(path);
    // The batch is given up soon, and counts as under way as long as ever.
    const { setTimeout } = globalThis;
    let isFirst = true;
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((handler: () => void, ms = 0) => {
      const isGivenUp = isFirst && ms === BATCH_MAX_MS;
      if (isGivenUp) isFirst = false;
      return setTimeout(handler, isGivenUp ? 50 : ms);
    }) as unknown as typeof setTimeout);
    vi.spyOn(console, "error").mockImplementation(() => {});
    const late = queueBatches(scopeOfPath(path));
    await report(run, { status: "succeeded" });
    await until(async () => late.held === 1);
    faults.queue = null;
    expect(await replicatedRow(path, run.id)).toMatchObject({ status: "succeeded" });

    await post(path, 0);
    await until(async () => (await kept(path)) === 0);
    expect(await rowOf(run.id)).toBeNull();
    const owed = () => journal(path, "SELECT run_id FROM owed_deletions");
    expect(await owed()).toEqual([{ run_id: run.id }]);
    late.open();
    await until(async () => {
      await direct(path).upkeep.poke();
      return (await owed()).length === 0;
    });
    expect(await rowOf(run.id)).toBeNull();
  });

  it("reaches no database any more, because batches have the new instant", async () => {
    const path = newRunsPath();
    const first = await createRun(path);
    await report(first, { status: "succeeded" });
    await replicated(path);
    const errors = vi.spyOn(console, "error").mockImplementation(() => {});
    faults.writes = "down";
    const { purges } = direct(path);
    await purges.begin(0);
    await until(async () => errors.mock.calls.some(([line]) => String(line).includes("purge_failed")));
    // The purge waits for 10 s now.
    const run = await createRun(path);
    await report(run, { status: "succeeded" });
    await purges.begin(1);
    await purges.begin(0);
    await until(async () => (await purges.state())?.shortened === 1);
    faults.writes = null;
    await replicated(path);
    expect(await rowOf(run.id)).toBeNull();
    expect(await kept(path)).toBe(2);
  });
});

describe("is refused", () => {
  it("to a session that began with ROOT_TOKEN, and to an owner", async () => {
    const path = newRunsPath();
    await createRun(path);
    const { headers } = await beginSession((await grantToken("/acme/shop", { role: "owner" })).token);
    const root = await beginSession("a-root-token-for-tests-of-32-characters", "acme/shop");
    for (const session of [headers, root.headers]) {
      const refused = await ask<Refusal>("POST", purgePath(path), { token: null, headers: session, body: { days: 7 } });
      expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
      expect((await ask("GET", purgePath(path), { token: null, headers: session })).status).toBe(403);
    }
  });

  it.each([[{ days: -1 }], [{ days: 0.5 }], [{ days: 3651 }], [{ days: "7" }], [{}], [{ days: 7, hours: 1 }]])(
    "with %j",
    async (body) => {
      const path = newRunsPath();
      await createRun(path);
      const refused = await ask<Refusal>("POST", purgePath(path), { body });
      expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
    },
  );

  it("for an environment without runs, which stays unknown", async () => {
    const path = newRunsPath();
    for (const more of [{}, { dryRun: true }]) {
      const refused = await post(path, 7, more);
      expect([refused.status, refused.body.code, refused.body.error]).toEqual([
        404,
        "not_found",
        expect.stringContaining("Check its spelling"),
      ]);
    }
    expect((await get(path)).status).toBe(404);
    const registered = selectRegistered(env.DB.withSession("first-primary"), scopeOfPath(path));
    expect(await registered.first()).toBeNull();
    expect(await audited(path)).toEqual([]);
    // The row of a coordinator that never wrote anything.
    await register(env.DB, scopeOfPath(path), Date.now() + MINUTE_MS).run();
    expect((await post(path, 7)).status).toBe(404);
    expect(await journal(path, "SELECT 1 FROM metadata")).toEqual([]);
  });
});
