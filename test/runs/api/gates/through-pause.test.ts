/** POST …/release with `throughPause`: who may, what it must say, and what the audit keeps. */

import { describe, expect, it } from "vitest";
import { type Ask, ask } from "../../../support/requests.ts";
import { decide, detailsOf, gatedRun, ONE_AT_A_TIME } from "../../../support/runs/gated.ts";
import { as, deciders } from "./deciders.ts";

const { project, tokens, newPath } = deciders();
const THROUGH = { throughPause: true, reason: "the fix" };

async function givenPaused() {
  const path = newPath();
  await ask("PUT", `${path.replace(/action-runs$/, "pauses")}/prod`, { body: { reason: "freeze" } });
  const gates = { ...ONE_AT_A_TIME, approval: { allowSelf: true } };
  return { path, run: await gatedRun(path, gates, {}, as(tokens.creator)) };
}

const through = (path: string, id: string, options: Ask = {}) =>
  decide(path, id, "release", { body: THROUGH, ...as(tokens.manager), ...options });

it("lets the run start during the pause once it is approved, and is in timeline, details and audit", async () => {
  const { path, run } = await givenPaused();
  const { status, body } = await through(path, run.id);
  const said = { by: "boss", byId: expect.any(String), via: null, at: expect.any(String), reason: "the fix" };
  expect([status, body.details.waiting]).toMatchObject([200, { for: "approval", throughPause: said }]);
  await decide(path, run.id, "approve");
  expect((await detailsOf(path, run.id)).details.waiting).toBeNull();
  const { body: events } = await ask<{ type: string }[]>("GET", `${path}/${run.id}/events`);
  expect(events.find(({ type }) => type === "let_through")).toMatchObject({ by: "boss", reason: "the fix" });
  const { body: entries } = await ask<{ target: string }[]>("GET", `${project}/audit?limit=200`);
  expect(entries.filter(({ target }) => target === run.id)).toMatchObject([
    { action: "run_approved", reason: null },
    { action: "run_released_through_pause", reason: "the fix", actorName: "boss" },
  ]);
});

it("is idempotent by its key, which is no key of another request", async () => {
  const { path, run } = await givenPaused();
  const headers = { "Idempotency-Key": "once" };
  const [first, again] = [await through(path, run.id, { headers }), await through(path, run.id, { headers })];
  expect([first, again].map((answer) => [answer.status, answer.headers.get("Idempotent-Replayed")])).toEqual([
    [200, null],
    [200, "true"],
  ]);
  const other = await through(path, run.id, { headers, body: { ...THROUGH, reason: "another" } });
  expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
});

it("a run that no pause can hold is refused, and a release without a body opens only the time gate", async () => {
  const { path, run } = await givenPaused();
  for (const body of [undefined, {}]) {
    const answer = await decide(path, run.id, "release", {
      ...as(tokens.manager),
      ...(body !== undefined && { body }),
    });
    expect([answer.status, answer.body.code]).toEqual([409, "not_waiting"]);
  }
  await ask("DELETE", `${path.replace(/action-runs$/, "pauses")}/prod`);
  const { status, body } = await through(path, run.id);
  expect([status, body.code]).toEqual([409, "not_paused"]);
});

describe("refuses", () => {
  it.each([
    ["no reason", { throughPause: true }, "/reason"],
    ["an empty reason", { throughPause: true, reason: "" }, "/reason"],
    ["a reason alone", { reason: "x" }, "/throughPause"],
    ["false", { throughPause: false, reason: "x" }, "/throughPause"],
    ["another member", { ...THROUGH, group: "prod" }, "/group"],
  ])("%s", async (_what, body, pointer) => {
    const { path, run } = await givenPaused();
    const answer = await through(path, run.id, { body });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_body", pointer } });
  });

  it.each(["creator", "approver", "viewer"] as const)("the token of the %s", async (who) => {
    const { path, run } = await givenPaused();
    expect((await through(path, run.id, as(tokens[who]))).status).toBe(403);
  });
});
