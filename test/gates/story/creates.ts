/** Creates: of runs with every mixture of gates, of runs without any, and repeated ones. */

import type { Gates, NewRun } from "../../../src/runs/run.ts";
import type { RunReply } from "../../../src/runs/run-calls.ts";
import type { NewDispatch } from "../../../src/webhooks/dispatch.ts";
import { HOUR_MS, MINUTE_MS } from "../../support/direct.ts";
import { newRun } from "../../support/rows.ts";
import { fail } from "../invariants/known.ts";
import type { Awake } from "../stage.ts";
import {
  type ActionName,
  type Acts,
  CREATORS,
  DETAILED,
  FIRST_VERSION,
  type Scene,
  SECOND_MS,
  short,
} from "./scene.ts";

export const CREATES = {
  create: [22, create],
  ungated: [3, createUngated],
  again: [2, createAgain],
} as const satisfies Acts;

const OPEN_MAX = 24;

async function create(scene: Scene, awake: Awake): Promise<undefined> {
  const { random, known } = scene;
  if (known.open.length >= OPEN_MAX) return;
  const { now } = known;
  const hasGroup = !random.isOneIn(6);
  const name = random.of(Object.keys(scene.actions) as ActionName[]);
  const action = scene.actions[name];
  const isStale = random.isOneIn(8) && action.version > FIRST_VERSION;
  const version = isStale ? action.version - 1 : action.version;
  const { group, onConflict } = action;
  const limit = isStale ? random.of([1, 2, 3]) : action.limit;
  const queue = { group, key: random.of(action.keys) };
  const required = random.of([0, 0, 0, 1, 2]);
  const inMs = random.of([0, 0, 0, SECOND_MS, 20 * SECOND_MS, MINUTE_MS]);
  const notBefore = inMs === 0 ? null : now + inMs;
  if (!hasGroup && required === 0 && notBefore === null) return;
  const gates: Gates = {
    notBefore,
    approval: required === 0 ? null : { required, allowSelf: random.isOneIn(4) },
    concurrency: hasGroup ? { ...queue, limit, onConflict } : null,
    waitUntil: (notBefore ?? now) + random.of([2 * SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS, HOUR_MS]),
    creator: random.of(CREATORS),
    sealedUnder: null,
  };
  const timeoutMs = random.of([20 * SECOND_MS, MINUTE_MS, 10 * MINUTE_MS]);
  const what = { actionName: name, actionVersion: version, source: "action" } as const;
  const run = await storyRun(scene, { ...what, gates, timeoutMs });
  const text = `${name} v${version} ${JSON.stringify({ ...gates, notBefore: inMs, waitUntil: gates.waitUntil - now })}`;
  scene.tell(`create ${short(run.id)} ${text}`);
  scene.asked = run.id;
  const key = random.isOneIn(3) ? `t:${scene.steps}` : null;
  if (key !== null) scene.keyed.set(key, run);
  const changeKey = { key: key ?? `m:${run.id}`, fingerprint: "" };
  const preview = required === 0 ? {} : { preview: "{}" };
  let reply: RunReply;
  try {
    reply = await awake.object.runs.create(run, changeKey, newDispatch(scene, run), { ...preview, ...DETAILED });
  } finally {
    // The limit can be written although the run is not.
    const isTold = hasGroup && isLimitOnRecord(awake, group, name, version);
    if (isTold && known.noteLimit(group, name, version, limit)) {
      // The next alarm looks at every queue.
      known.isCalm = false;
      known.mustRing = true;
    }
  }
  if (!reply.ok && reply.reason !== "concurrency_limit" && reply.reason !== "id_taken") {
    fail(`a create is refused as ${reply.reason}`);
  }
  scene.compare(reply, awake);
}

function isLimitOnRecord({ sql }: Awake, group: string, name: string, version: number): boolean {
  const found = "SELECT 1 FROM concurrency_limits WHERE concurrency_group = ? AND action_name = ? AND version = ?";
  return [...sql.exec(found, group, name, version)].length > 0;
}

async function createUngated(scene: Scene, { object }: Awake): Promise<undefined> {
  if (scene.known.open.length >= OPEN_MAX) return;
  const run = await storyRun(scene, { gates: null, timeoutMs: MINUTE_MS });
  scene.tell(`create ${short(run.id)} without gates`);
  scene.asked = run.id;
  await object.runs.create(run, { key: `m:${run.id}`, fingerprint: "" }, newDispatch(scene, run));
}

/** The same key makes no second run, whatever gates the action has by now. */
async function createAgain(scene: Scene, { object, sql }: Awake): Promise<undefined> {
  const found = scene.random.maybe([...scene.keyed]);
  if (found === null) return;
  const [key, first] = found;
  const { gates: own } = first;
  const concurrency = { group: "db", key: "", limit: 1, onConflict: "cancel_running" } as const;
  const gates = scene.random.of([own, own && { ...own, concurrency }]);
  const run = { ...first, gates, id: await scene.stage.newId() };
  scene.tell(`create ${short(first.id)} again`);
  const isThere = [...sql.exec("SELECT 1 FROM runs WHERE id = ?", first.id)].length > 0;
  if (!isThere) return;
  scene.asked = first.id;
  const changeKey = { key, fingerprint: "" };
  const reply = await object.runs.create(run, changeKey, newDispatch(scene, run));
  if (!reply.ok || reply.id !== first.id || !reply.replayed) fail(`the key ${key} made a second run`);
}

async function storyRun(
  { stage, random }: Scene,
  rest: Pick<NewRun, "gates" | "timeoutMs"> & Partial<NewRun>,
): Promise<NewRun> {
  const id = await stage.newId();
  const heartbeatTimeoutMs = random.of([null, null, 30 * SECOND_MS]);
  const deadlineAt = (rest.gates?.waitUntil ?? stage.now) + rest.timeoutMs;
  const free = { actionName: "free", triggeredBy: "ann", source: "trigger", heartbeatTimeoutMs, deadlineAt } as const;
  return newRun({ id, createdAt: stage.now, ...free, ...rest });
}

function newDispatch({ random, stoppable }: Scene, { id }: NewRun): NewDispatch {
  const canStop = random.isOneIn(2);
  if (canStop) stoppable.add(id);
  const host = random.of(["a.example", "b.example"]);
  const maxAttempts = random.of([1, 3, null]);
  const request = { host, maxAttempts, initialDelayMs: 1000, sealed: new Uint8Array(8) };
  return {
    ...request,
    startOn: random.of(["accepted", "accepted", "heartbeat"] as const),
    ...(canStop && { stopRequest: request }),
  };
}
