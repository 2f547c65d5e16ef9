/** Revocations of tokens that approve, and what D1 makes of the question whether they were revoked. */

import type { Actor } from "../../../src/runs/run.ts";
import type { Acts } from "./act.ts";
import type { Scene } from "./scene.ts";

export const REVOCATIONS = { revoke: [5, revoke], d1: [5, changeD1] } as const satisfies Acts;

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
