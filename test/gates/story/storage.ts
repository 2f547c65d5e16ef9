/** What the journal does: its writes begin and cease to fail, it is read, and its runs are replicated. */

import { replicatedIn } from "../../support/replicated.ts";
import type { Awake } from "../stage.ts";
import { type Acts, actor, DETAILED, type Scene, SECOND_MS, short } from "./scene.ts";
import { ring } from "./time.ts";

const TABLES = ["runs", "events", "dispatches", "stop_requests", "metadata"];

export const STORAGE = {
  fail: [2, failWrites],
  heal: [3, healWrites],
  read: [4, read],
  replicate: [4, replicate],
} as const satisfies Acts;

/** Writes of all tables fail now and then, or nearly all of one table. */
async function failWrites(scene: Scene, awake: Awake): Promise<undefined> {
  const { random, stage } = scene;
  if (random.isOneIn(2)) await replicate(scene, awake);
  const table = random.of(["", "", ...TABLES]);
  const oneIn = random.of(table === "" ? [3, 8, 8] : [1, 2]);
  stage.failing = new RegExp(`^\\s*(INSERT INTO|UPDATE|DELETE FROM)\\s+${table}`);
  stage.failsOneIn = oneIn;
  scene.tell(`one write of ${oneIn} ${table} fails`);
}

async function healWrites(scene: Scene): Promise<undefined> {
  if (scene.stage.failsOneIn === Number.POSITIVE_INFINITY) return;
  scene.tell("writes work again");
  scene.stage.failsOneIn = Number.POSITIVE_INFINITY;
}

/** Then the alarm removes the instant of the retry, and the next version must write it. */
async function replicate(scene: Scene, awake: Awake): Promise<"rung" | undefined> {
  scene.tell("all is replicated");
  await replicatedIn(awake.object);
  scene.known.isCalm = false;
  // Later than the pause after a failure.
  scene.stage.pass(6 * SECOND_MS);
  return ring(scene, awake, true);
}

async function read(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(() => true);
  if (row === null) return;
  scene.tell(`read ${short(row.id)}`);
  await awake.object.gates.approval(row.id, actor("a reader"));
  scene.compare(await awake.object.runs.read(row.id, DETAILED), awake);
}
