/** What the clock and the alarm do: time passes, the clock steps back, and the platform drops an alarm. */

import { HOUR_MS, MINUTE_MS } from "../../support/direct.ts";
import type { Awake } from "../stage.ts";
import { type Acts, type Scene, SECOND_MS } from "./scene.ts";

export const TIME = {
  pass: [14, pass],
  ring: [5, ring],
  drop: [1, dropAlarm],
  poke: [2, poke],
  back: [1, stepBack],
} as const satisfies Acts;

const PASSAGES_MS = [1, 100, SECOND_MS, SECOND_MS, 5 * SECOND_MS, 10 * SECOND_MS, 30 * SECOND_MS, MINUTE_MS];

async function pass(scene: Scene, awake: Awake): Promise<"rung" | undefined> {
  const ms = scene.random.of(PASSAGES_MS);
  scene.known.isCalm = false;
  scene.stage.pass(ms);
  scene.tell(`${ms} ms pass`);
  return scene.random.isOneIn(5) ? undefined : ring(scene, awake);
}

/** Also an alarm that was dropped, because the sweep comes first. */
export async function ring(scene: Scene, awake: Awake, isEarly = false): Promise<"rung" | undefined> {
  const { stage, known } = scene;
  if (scene.isDropped) {
    await awake.object.upkeep.poke();
    scene.isDropped = false;
  }
  scene.tell("ring");
  const { rings } = stage;
  const isWhole = await stage.ring(awake, isEarly);
  // After the clock stepped back, the alarm is as far ahead as it was set.
  if (stage.rings > rings) scene.isBack = false;
  if (scene.isBack) return;
  known.forgetPauses(awake.sql);
  known.isArmed = true;
  return isWhole ? "rung" : undefined;
}

async function dropAlarm(scene: Scene, { storage }: Awake): Promise<undefined> {
  const { known } = scene;
  scene.tell("the alarm is dropped");
  scene.isDropped = true;
  known.isArmed = false;
  known.isCalm = false;
  await storage.deleteAlarm();
}

async function poke(scene: Scene, { object }: Awake): Promise<undefined> {
  scene.tell("poke");
  await object.upkeep.poke();
  scene.isDropped = false;
  scene.known.isArmed = !scene.isBack;
}

async function stepBack(scene: Scene): Promise<undefined> {
  const { known } = scene;
  const ms = scene.random.of([10, SECOND_MS, 20 * SECOND_MS, HOUR_MS]);
  scene.tell(`the clock steps back by ${ms} ms`);
  known.isCalm = false;
  known.isArmed = false;
  scene.isBack = true;
  scene.stage.pass(-ms);
}
