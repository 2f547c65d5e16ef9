/** The steps that a random story is made of: each asks the service and the model, and compares. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type fc from "fast-check";
import { expect, vi } from "vitest";
import { direct } from "../support/direct.ts";
import { type Fault, faults, resetFaults } from "../support/faults.ts";
import {
  type ActionRun,
  type Answer,
  ask,
  type Beaten,
  type CreatedRun,
  coordinatorOf,
  scopeOfPath,
} from "../support/requests.ts";
import { behindIn, Caller, type Keeps, newCallers, type Sent } from "./caller.ts";
import { type Filters, listAs, type Page, summarizeAs } from "./lists.ts";
import {
  type Expected,
  type Inputs,
  type Model,
  ModelRun,
  type NewRunBody,
  plain,
  type Recalled,
  type ReportBody,
  type RetryBody,
  type StopBody,
} from "./model.ts";
import { type HeldWrites, losingAnswers, withOldBookmarks, withSameRandom } from "./platform.ts";

/** Within this the rows must be in D1 by themselves once it is back. */
const REPAIRED_MS = 15_000;
/** The dates move in such steps, and each may take a while, in which hurried deadlines come. */
const STEP_MS = 5000;
const STEP_MAX_MS = 80;

type Told = Answer<ActionRun & { readonly code?: string }>;

/** What a story has beside the model. */
export interface Real {
  readonly callers: Readonly<Record<Keeps, Caller>>;
  readonly held: HeldWrites;
}

export interface Command extends fc.AsyncCommand<Model, Real> {}

export function newReal(held: HeldWrites): Real {
  return { callers: newCallers(), held };
}

const headersOf = (key: string | null, sent: Sent) => ({
  ...sent.headers,
  ...(key === null ? {} : { "Idempotency-Key": key }),
});

function expectAnswer(answer: Told, expected: Expected, isDetailed = false): void {
  const replayed = answer.headers.get("Idempotent-Replayed") === "true";
  const told = { status: answer.status, code: answer.body.code, run: answer.body, replayed };
  const run = expected.run && (isDetailed ? expected.run : plain(expected.run));
  expect(told).toEqual({ ...expected, code: expected.code, run: run ?? answer.body });
}

const suffixOf = (isDetailed: boolean) => (isDetailed ? "?include=details" : "");

interface Noted {
  readonly sent: Sent;
  /** The bookmark of the answer. */
  readonly text: string | null;
  readonly status: number;
  /** Whether the answer tells of a version that was just made. */
  readonly isNew: boolean;
}

/** The caller keeps the bookmark of an answer about a run, and the isolate remembers that it asked for a change. */
function noteChange(model: Model, caller: Caller, run: ModelRun, { sent, text, status, isNew }: Noted): void {
  const isAbout = status < 300 || status === 409;
  if (!isAbout) return;
  expect(text).not.toBeNull();
  // D1 can't have what it refuses to take.
  if (isNew && faults.writes === "down") expect(behindIn(text)).toContain(run.coordinator);
  model.changed(run, Date.now());
  caller.answered(sent, text, new Map([[run, run.version]]));
}

/** Gets of every run, by somebody who keeps no bookmark: exact, whatever D1 does. Every other one is detailed. */
async function expectGets(model: Model): Promise<void> {
  const isOdd = model.reads++ % 2;
  const gets = model.runs.map(async (run, i) => expectGet(model, run, {}, i % 2 === isOdd));
  await Promise.all(gets);
}

async function expectGet(
  model: Model,
  run: ModelRun,
  headers: Record<string, string>,
  isDetailed: boolean,
): Promise<string | null> {
  const got = await ask("GET", `${model.path}/${run.id}${suffixOf(isDetailed)}`, { headers });
  const expected = run.at(Date.now());
  const body = isDetailed ? expected : plain(expected);
  expect({ status: got.status, body: got.body }).toEqual({ status: 200, body });
  return got.headers.get("x-d1-bookmark");
}

interface NewRun {
  readonly key: string | null;
  /** All that makes a repetition the same request. */
  readonly asked: string;
  /** What must be answered if no new run is made. */
  readonly expected: Expected | Recalled | null;
  readonly inputs: Inputs;
  readonly isDetailed: boolean;
  readonly send: (sent: Sent) => Promise<Answer<CreatedRun & { code?: string }>>;
}

/** Sends a create or a retry. */
async function sendNew(model: Model, caller: Caller, wanted: NewRun): Promise<void> {
  const { key, asked, expected, inputs, isDetailed, send } = wanted;
  const now = Date.now();
  const sent = caller.toChange();
  const answer = await send(sent);
  const text = answer.headers.get("x-d1-bookmark");
  const { callback, ...told } = answer.body;
  if (expected !== null && "of" in expected) {
    const { of, ...rest } = expected;
    expectAnswer({ ...answer, body: told }, rest, isDetailed);
    if (answer.status === 201) expect(callback).toEqual(of.created.callback);
    return noteChange(model, caller, of, { sent, text, status: answer.status, isNew: false });
  }
  if (expected !== null) return expectAnswer({ ...answer, body: told }, expected, isDetailed);
  const { id } = told;
  const none = { entityId: null, startedAt: null, completedAt: null, error: null, output: null };
  const createdAt = new Date(now).toISOString();
  const { actionName, parameters, timeout } = inputs;
  const run = new ModelRun(
    {
      ...{ id, actionName, entityId: null, status: "pending", parameters, recommendations: {} },
      ...{ triggeredBy: "root", createdAt, ...none },
      callback: { ...callback, expiresAt: new Date(now + timeout * 60_000).toISOString() },
    },
    inputs,
  );
  expectAnswer({ ...answer, body: told }, { status: 201, run: run.at(now), replayed: false }, isDetailed);
  expect(callback).toEqual(run.created.callback);
  expect(model.runs.map((other) => other.id)).not.toContain(id);
  model.add(run, key, asked);
  noteChange(model, caller, run, { sent, text, status: 201, isNew: true });
}

export interface Who {
  readonly by: Keeps;
  readonly key: string | null;
  /** Whether the caller asks for details. */
  readonly isDetailed: boolean;
}

const tell = (what: string, { by, key, isDetailed }: Who, ...more: unknown[]) =>
  `${what}${isDetailed ? " with details" : ""} by ${by}(${[key, ...more.map((one) => JSON.stringify(one))].join(", ")})`;

/** `isSameRandom`: the new id wants the place of another. */
export function create(who: Who, body: NewRunBody, isSameRandom: boolean): Command {
  const { by, key, isDetailed } = who;
  return {
    check: () => true,
    async run(model, { callers }) {
      const { actionName, timeout } = body;
      const labels = [...new Set(body.labels)].sort();
      const inputs: Inputs = { actionName, timeout, labels, parameters: {}, retryOf: null };
      const asked = `create ${JSON.stringify(inputs)}`;
      const send = (sent: Sent) => {
        const go = () =>
          ask<CreatedRun & { code?: string }>("POST", `${model.path}${suffixOf(isDetailed)}`, {
            body,
            headers: headersOf(key, sent),
          });
        return isSameRandom ? withSameRandom(go) : go();
      };
      const expected = model.recall(key, asked, Date.now());
      await sendNew(model, callers[by], { key, asked, expected, inputs, isDetailed, send });
      await expectGets(model);
    },
    toString: () => `${tell("create", who, body)}${isSameRandom ? ", same random" : ""}`,
  };
}

/** The parameters of the retry, if it has any, replace those of the run. */
export const retry = (who: Who, nth: number, body: RetryBody) =>
  onRun(tell("retry", who, body), nth, async (run, model, { callers }) => {
    const { by, key, isDetailed } = who;
    const now = Date.now();
    const inputs: Inputs = { ...run.inputs, ...body, retryOf: run.id };
    const asked = `retry ${run.id} ${JSON.stringify(body)}`;
    const open: Expected | null = run.isOpenAt(now)
      ? { status: 409, code: "run_open", replayed: false }
      : null;
    const expected = model.recall(key, asked, now) ?? open;
    const send = (sent: Sent) =>
      ask<CreatedRun & { code?: string }>("POST", `${model.path}/${run.id}/retry${suffixOf(isDetailed)}`, {
        body,
        headers: headersOf(key, sent),
      });
    await sendNew(model, callers[by], { key, asked, expected, inputs, isDetailed, send });
  });

/** A command on one of the runs there are. */
function onRun(
  name: string,
  nth: number,
  go: (run: ModelRun, model: Model, real: Real) => Promise<void>,
): Command {
  return {
    check: (model) => model.runs.length > 0,
    async run(model, real) {
      const run = model.runs[nth % model.runs.length];
      if (run !== undefined) await go(run, model, real);
      await expectGets(model);
    },
    toString: () => `${name} #${nth}`,
  };
}

/** Sends a change. If its answer is lost, it was made all the same, and the isolate knows that it may have been. */
async function sendChange(
  model: Model,
  caller: Caller,
  run: ModelRun,
  {
    before,
    expected,
    isLost,
    isDetailed = false,
    send,
  }: {
    /** The version before the change. */
    readonly before: number;
    readonly expected: Expected;
    readonly isLost: boolean;
    readonly isDetailed?: boolean;
    readonly send: (sent: Sent) => Promise<Told>;
  },
): Promise<void> {
  const sent = caller.toChange();
  const answer = await (isLost ? losingAnswers(() => send(sent)) : send(sent));
  if (isLost && answer.status === 503) {
    expect(answer.body.code).toBe("coordinator_unavailable");
    model.changed(run, Date.now());
    // Whoever sends no bookmark sees the change all the same.
    await listAs(new Caller("none"), model, { limit: 200 });
    return;
  }
  expectAnswer(answer, expected, isDetailed);
  const text = answer.headers.get("x-d1-bookmark");
  const isNew = answer.status < 300 && run.version > before;
  noteChange(model, caller, run, { sent, text, status: answer.status, isNew });
}

async function sendReport(
  model: Model,
  caller: Caller,
  run: ModelRun,
  { body, key, isLost }: { readonly body: ReportBody; readonly key: string | null; readonly isLost: boolean },
): Promise<void> {
  const before = run.version;
  const expected = run.report(body, key, Date.now());
  const { url, token } = run.created.callback;
  const send = (sent: Sent): Promise<Told> =>
    ask("POST", url, { body, token, headers: headersOf(key, sent) });
  await sendChange(model, caller, run, { before, expected, isLost, send });
  run.lastReport = { body, key };
}

export const callback = (by: Keeps, nth: number, body: ReportBody, key: string | null, isLost: boolean) =>
  onRun(
    `callback by ${by}(${JSON.stringify(body)}, ${key}${isLost ? ", lost" : ""})`,
    nth,
    (run, model, { callers }) => sendReport(model, callers[by], run, { body, key, isLost }),
  );

export const callbackAgain = (by: Keeps, nth: number) =>
  onRun(`callback again by ${by}`, nth, async (run, model, { callers }) => {
    if (run.lastReport !== null)
      await sendReport(model, callers[by], run, { ...run.lastReport, isLost: false });
  });

export const cancel = (by: Keeps, nth: number, key: string | null, isLost: boolean) =>
  onRun(`cancel by ${by}(${key}${isLost ? ", lost" : ""})`, nth, async (run, model, { callers }) => {
    const before = run.version;
    const expected = run.cancel(key, Date.now());
    const send = (sent: Sent): Promise<Told> =>
      ask("DELETE", `${model.path}/${run.id}`, { headers: headersOf(key, sent) });
    await sendChange(model, callers[by], run, { before, expected, isLost, send });
  });

async function sendStop(
  model: Model,
  run: ModelRun,
  body: StopBody,
  { who, caller, isLost }: { readonly who: Who; readonly caller: Caller; readonly isLost: boolean },
): Promise<void> {
  const { key, isDetailed } = who;
  const before = run.version;
  const expected = run.stop(body, key, Date.now());
  const url = `${model.path}/${run.id}/cancel${suffixOf(isDetailed)}`;
  const send = (sent: Sent): Promise<Told> => ask("POST", url, { body, headers: headersOf(key, sent) });
  await sendChange(model, caller, run, { before, expected, isLost, isDetailed, send });
  if (expected.status < 300) run.firstStop ??= { body, key };
}

/** A cancel that gives a running job some time. */
export const stop = (who: Who, nth: number, body: StopBody, isLost: boolean) =>
  onRun(`${tell("stop", who, body)}${isLost ? ", lost" : ""}`, nth, (run, model, { callers }) =>
    sendStop(model, run, body, { who, caller: callers[who.by], isLost }),
  );

/** Whatever came in between, the first request to stop is known. */
export const stopAgain = (who: Who, nth: number) =>
  onRun(tell("stop again", who), nth, async (run, model, { callers }) => {
    if (run.firstStop === null) return;
    const { body, key } = run.firstStop;
    await sendStop(model, run, body, { who: { ...who, key }, caller: callers[who.by], isLost: false });
  });

/** A running job is asked twice. Of two requests, the one counts that ends the run sooner. */
export const stopTwice = (who: Who, nth: number, bodies: readonly [StopBody, StopBody]) =>
  onRun(tell("stop twice", who, ...bodies), nth, async (run, model, { callers }) => {
    await sendBeat(model, run);
    const [first, second] = bodies;
    const caller = callers[who.by];
    await sendStop(model, run, first, { who, caller, isLost: false });
    await sendStop(model, run, second, { who: { ...who, key: "twice" }, caller, isLost: false });
    await sendBeat(model, run);
  });

/** The job says that it lives, and hears whether it must stop. It gets no bookmark. */
export const beat = (nth: number) => onRun("heartbeat", nth, (run, model) => sendBeat(model, run));

async function sendBeat(model: Model, run: ModelRun): Promise<void> {
  const expected = run.beat(Date.now());
  const { url, token } = run.created.callback;
  const answer = await ask<Beaten & { readonly code?: string }>(
    "POST",
    url.replace(/callback$/, "heartbeat"),
    {
      token,
      body: {},
    },
  );
  const { status, body } = answer;
  expect({ status, code: body.code, body }).toEqual({ code: undefined, body, ...expected });
  if (status === 200) model.changed(run, Date.now());
}

/** A change that does not come through this isolate. */
export const start = (by: Keeps, nth: number, key: string) =>
  onRun(`start by ${by}(${key})`, nth, async (run, model, { callers }) => {
    const bookmark = await sendStart(model, run, key);
    // What another isolate would make of it for a request that sent no bookmark.
    const seen = new Map([[run, run.version]]);
    if (by === "all") callers.all.answered({ headers: {}, seen: new Map() }, bookmark ?? run.id, seen);
  });

/** Of two flights, that which left first comes back last. A list still gets the bookmark that covers both. */
export const startWithOldBookmark = (nth: number, key: string) =>
  onRun(`start with an old bookmark(${key})`, nth, async (run, model) => {
    const coordinator = coordinatorOf(model.path, run.id);
    const before = await coordinator.settle();
    const after = await withOldBookmarks(async () => {
      await sendStart(model, run, key);
      return coordinator.settle();
    });
    expect((after.bookmark ?? "") >= (before.bookmark ?? "")).toBe(true);
  });

/** Returns the bookmark of D1 in the coordinator's answer. */
async function sendStart(model: Model, run: ModelRun, key: string): Promise<string | null> {
  const expected = run.start(key, Date.now());
  const coordinator = direct(model.path, Number.parseInt(run.coordinator, 16));
  const answer = await coordinator.change(run.id, { type: "started" }, { key: `m:${key}`, fingerprint: "" });
  if (answer.ok) {
    const run = expected.run && plain(expected.run);
    expect({ run: JSON.parse(answer.actionRun), replayed: answer.replayed, status: 200 }).toEqual({
      ...expected,
      run,
    });
  } else {
    expect({ status: 409, code: answer.reason, replayed: false }).toEqual(expected);
  }
  return answer.bookmark ?? null;
}

/** A get with the caller's bookmarks, which the answer's bookmark must carry on. */
export const get = (by: Keeps, nth: number, isDetailed: boolean) =>
  onRun(`get${isDetailed ? " with details" : ""} by ${by}`, nth, async (run, model, { callers }) => {
    const sent = callers[by].toRead();
    const text = await expectGet(model, run, sent.headers, isDetailed);
    expect(text).not.toBeNull();
    callers[by].answered(sent, text, new Map([[run, run.version]]));
  });

export const list = (by: Keeps, filters: Page): Command => ({
  check: () => true,
  run: (model, { callers }) => listAs(callers[by], model, filters),
  toString: () => `list by ${by}(${JSON.stringify(filters)})`,
});

export const summarize = (by: Keeps, filters: Filters): Command => ({
  check: () => true,
  run: (model, { callers }) => summarizeAs(callers[by], model, filters),
  toString: () => `summary by ${by}(${JSON.stringify(filters)})`,
});

/** A coordinator is changed again while a list waits for D1. The next list must show the second change as well. */
export const createDuringList = (body: NewRunBody): Command => ({
  check: () => true,
  async run(model, real) {
    const { none } = real.callers;
    const { readDelayMs } = faults;
    // With the same random numbers both are in one coordinator.
    const createOne = create({ by: "none", key: null, isDetailed: false }, body, true);
    await createOne.run(model, real);
    faults.readDelayMs = 10;
    const listing = listAs(none, model, { limit: 200 });
    await createOne.run(model, real).finally(() => listing);
    faults.readDelayMs = readDelayMs;
    await listAs(none, model, { limit: 200 });
  },
  toString: () => `create(${JSON.stringify(body)}) during a list`,
});

/** A create is refused right after another with its key. It must not make the isolate forget what D1 still lacks. */
export const createThenRefused = (key: string, body: NewRunBody): Command => ({
  check: () => true,
  async run(model, real) {
    const { writeDelayMs } = faults;
    faults.writeDelayMs = Math.max(writeDelayMs, 30);
    const who: Who = { by: "none", key, isDetailed: false };
    await create(who, body, false).run(model, real);
    await create(who, { ...body, timeout: body.timeout + 1 }, false).run(model, real);
    await listAs(real.callers.none, model, { limit: 200 });
    faults.writeDelayMs = writeDelayMs;
  },
  toString: () => `create(${key}, ${JSON.stringify(body)}), and refused`,
});

export const ringAlarm = (nth: number) =>
  onRun("alarm", nth, async (run, model) => {
    await runDurableObjectAlarm(coordinatorOf(model.path, run.id));
  });

export const evict = (nth: number, isAfterAlarm: boolean) =>
  onRun(isAfterAlarm ? "alarm and evict" : "evict", nth, async (run, model, { held }) => {
    const coordinator = coordinatorOf(model.path, run.id);
    // What the alarm notes in the journal is all that the next instance knows.
    if (isAfterAlarm) await runDurableObjectAlarm(coordinator);
    // Only an object that is awake can be evicted; this wakes it and does nothing else.
    await coordinator.read("no run");
    if (!held.isHolding) return evictDurableObject(coordinator);
    // Nothing evicts an object that waits for a write. It can only be killed.
    const killed = runInDurableObject(coordinator, (_, state) => state.abort("killed"));
    await expect(killed).rejects.toThrow("killed");
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
    model.isCalm &&= writes === null;
    Object.assign(faults, { writes, reads });
    await expectGets(model);
  },
  toString: () => `D1(writes: ${writes}, reads: ${reads})`,
});

/** Slow, but not so slow that a list gives up. */
export const slow = (writeDelayMs: number): Command => ({
  check: () => true,
  async run(_, { held }) {
    if (!held.isHolding) Object.assign(faults, { writeDelayMs });
  },
  toString: () => `D1(writes take ${writeDelayMs} ms)`,
});

/** Flights leave and do not arrive. */
export const hold: Command = {
  check: () => true,
  async run(model, { held }) {
    model.isCalm = false;
    held.hold();
  },
  toString: () => "hold flights",
};

/** The flight that has waited longest arrives; with `isAll` each does, and those that follow. */
export const release = (isAll: boolean): Command => ({
  check: () => true,
  async run(model, { held }) {
    if (isAll) held.releaseAll();
    else held.releaseOne();
    await expectGets(model);
  },
  toString: () => (isAll ? "release all flights" : "release a flight"),
});

/** D1 is back: within 15 s, and by alarms that were set and are due, everything is in it as it was told. */
export const settle: Command = {
  check: () => true,
  async run(model, real) {
    real.held.releaseAll();
    resetFaults();
    const versions = () => {
      const told = model.newestFirst(Date.now());
      expect(told).toHaveLength(model.runs.length);
      return Object.fromEntries(model.runs.map(({ id, version }) => [id, version]));
    };
    const haveLanded = async () => {
      expect(await landedVersions(model)).toEqual(versions());
      for (const owner of ownersOf(model)) expect(await owner.settle()).toMatchObject({ isBehind: false });
    };
    for (let ms = 0; ms < REPAIRED_MS; ms += STEP_MS) {
      vi.setSystemTime(Date.now() + STEP_MS);
      await ringWhatIsDue(model);
      const isOver = await vi.waitFor(haveLanded, { timeout: STEP_MAX_MS, interval: 5 }).then(
        () => true,
        () => false,
      );
      if (isOver) break;
    }
    await haveLanded();
    for (const run of model.runs) run.landed = run.version;
    model.isCalm = true;
    const told = model.newestFirst(Date.now());
    expect((await ask("GET", `${model.path}?limit=200`)).body).toEqual(told.map(plain));
    await listAs(real.callers.all, model, { limit: 2, include: "details" });
    await listAs(real.callers.last, model, { limit: 200, status: ["failed", "cancelled"] });
    await listAs(real.callers.none, model, { limit: 200, label: ["b"], include: "details" });
    for (const filters of [{}, { label: ["b", "a"] }]) await summarizeAs(real.callers.last, model, filters);
    expect(await landedLabels(model)).toEqual(
      told.flatMap(({ id, details }) => details.labels.map((label) => ({ id, label }))),
    );
    await expectGets(model);
  },
  toString: () => "settle",
};

function ownersOf(model: Model) {
  const owners = model.runs.map((run) => [run.coordinator, coordinatorOf(model.path, run.id)] as const);
  return new Map(owners).values();
}

async function ringWhatIsDue(model: Model): Promise<void> {
  for (const owner of ownersOf(model)) {
    const at = await runInDurableObject(owner, (_, state) => state.storage.getAlarm());
    if (at !== null && at <= Date.now()) await runDurableObjectAlarm(owner);
  }
}

async function landedVersions(model: Model): Promise<Record<string, number>> {
  const rows = await env.DB.prepare(
    "SELECT id, version FROM runs WHERE id IN (SELECT value FROM json_each(?))",
  )
    .bind(JSON.stringify(model.runs.map(({ id }) => id)))
    .all<{ id: string; version: number }>();
  return Object.fromEntries(rows.results.map(({ id, version }) => [id, version]));
}

/** Of the newest run first. */
async function landedLabels(model: Model): Promise<unknown[]> {
  const rows = await env.DB.prepare(
    "SELECT id, label FROM run_labels WHERE scope = ? ORDER BY id DESC, label",
  )
    .bind(scopeOfPath(model.path))
    .all();
  return rows.results;
}
