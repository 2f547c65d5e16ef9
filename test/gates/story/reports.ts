/** What is heard of a run and of its attempts, and what ends it: reports, heartbeats, cancels, receivers' answers. */

import type { RunEvent } from "../../../src/runs/transition.ts";
import { MINUTE_MS } from "../../support/direct.ts";
import { GRACE_MS } from "../invariants/attempts.ts";
import { fail } from "../invariants/known.ts";
import type { Awake, UnderWay } from "../stage.ts";
import { type Acts, DETAILED, type Scene, SECOND_MS, short } from "./scene.ts";

export const REPORTS = {
  report: [12, report],
  heartbeat: [6, heartbeat],
  late: [3, reportLate],
  cancel: [4, cancel],
  remove: [3, remove],
  answer: [16, async (scene) => answer(scene, scene.stage.underWay)],
  answerLate: [4, async (scene) => answer(scene, scene.stage.underWay.slice(0, 2))],
} as const satisfies Acts;

async function report(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(({ waitingFor }) => waitingFor === null) ?? scene.pick(() => true);
  if (row === null) return;
  const event: RunEvent = scene.random.of([
    { type: "succeeded", output: null },
    { type: "failed", error: "exit 1", output: null },
    { type: "started" },
  ]);
  scene.tell(`report ${event.type} of ${short(row.id)}`);
  scene.compare(await awake.object.runs.applyEvent(row.id, event, scene.newKey()), awake);
}

/** A job reports its end after its run was cancelled. */
async function reportLate(scene: Scene, { object }: Awake): Promise<undefined> {
  const { graces } = scene.known;
  const id = scene.random.maybe([...graces.keys()]);
  if (id === null) return;
  scene.tell(`late report of ${short(id)}`);
  scene.asked = id;
  const reply = await object.runs.applyEvent(id, { type: "succeeded", output: null }, scene.newKey());
  if (reply.ok) fail(`a report of ${id} is accepted after its end`);
  graces.delete(id);
}

async function heartbeat(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(() => true);
  if (row === null) return;
  scene.tell(`heartbeat of ${short(row.id)}`);
  scene.compare(await awake.object.runs.heartbeat(row.id, {}), awake);
}

async function cancel(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(() => true);
  if (row === null) return;
  const graceMs = scene.random.of([0, 5 * SECOND_MS, MINUTE_MS]);
  scene.tell(`cancel ${short(row.id)} with ${graceMs} ms`);
  const request = { type: "cancel_requested", by: "ann", reason: null, graceMs } as const;
  scene.known.cancelling = { id: row.id, graceMs };
  scene.compare(await awake.object.runs.cancel(row.id, request, scene.newKey(), DETAILED), awake);
}

async function remove(scene: Scene, awake: Awake): Promise<undefined> {
  const row = scene.pick(() => true);
  if (row === null) return;
  const mayWrite = !scene.random.isOneIn(4);
  scene.known.cancelling = { id: row.id, graceMs: GRACE_MS };
  scene.tell(`delete ${short(row.id)}`);
  const reply = await awake.object.runs.applyEvent(row.id, { type: "cancelled" }, scene.newKey(), { mayWrite });
  if (reply.ok && !mayWrite && row.gates !== null) fail(`a viewer deleted ${row.id}`);
  scene.compare(reply, awake);
}

/** The receiver answers one of the attempts. */
function answer(scene: Scene, attempts: readonly UnderWay[]): undefined {
  const attempt = scene.random.maybe(attempts);
  if (attempt === null) return;
  const status = scene.random.of([200, 200, 200, 202, 500, 503, 404, 409, null]);
  scene.tell(`answer ${status} to attempt ${attempt.attempt} of ${short(attempt.runId)}`);
  scene.answered = [attempt];
  attempt.answer(status);
}
