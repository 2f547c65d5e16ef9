/** Decisions: approvals, rejections, and releases before the time. */

import type { Awake } from "../stage.ts";
import type { Acts } from "./act.ts";
import { APPROVERS, actor } from "./cast.ts";
import { DETAILED, type Scene, short } from "./scene.ts";

export const DECISIONS = {
  approve: [14, approve],
  reject: [2, reject],
  release: [3, release],
} as const satisfies Acts;

async function approve(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(({ waitingFor }) => waitingFor === "approval") ?? scene.pick(() => true);
  if (row === null) return;
  const by = scene.random.of(APPROVERS);
  scene.tell(`approve ${short(row.id)} by ${by.tokenId}`);
  const reply = await awake.object.approve(row.id, { by, reason: null }, scene.newKey(), DETAILED);
  scene.compare(reply, awake);
}

async function reject(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(({ gates }) => gates?.approval != null);
  if (row === null) return;
  scene.tell(`reject ${short(row.id)}`);
  const decision = { by: scene.random.of(APPROVERS), reason: "no" };
  scene.compare(await awake.object.reject(row.id, decision, scene.newKey(), DETAILED), awake);
}

async function release(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(({ waitingFor }) => waitingFor === "time");
  if (row === null) return;
  scene.tell(`release ${short(row.id)}`);
  const { opened } = scene.known;
  opened.add(row.id);
  let isOpened = false;
  try {
    const reply = await awake.object.release(row.id, actor("boss"), scene.newKey(), DETAILED);
    isOpened = reply.ok;
    scene.compare(reply, awake);
  } finally {
    if (!isOpened) opened.delete(row.id);
  }
}
