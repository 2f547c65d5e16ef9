/**
 * The state of the last code without stored actions, in this code's hands: journals and a D1 as commit 13b34cb wrote them.
 * recorder.ts says how before-actions.jsonl was made. All of it is in the year 2100, and so is the clock here.
 */

import {
  applyD1Migrations,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { JOURNAL_STEPS } from "../../src/runs/journal/steps.ts";
import { COORDINATORS, readRunId } from "../../src/runs/run-id.ts";
import { coordinator, journal, until } from "../support/direct.ts";
import {
  type ActionRun,
  type Ask,
  ask,
  type CreatedRun,
  coordinatorOf,
  report,
  rowOf,
} from "../support/requests.ts";
import { beat, eventsOf } from "../support/stream.ts";
import lines from "./before-actions.jsonl?raw";

const PATH = "/acme/shop/envs/before/action-runs";
const NOW = Date.parse("2100-01-01T00:10:00.000Z");
const OLD_MIGRATIONS = 5;

interface Recorded {
  readonly run: ActionRun;
  readonly events: readonly object[];
  readonly callback: CreatedRun["callback"];
}

type Line = ["run", string, Recorded] | ["journal", number, string] | ["d1", string];
const LINES = lines
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Line);
const RECORDED = new Map(LINES.flatMap((line) => (line[0] === "run" ? [[line[1], line[2]] as const] : [])));
const NAMES = [...RECORDED.keys()];

function recorded(name: string): Recorded & { readonly id: string; readonly created: CreatedRun } {
  const one = RECORDED.get(name);
  if (one === undefined) throw new Error(`the record has no run "${name}"`);
  return { ...one, id: one.run.id, created: { ...one.run, callback: one.callback } };
}

const TABLES = `SELECT name FROM sqlite_schema WHERE type = 'table'
  AND substr(name, 1, 4) <> '_cf_' AND substr(name, 1, 7) <> 'sqlite_'`;

/** An object with the tables and rows of the old code. Its next instance finds them. */
async function restoreJournal(n: number): Promise<void> {
  const stub = coordinator(PATH, n);
  await runInDurableObject(stub, (_instance, { storage }) => {
    const { sql } = storage;
    for (const { name } of [...sql.exec<{ name: string }>(TABLES)]) sql.exec(`DROP TABLE "${name}"`);
    for (const line of LINES) if (line[0] === "journal" && line[1] === n) sql.exec(line[2]);
    void storage.setAlarm(NOW);
  });
  await evictDurableObject(stub);
}

async function restoreD1(): Promise<void> {
  const { results } = await env.DB.prepare(TABLES).all<{ name: string }>();
  for (const { name } of results) await env.DB.exec(`DROP TABLE "${name}"`);
  await env.DB.batch(LINES.flatMap((line) => (line[0] === "d1" ? [env.DB.prepare(line[1])] : [])));
}

beforeEach(async () => {
  const now = Date.now.bind(Date);
  const ahead = NOW - now();
  vi.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  await restoreD1();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  for (let n = 0; n < COORDINATORS; n++) await restoreJournal(n);
});
afterEach(() => vi.restoreAllMocks());

type Details = Readonly<Record<string, unknown>>;
type Detailed = ActionRun & { readonly details: Details; readonly code?: string };

const BARE: Details = {
  source: "none",
  action: null,
  retryOf: null,
  labels: [],
  externalUrl: null,
  heartbeat: null,
  cancel: null,
};
/** The last heartbeats of the record. */
const HEARTBEATS: Readonly<Record<string, object>> = {
  running: { message: "half-way", progress: 0.5 },
  triggered: { message: null, progress: null },
};
const CANCEL = { reason: "wrong branch", graceSeconds: 60 };

async function get(id: string): Promise<ActionRun> {
  return (await ask("GET", `${PATH}/${id}`)).body;
}

function retry(id: string, options: Ask = {}) {
  return ask<Detailed & CreatedRun>("POST", `${PATH}/${id}/retry?include=details`, options);
}

describe("a journal and a D1 of the code before stored actions", () => {
  it("show every run as it was, with its timeline and bare details", async () => {
    for (const name of NAMES) {
      const { id, run, events } = recorded(name);
      expect(await get(id), name).toEqual(run);
      // No key of the ring opens what the old code kept in clear.
      const shown = events.map((event) => ("excerpt" in event ? { ...event, excerpt: null } : event));
      expect((await eventsOf(`${PATH}/${id}`)).body, name).toEqual(shown);
      const { body } = await ask<Detailed>("GET", `${PATH}/${id}?include=details`);
      const said = HEARTBEATS[name];
      const heartbeat = said === undefined ? null : { at: run.startedAt, ...said };
      expect(body, name).toEqual({ ...run, details: { ...BARE, heartbeat } });
    }
  });

  it("get each later step and migration, land what D1 lacked, and list, filter and count all", async () => {
    const { results } = await env.DB.prepare("SELECT name FROM d1_migrations ORDER BY id").all();
    expect(results).toEqual(env.TEST_MIGRATIONS.map(({ name }) => ({ name })));
    expect(results.length).toBeGreaterThan(OLD_MIGRATIONS);
    expect((await ask("GET", "/readyz", { token: null })).status).toBe(200);
    const { id } = recorded("unlanded");
    expect(await rowOf(id)).toBeNull();
    await runDurableObjectAlarm(coordinatorOf(PATH, id));
    await until(async () => (await rowOf(id)) !== null);
    for (let n = 0; n < COORDINATORS; n++) {
      const steps = await journal(PATH, n, "SELECT step FROM schema_steps ORDER BY step");
      expect(steps).toEqual(JOURNAL_STEPS.map((_, step) => ({ step: step + 1 })));
    }

    const newest = NAMES.map((name) => recorded(name).run).toSorted((a, b) => (a.id < b.id ? 1 : -1));
    expect((await ask("GET", PATH)).body).toEqual(newest);
    const detailed = newest.map((run) => ({ ...run, details: BARE }));
    expect((await ask("GET", `${PATH}?include=details`)).body).toEqual(detailed);
    const running = newest.filter(({ status }) => status === "running");
    expect((await ask("GET", `${PATH}?status=running`)).body).toEqual(running);
    expect((await ask("GET", `${PATH}?actionName=test`)).body).toEqual([recorded("succeeded").run]);
    const { run } = recorded("pending");
    expect((await ask("GET", `${PATH}?entityId=${run.entityId}`)).body).toEqual([run]);
    expect((await ask("GET", `${PATH}?label=a`)).body).toEqual([]);
    const counts = { pending: 3, running: 2, succeeded: 2, failed: 2, cancelled: 2 };
    expect((await ask("GET", `${PATH}/summary`)).body).toEqual(counts);
    const deploys = await ask("GET", `${PATH}/summary?actionName=deploy`);
    expect(deploys.body).toEqual({ ...counts, succeeded: 1 });
  });

  it.each(["pending", "unlanded", "undelivered"])(
    "let a pending run be cancelled in both ways: %s",
    async (name) => {
      const { id, run } = recorded(name);
      const { coordinator: n } = readRunId(id);
      const deleted = await ask("DELETE", `${PATH}/${id}`);
      expect(deleted).toMatchObject({ status: 200, body: { id, status: "cancelled", startedAt: null } });
      await restoreJournal(n);
      expect(await get(id)).toEqual(run);
      const asked = await ask<Detailed>("POST", `${PATH}/${id}/cancel?include=details`, { body: CANCEL });
      expect([asked.status, asked.body.status]).toEqual([200, "cancelled"]);
      expect(asked.body.details.cancel).toMatchObject({ by: "root", reason: CANCEL.reason });
      // Its webhook is not sent any more.
      expect(await journal(PATH, n, "SELECT 1 FROM deliveries WHERE run_id = ?", id)).toEqual([]);
    },
  );

  it.each(["running", "triggered"])("let a running run be asked to stop: %s", async (name) => {
    const { id, created } = recorded(name);
    expect((await ask("DELETE", `${PATH}/${id}`)).status).toBe(409);
    expect((await ask("POST", `${PATH}/${id}/cancel`, { body: CANCEL })).status).toBe(202);
    const { status, body } = await beat(created);
    expect([status, body.cancel?.reason]).toEqual([200, CANCEL.reason]);
    const stopped = await report(created, { status: "failed", error: "stopped" });
    expect(stopped).toMatchObject({ status: 200, body: { status: "cancelled", error: "stopped" } });
    const rows = await ask<Detailed[]>("GET", `${PATH}?status=cancelled&include=details`);
    const row = rows.body.find((one) => one.id === id);
    expect(row?.details.cancel).toMatchObject({ by: "root", reason: CANCEL.reason });
  });

  it.each(["succeeded", "failed", "cancelled"])(
    "let a run without a trigger be created again: %s",
    async (name) => {
      const { id, run } = recorded(name);
      const { actionName, parameters } = run;
      const again = await retry(id);
      expect(again).toMatchObject({ status: 201, body: { actionName, parameters, status: "pending" } });
      expect(again.body.details).toEqual({ ...BARE, retryOf: id });
      expect((await report(again.body, { status: "succeeded" })).status).toBe(200);
    },
  );

  it.each(["triggeredEnded", "triggeredCancelled", "givenUp"])(
    "know by its attempts that a run had a trigger, and refuse to create it without: %s",
    async (name) => {
      const refused = await retry(recorded(name).id);
      expect(refused).toMatchObject({ status: 409, body: { code: "trigger_not_kept" } });
    },
  );

  it("send the webhook that the old code had sealed", async () => {
    const { id } = recorded("undelivered");
    await runDurableObjectAlarm(coordinatorOf(PATH, id));
    const story = async () => (await eventsOf(`${PATH}/${id}`)).body;
    await until(async () => (await story()).length >= 5);
    expect((await story()).slice(3)).toMatchObject([
      { type: "attempt_started", attempt: 2 },
      { type: "attempt_answered", attempt: 2, outcome: "retry", status: 503 },
    ]);
  });

  it("answer repeated requests as the old code did", async () => {
    const { created, run, id } = recorded("pending");
    const body = {
      actionName: "deploy",
      parameters: { version: "1.4.2" },
      timeout: 1440,
      entityId: run.entityId,
    };
    const keyed = { headers: { "Idempotency-Key": "deploy 4711" } };
    const again = await ask("POST", PATH, { body, ...keyed });
    expect([again.status, again.body, again.headers.get("Idempotent-Replayed")]).toEqual([
      201,
      created,
      "true",
    ]);
    const other = await ask("POST", PATH, { body: { ...body, labels: ["a"] }, ...keyed });
    expect(other).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
    const ended = recorded("succeeded");
    const said = { status: "succeeded", output: { url: "https://shop.example.com" } };
    const repeated = await report(ended.created, said, { headers: { "Idempotency-Key": "report 1" } });
    expect(repeated).toMatchObject({ status: 200, body: ended.run });
    expect(repeated.headers.get("Idempotent-Replayed")).toBe("true");
    expect((await ask("GET", `${PATH}/${id}`)).status).toBe(200);
  });
});
