/** Decisions: approvals, rejections, releases before the time, and revocations of what decides. */

import type { Actor } from "../../../src/runs/run.ts";

import type { Awake } from "../stage.ts";
import { type Acts, actor, DETAILED, type Scene, short } from "./scene.ts";

export const DECISIONS = { approve: [14, approve], reject: [2, reject], release: [3, release] } as const satisfies Acts;

/** Revocations of tokens that approve, and what D1 makes of the question whether they were revoked. */
export const REVOCATIONS = { revoke: [5, revoke], d1: [5, changeD1] } as const satisfies Acts;

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

/** Somebody else comes for each approver who has lost their token. */
async function revoke(scene: Scene): Promise<undefined> {
  const { tokenId } = scene.random.of(scene.approvers);
  scene.tell(`revoke ${tokenId}`);
  scene.stage.revoked.add(tokenId);
  const rename = (id: string) => (id === tokenId ? `${id}.${scene.steps}` : id);
  const next = ({ tokenId: id, parents, ...rest }: Actor): Actor => ({
    ...rest,
    tokenId: parents.includes(tokenId) ? `${id}.${scene.steps}` : rename(id),
    parents: parents.map(rename),
  });
  scene.approvers = scene.approvers.map(next);
}

async function changeD1(scene: Scene): Promise<undefined> {
  const { stage, random } = scene;
  stage.d1 = random.of(["up", "up", "up", "down", "held", "held"] as const);
  scene.tell(`D1 is ${stage.d1}`);
  if (stage.d1 !== "held") stage.answerQuestions();
}
