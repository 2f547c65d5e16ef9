/** The steps that a random story is made of: each asks the service and the model, and compares. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type fc from "fast-check";
import { expect, vi } from "vitest";
import { type Fault, faults, resetFaults } from "../support/faults.ts";
import { type ActionRun, type Answer, ask, type CreatedRun, coordinatorOf } from "../support/requests.ts";
import { type Expected, type Model, ModelRun, type NewRunBody, type ReportBody } from "./model.ts";

/** Within this the rows must be in D1 by themselves once it is back. */
const REPAIRED_MS = 15_000;

type Told = Answer<ActionRun & { readonly code?: string }>;
interface Command extends fc.AsyncCommand<Model, null> {}

const headersOf = (key: string | null) => (key === null ? {} : { "Idempotency-Key": key });

function expectAnswer(answer: Told, expected: Expected): void {
  const replayed = answer.headers.get("Idempotent-Replayed") === "true";
  const told = { status: answer.status, code: answer.body.code, run: answer.body, replayed };
  expect(told).toEqual({ ...expected, code: expected.code, run: expected.run ?? answer.body });
}

/** Notes what lets the caller read its own write; a change that D1 could not take says so. */
function noteBookmark(run: ModelRun, bookmark: string | null, expected: Expected): void {
  if (expected.status >= 300) return;
  if (!expected.replayed && faults.writes !== null) expect(bookmark).toBe("coordinator");
  expect(bookmark).not.toBeNull();
  run.bookmark = bookmark;
}

async function expectReads(model: Model): Promise<void> {
  const reads = model.runs.map(async (run) => {
    const url = `${model.path}/${run.id}`;
    const sent = run.bookmark === null ? {} : { headers: { "x-d1-bookmark": run.bookmark } };
    const [stale, got] = await Promise.all([ask("GET", url), ask("GET", url, sent)]);
    const now = run.at(Date.now());
    expect({ status: got.status, body: got.body }).toEqual({ status: 200, body: now });
    expect({ status: stale.status, seen: run.hasBeen(stale.body) }).toEqual({ status: 200, seen: true });
    // Without D1 there is nothing stale to read.
    if (faults.reads !== null) expect(stale.body).toEqual(now);
  });
  await Promise.all(reads);
}

export function create(key: string | null, body: NewRunBody): Command {
  return {
    check: () => true,
    async run(model) {
      const now = Date.now();
      const expected = model.create(key, body, now);
      const answer = await ask<CreatedRun & { code?: string }>("POST", model.path, {
        body,
        headers: headersOf(key),
      });
      const bookmark = answer.headers.get("x-d1-bookmark");
      if (expected !== null) {
        const { callback, ...run } = answer.body;
        expectAnswer({ ...answer, body: run }, { ...expected, of: undefined } as Expected);
        if (answer.status === 201) expect(callback).toEqual(expected.of.created.callback);
        noteBookmark(expected.of, bookmark, expected);
      } else {
        const { id, callback } = answer.body;
        const createdAt = new Date(now).toISOString();
        const expiresAt = new Date(now + body.timeout * 60_000).toISOString();
        const none = { entityId: null, startedAt: null, completedAt: null, error: null, output: null };
        const empty = { parameters: {}, recommendations: {}, triggeredBy: "root", status: "pending" };
        expect({ status: answer.status, body: answer.body }).toEqual({
          status: 201,
          body: {
            ...none,
            ...empty,
            actionName: body.actionName,
            id,
            createdAt,
            callback: { ...callback, expiresAt },
          },
        });
        expect(model.runs.map((run) => run.id)).not.toContain(id);
        const run = new ModelRun(answer.body, body);
        model.add(run, key);
        noteBookmark(run, bookmark, { status: 201, replayed: false });
      }
      await expectReads(model);
    },
    toString: () => `create(${key}, ${JSON.stringify(body)})`,
  };
}

/** A command on one of the runs there are. */
function onRun(name: string, nth: number, go: (run: ModelRun, model: Model) => Promise<void>): Command {
  return {
    check: (model) => model.runs.length > 0,
    async run(model) {
      const run = model.runs[nth % model.runs.length];
      if (run !== undefined) await go(run, model);
      await expectReads(model);
    },
    toString: () => `${name} #${nth}`,
  };
}

async function sendReport(run: ModelRun, body: ReportBody, key: string | null): Promise<void> {
  const expected = run.report(body, key, Date.now());
  const { url, token } = run.created.callback;
  const answer: Told = await ask("POST", url, { body, token, headers: headersOf(key) });
  expectAnswer(answer, expected);
  noteBookmark(run, answer.headers.get("x-d1-bookmark"), expected);
  run.lastReport = { body, key };
}

export const callback = (nth: number, body: ReportBody, key: string | null) =>
  onRun(`callback(${JSON.stringify(body)}, ${key})`, nth, (run) => sendReport(run, body, key));

export const callbackAgain = (nth: number) =>
  onRun("callback again", nth, async (run) => {
    if (run.lastReport !== null) await sendReport(run, run.lastReport.body, run.lastReport.key);
  });

export const cancel = (nth: number, key: string | null) =>
  onRun(`cancel(${key})`, nth, async (run, model) => {
    const expected = run.cancel(key, Date.now());
    const answer: Told = await ask("DELETE", `${model.path}/${run.id}`, { headers: headersOf(key) });
    expectAnswer(answer, expected);
    noteBookmark(run, answer.headers.get("x-d1-bookmark"), expected);
  });

export const start = (nth: number, key: string) =>
  onRun(`start(${key})`, nth, async (run, model) => {
    const expected = run.start(key, Date.now());
    const coordinator = coordinatorOf(model.path, run.id);
    const answer = await coordinator.change(
      run.id,
      { type: "started" },
      { key: `m:${key}`, fingerprint: "" },
    );
    if (answer.ok) {
      expect({ run: JSON.parse(answer.actionRun), replayed: answer.replayed, status: 200 }).toEqual(expected);
      noteBookmark(run, answer.bookmark, expected);
    } else {
      expect({ status: 409, code: answer.reason, replayed: false }).toEqual(expected);
    }
  });

export const ringAlarm = (nth: number) =>
  onRun("alarm", nth, async (run, model) => {
    await runDurableObjectAlarm(coordinatorOf(model.path, run.id));
  });

export const evict = (nth: number) =>
  onRun("evict", nth, async (run, model) => {
    const coordinator = coordinatorOf(model.path, run.id);
    // Only an object that is awake can be evicted; this wakes it and does nothing else.
    await coordinator.read("no run");
    await evictDurableObject(coordinator);
  });

/** Nothing is read afterwards, so that whatever comes next is the first to notice a passed deadline. */
export const pass = (ms: number): Command => ({
  check: () => true,
  async run() {
    vi.setSystemTime(Date.now() + ms);
  },
  toString: () => `pass(${ms} ms)`,
});

export const fault = (writes: Fault | null, reads: Fault | null): Command => ({
  check: () => true,
  async run(model) {
    Object.assign(faults, { writes, reads });
    await expectReads(model);
  },
  toString: () => `D1(writes: ${writes}, reads: ${reads})`,
});

export const list: Command = {
  check: () => true,
  async run(model) {
    const answer = await ask<ActionRun[] & { readonly code?: string }>("GET", model.path);
    if (faults.reads !== null) {
      expect({ status: answer.status, code: answer.body.code }).toEqual({
        status: 503,
        code: "database_unavailable",
      });
      return;
    }
    const ids = answer.body.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort().reverse());
    for (const listed of answer.body) {
      const run = model.runs.find(({ id }) => id === listed.id);
      run?.at(Date.now());
      expect(run?.hasBeen(listed)).toBe(true);
    }
  },
  toString: () => "list",
};

/** D1 is back: within 15 s, and by alarms that were set and are due, everything is in it as it was told. */
export const settle: Command = {
  check: () => true,
  async run(model) {
    resetFaults();
    vi.setSystemTime(Date.now() + REPAIRED_MS);
    const now = Date.now();
    const owners = new Map(model.runs.map(({ id }) => [id.slice(15, 18), coordinatorOf(model.path, id)]));
    for (const owner of owners.values()) {
      const at = await runInDurableObject(owner, (_, state) => state.storage.getAlarm());
      if (at !== null && at <= now) await runDurableObjectAlarm(owner);
    }
    const told = model.newestFirst(now);
    const versions = Object.fromEntries(model.runs.map(({ id, version }) => [id, version]));
    await vi.waitFor(async () => expect(await landedVersions(model)).toEqual(versions), {
      timeout: 3000,
      interval: 5,
    });
    expect((await ask("GET", `${model.path}?limit=200`)).body).toEqual(told);
    const isOver = ({ status }: ActionRun) => status === "failed" || status === "cancelled";
    const over = await ask("GET", `${model.path}?limit=200&status=failed&status=cancelled`);
    expect(over.body).toEqual(told.filter(isOver));
    for (const run of told) expect((await ask("GET", `${model.path}/${run.id}`)).body).toEqual(run);
  },
  toString: () => "settle",
};

async function landedVersions(model: Model): Promise<Record<string, number>> {
  const rows = await env.DB.prepare(
    "SELECT id, version FROM runs WHERE id IN (SELECT value FROM json_each(?))",
  )
    .bind(JSON.stringify(model.runs.map(({ id }) => id)))
    .all<{ id: string; version: number }>();
  return Object.fromEntries(rows.results.map(({ id, version }) => [id, version]));
}
