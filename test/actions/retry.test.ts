/** A retry of a run of a stored action goes through the action as it is now. */

import { expect, it } from "vitest";
import { actionMemory } from "../../src/actions/kind.ts";
import { faults } from "../support/faults.ts";
import { type Answer, type Ask, ask, type CreatedRun } from "../support/requests.ts";
import { grantToken, type Refusal } from "../support/tokens.ts";
import { newActionsPath, ORIGIN_A, put, run, runsOf, scopeOf, triggerAt, versionOf } from "./actions.ts";

type ActionOnWire = Omit<CreatedRun, "callback"> &
  Partial<Refusal> & { readonly callback?: unknown; readonly details?: Record<string, unknown> };

/** A run of the action `deploy` that was cancelled before anybody began it. */
async function endedRun(actions: string, body: unknown = {}): Promise<string> {
  const { id } = (await run(`${actions}/deploy`, body)).body;
  expect((await ask("DELETE", `${runsOf(actions)}/${id}`)).body.status).toBe("cancelled");
  return id;
}

function retry(actions: string, id: string, body: unknown = {}, options: Ask = {}): Promise<Answer<ActionOnWire>> {
  return ask("POST", `${runsOf(actions)}/${id}/retry?include=details`, { body, ...options });
}

it("names the action's version of now, and keeps the labels of the run", async () => {
  const actions = newActionsPath();
  await put(`${actions}/deploy`, { labels: ["a"], timeout: 7 });
  const id = await endedRun(actions, { labels: ["mine"], parameters: { version: "1" } });
  const current = await put(`${actions}/deploy`, { labels: ["b"], timeout: 9 });
  const { status, body } = await retry(actions, id);
  expect(status).toBe(201);
  expect(body).toMatchObject({ actionName: "deploy", status: "pending", parameters: { version: "1" } });
  expect(body.details).toMatchObject({
    action: { name: "deploy", version: versionOf(current) },
    retryOf: id,
    labels: ["a", "mine"],
  });
  const { expiresAt } = body.callback as { expiresAt: string };
  expect(Date.parse(expiresAt) - Date.parse(body.createdAt)).toBe(7 * 60_000);
});

it("gives the callback token to the receiver alone if the action has a trigger now", async () => {
  const actions = newActionsPath();
  const member = await grantToken(actions.split("/").slice(0, 3).join("/"), { role: "member" });
  await put(`${actions}/deploy`, {});
  const id = await endedRun(actions);
  await put(`${actions}/deploy`, { trigger: triggerAt(ORIGIN_A, { startOn: "heartbeat" }) });
  const options = { token: member.token, headers: { "Idempotency-Key": "again" } };
  const first = await retry(actions, id, {}, options);
  expect([first.status, "callback" in first.body]).toEqual([201, false]);
  await put(`${actions}/deploy`, {});
  const replay = await retry(actions, id, {}, options);
  expect([replay.body.id, "callback" in replay.body]).toEqual([first.body.id, false]);
});

it("obeys the schema of now, which other parameters can satisfy", async () => {
  const actions = newActionsPath();
  await put(`${actions}/deploy`, {});
  const id = await endedRun(actions);
  await put(`${actions}/deploy`, { parametersSchema: { type: "object", required: ["version"] } });
  expect(await retry(actions, id)).toMatchObject({ status: 422, body: { code: "invalid_parameters" } });
  expect((await retry(actions, id, { parameters: { version: "2" } })).status).toBe(201);
});

it("is answered to a replay while D1 is down and nobody knows the action", async () => {
  const actions = newActionsPath();
  await put(`${actions}/deploy`, {});
  const id = await endedRun(actions);
  const keyed = { headers: { "Idempotency-Key": "again" } };
  const first = await retry(actions, id, {}, keyed);
  faults.reads = "down";
  actionMemory.forget({ scope: scopeOf(actions), name: "deploy" });
  expect((await retry(actions, id)).body.code).toBe("database_unavailable");
  const replay = await retry(actions, id, {}, keyed);
  expect([replay.status, replay.body.id]).toEqual([201, first.body.id]);
});

it("is refused if the action is gone, but a replay gets its run", async () => {
  const actions = newActionsPath();
  await put(`${actions}/deploy`, {});
  const id = await endedRun(actions);
  const keyed = { headers: { "Idempotency-Key": "again" } };
  const first = await retry(actions, id, {}, keyed);
  expect((await ask("DELETE", `${actions}/deploy`)).status).toBe(204);
  expect(await retry(actions, id)).toMatchObject({ status: 404, body: { code: "action_not_found" } });
  const replay = await retry(actions, id, {}, keyed);
  expect([replay.status, replay.body.id]).toEqual([201, first.body.id]);
  expect(replay.headers.get("Idempotent-Replayed")).toBe("true");
});
