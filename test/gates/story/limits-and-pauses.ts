/** What changes who may be released: new versions of actions with other limits, and pauses. */

import { MINUTE_MS } from "../../support/direct.ts";
import type { Awake } from "../stage.ts";
import { type ActionName, type Acts, FIRST_VERSION, type Scene, SECOND_MS } from "./scene.ts";

export const LIMITS_AND_PAUSES = {
  put: [3, (scene, awake) => setLimit(scene, awake, false)],
  stale: [2, (scene, awake) => setLimit(scene, awake, true)],
  pause: [3, pause],
  resume: [5, resume],
} as const satisfies Acts;

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
  known.pauses.set(group, { reason, until });
  known.forgetPauses(sql);
}

async function resume(scene: Scene, { object, sql }: Awake): Promise<undefined> {
  const { known } = scene;
  const group = scene.random.maybe([...known.pauses.keys()]);
  if (group === null) return;
  scene.tell(`resume ${group || "all"}`);
  await object.gates.resume(group);
  known.pauses.delete(group);
  known.forgetPauses(sql);
}
