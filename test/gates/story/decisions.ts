/** Decisions: approvals, rejections, and releases before the time. */

import type { Awake } from "../stage.ts";
import type { Acts } from "./act.ts";
import { actor } from "./cast.ts";
import { DETAILED, type Scene, short } from "./scene.ts";

export const DECISIONS = { approve: [14, approve], reject: [2, reject], release: [3, release] } as const satisfies Acts;

async function approve(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(({ waitingFor }) => waitingFor === "approval") ?? scene.pick(() => true);
  if (row === null) return;
  const by = scene.random.of(scene.approvers);
  scene.tell(`approve ${short(row.id)} by ${by.tokenId}`);
  const call = awake.object.gates.approve(row.id, { by, reason: null }, scene.newKey(), DETAILED);
  scene.compare(await scene.stage.whenAnswered(call), awake);
}

async function reject(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(({ gates }) => gates?.approval != null);
  if (row === null) return;
  scene.tell(`reject ${short(row.id)}`);
  const decision = { by: scene.random.of(scene.approvers), reason: "no" };
  scene.compare(await awake.object.gates.reject(row.id, decision, scene.newKey(), DETAILED), awake);
}

async function release(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(({ waitingFor }) => waitingFor === "time");
  if (row === null) return;
  scene.tell(`release ${short(row.id)}`);
  const { opened } = scene.known;
  opened.add(row.id);
  let isOpened = false;
  try {
    const call = awake.object.gates.release(row.id, actor("boss"), scene.newKey(), DETAILED);
    const reply = await scene.stage.whenAnswered(call);
    isOpened = reply.ok;
    scene.compare(reply, awake);
  } finally {
    if (!isOpened) opened.delete(row.id);
  }
}
