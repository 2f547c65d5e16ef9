/** What changes who may be released: new versions of actions with other limits, and pauses. */

import { MINUTE_MS } from "../../support/direct.ts";
import { fail, keyOf } from "../invariants/known.ts";
import { queueNameOf } from "../rows.ts";
import type { Awake } from "../stage.ts";
import { type ActionName, type Acts, actor, DETAILED, FIRST_VERSION, type Scene, SECOND_MS, short } from "./scene.ts";

export const LIMITS_AND_PAUSES = {
  put: [3, (scene, awake) => setLimit(scene, awake, false)],
  stale: [2, (scene, awake) => setLimit(scene, awake, true)],
  pause: [3, pause],
  resume: [5, resume],
} as const satisfies Acts;

/** Pauses that begin later, and runs that are let through. */
export const PLANS = { plan: [5, plan], unplan: [2, unplan], through: [6, letThrough] } as const satisfies Acts;

/** `isStale`: the Worker that calls knows only the version before the newest one. */
async function setLimit(scene: Scene, { object, sql }: Awake, isStale: boolean): Promise<undefined> {
  const { random, known } = scene;
  const name = random.of(Object.keys(scene.actions) as ActionName[]);
  const action = scene.actions[name];
  const version = isStale ? Math.max(action.version - 1, FIRST_VERSION) : action.version + 1;
  const limit = random.of([1, 1, 2, 3, 4]);
  if (!isStale) Object.assign(action, { version, limit });
  // The call may not reach the coordinator.
  const isTold = isStale || random.isOneIn(2);
  scene.tell(`${name} has version ${version} with limit ${limit}, ${isTold ? "told" : "not told"}`);
  if (!isTold || (isStale && version === action.version)) return;
  const { group } = action;
  const isInGroup = known.isInGroup(group, name);
  // If the call fails, nothing has changed.
  await object.gates.setLimit(group, name, version, limit);
  if (isInGroup && known.noteLimit(group, name, version, limit)) known.forgetPauses(sql);
}

async function pause(scene: Scene, { object, sql }: Awake): Promise<undefined> {
  const { random, known } = scene;
  const group = random.of(["prod", "db", ""]);
  const ms = random.of([null, SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS]);
  const at = known.now;
  const until = ms === null ? null : at + ms;
  scene.tell(`pause ${group || "all"} for ${ms} ms`);
  const reason = `the freeze of ${at}`;
  await object.gates.pause({ group, reason, until, by: "ann", via: null, at });
  known.notePause({ group, from: null, reason, until });
  known.forgetPauses(sql);
}

async function resume(scene: Scene, { object, sql }: Awake): Promise<undefined> {
  const { known } = scene;
  const pause = scene.random.maybe([...known.pauses.values()]);
  if (pause === null) return;
  const { group } = pause;
  scene.tell(`resume ${group || "all"}`);
  await object.gates.resume(group);
  known.endPauses(group);
  known.forgetPauses(sql);
}

async function plan(scene: Scene, { object, sql }: Awake): Promise<undefined> {
  const { random, known } = scene;
  const planned = random.isOneIn(3)
    ? random.maybe([...known.pauses.values()].filter(({ from }) => from !== null))
    : null;
  const group = planned?.group ?? random.of(["prod", "db", ""]);
  const from = planned?.from ?? known.now + random.of([1, SECOND_MS, 10 * SECOND_MS, MINUTE_MS]);
  const until = Math.max(from, known.now) + random.of([SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS]);
  scene.tell(`plan a pause of ${group || "all"} in ${from - known.now} ms, until ${until - known.now} ms`);
  const reason = `planned at ${known.now}`;
  await object.gates.pause({ group, from, reason, until, by: "ann", via: null, at: known.now });
  // A planned pause that is over is another one when it is put again, and holds from now on.
  const isOver = planned !== null && planned.until !== null && planned.until <= known.now && from <= known.now;
  known.notePause({ group, from: isOver ? null : from, reason, until });
  known.forgetPauses(sql);
}

async function unplan(scene: Scene, { object, sql }: Awake): Promise<undefined> {
  const { known } = scene;
  const pause = scene.random.maybe([...known.pauses.values()].filter(({ from }) => from !== null));
  if (pause === null) return;
  scene.tell(`remove the pause of ${pause.group || "all"}`);
  await object.gates.resume(pause.group, pause.from);
  known.pauses.delete(keyOf(pause));
  known.forgetPauses(sql);
}

async function letThrough(scene: Scene, awake: Awake): Promise<undefined> {
  const { known, stage } = scene;
  const row = scene.pick(({ waitingFor }) => waitingFor !== null);
  if (row === null) return;
  scene.tell(`let ${short(row.id)} through`);
  const inForce = known.inForce(queueNameOf(row) ?? "");
  const before = known.passed.get(row.id) ?? new Set<number>();
  // The call releases the run at once, and the model looks while it does.
  known.passed.set(row.id, new Set(inForce.map(({ id }) => id)));
  let isPassed = false;
  try {
    const decision = { by: actor("boss"), reason: "the fix" };
    const call = awake.object.gates.releaseThroughPause(row.id, decision, scene.newKey(), DETAILED);
    const reply = await stage.whenAnswered(call);
    isPassed = reply.ok;
    if (!reply.ok && reply.reason === "not_paused" && inForce.length > 0) fail(`${row.id} can't pass a pause`);
    if (reply.ok && inForce.length === 0) fail(`${row.id} has passed no pause`);
    scene.compare(reply, awake);
  } finally {
    if (!isPassed) known.passed.set(row.id, before);
  }
}
