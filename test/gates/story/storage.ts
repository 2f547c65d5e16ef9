/** What the journal does: its writes begin and cease to fail, and it is read. */

import type { Awake } from "../stage.ts";
import type { Acts } from "./act.ts";
import { actor } from "./cast.ts";
import { DETAILED, type Scene, short } from "./scene.ts";

export const STORAGE = {
  fail: [2, failWrites],
  heal: [3, healWrites],
  read: [4, read],
} as const satisfies Acts;

async function failWrites(scene: Scene): Promise<undefined> {
  const oneIn = scene.random.of([3, 8, 8]);
  scene.stage.failsOneIn = oneIn;
  scene.tell(`one write of ${oneIn} fails`);
}

async function healWrites(scene: Scene): Promise<undefined> {
  if (scene.stage.failsOneIn === Number.POSITIVE_INFINITY) return;
  scene.tell("writes work again");
  scene.stage.failsOneIn = Number.POSITIVE_INFINITY;
}

async function read(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(() => true);
  if (row === null) return;
  scene.tell(`read ${short(row.id)}`);
  await awake.object.approval(row.id, actor("a reader"));
  scene.compare(await awake.object.read(row.id, DETAILED), awake);
}
