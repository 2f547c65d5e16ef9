/** Somebody leaves, and their token is revoked: what becomes of the runs that it approved. */

import { env } from "cloudflare:workers";
import { afterEach, expect, it } from "vitest";
import { breakD1, resetFaults } from "../../../support/faults.ts";
import { replicated } from "../../../support/replicated.ts";
import { ask } from "../../../support/requests.ts";
import { idAt, insertRows, waitingRun } from "../../../support/rows.ts";
import { decide, gatedRun, startGated } from "../../../support/runs/gated.ts";
import { givenProject, grantToken, newProject } from "../../../support/tokens.ts";
import { as } from "./deciders.ts";

interface Revoked {
  readonly approvedRuns: readonly { readonly envName: string; readonly id: string }[];
  readonly moreApprovedRuns: boolean;
}

afterEach(resetFaults);

const APPROVER = { role: "viewer", mayApprove: true } as const;
const TWO = { approval: { required: 2 } };

async function revoke(project: string, id: string, path: string): Promise<Revoked> {
  // A list waits until D1 has all runs.
  await ask("GET", `${path}?waiting=any`);
  return (await ask<Revoked>("DELETE", `${project}/tokens/${id}`)).body;
}

async function eventsOf(path: string, id: string): Promise<(readonly [type: string, by?: unknown])[]> {
  const { body } = await ask<{ type: string; by?: string }[]>("GET", `${path}/${id}/events`);
  return body.flatMap(({ type, by }) => (type === "created" || type.startsWith("attempt_") ? [] : [[type, by]]));
}

it("a revocation lists the runs that its tokens approved, and none of them starts without another approval", async () => {
  const { project, path } = givenProject();
  const bob = await grantToken(project, { ...APPROVER, role: "owner", name: "bob" });
  const bobs = await grantToken(project, { ...APPROVER, name: "bob's phone" }, bob.token);
  const [eve, carl] = await Promise.all(["eve", "carl"].map((name) => grantToken(project, { ...APPROVER, name })));
  const run = await gatedRun(path, TWO);
  const other = (await startGated(path)).body;
  expect((await decide(path, run.id, "approve", as(bobs.token))).status).toBe(200);
  expect((await decide(path, other.id, "approve", as(eve?.token ?? ""))).status).toBe(200);
  await replicated(path);
  const answer = await revoke(project, bob.id, path);
  expect(answer).toMatchObject({ approvedRuns: [{ envName: "prod", id: run.id }], moreApprovedRuns: false });
  const second = await decide(path, run.id, "approve", as(eve?.token ?? ""));
  expect(second.body.details).toMatchObject({ waiting: { for: "approval" }, approval: { approvals: [{ by: "eve" }] } });
  const third = await decide(path, run.id, "approve", as(carl?.token ?? ""));
  expect([third.status, third.body.details.waiting]).toEqual([200, null]);
  expect(await eventsOf(path, run.id)).toEqual([
    ["waiting", undefined],
    ["approved", "bob's phone"],
    ["approval_withdrawn", "bob's phone"],
    ["approved", "eve"],
    ["approved", "carl"],
    ["released", undefined],
  ]);
  // A released run is no waiting one.
  expect((await revoke(project, carl?.id ?? "", path)).approvedRuns).toEqual([]);
});

/** A run that bob has approved, and that eve can approve as well. */
async function givenApproved() {
  const { project, path } = givenProject();
  const bob = await grantToken(project, { ...APPROVER, name: "bob" });
  const eve = await grantToken(project, { ...APPROVER, name: "eve" });
  const run = await gatedRun(path, TWO);
  await decide(path, run.id, "approve", as(bob.token));
  return { project, path, bob, eve, run };
}

it("an approval counts whose token has expired since, and has left the list of tokens", async () => {
  const { path, bob, eve, run } = await givenApproved();
  await env.DB.prepare("DELETE FROM tokens WHERE id = ?").bind(bob.id).run();
  const { body } = await decide(path, run.id, "approve", as(eve.token));
  expect(body.details).toMatchObject({ waiting: null, approval: { approvals: [{ by: "bob" }, { by: "eve" }] } });
});

it("while D1 is down, approvals count, and the timeline says that nobody knows of a revocation", async () => {
  const { project, path, bob, eve, run } = await givenApproved();
  await ask("GET", "/whoami", as(eve.token));
  await revoke(project, bob.id, path);
  breakD1("down");
  expect((await decide(path, run.id, "approve", as(eve.token))).body.details.waiting).toBeNull();
  resetFaults();
  const { body } = await ask<object[]>("GET", `${path}/${run.id}/events`);
  expect(body).toContainEqual(expect.objectContaining({ type: "released", approversUnchecked: true }));
});

it("200 approved runs are listed, and it is said that there are more", async () => {
  const project = newProject();
  const { id } = await grantToken(project, APPROVER);
  const rows = Array.from({ length: 201 }, (_, i) => ({
    id: idAt(Date.now() - i),
    ...waitingRun("approval", { tokenId: "somebody" }),
    approvals: [{ by: { tokenId: "gone", tokenName: "x", parents: [id], person: null }, at: 1, reason: null }],
  }));
  await insertRows(`${project.slice(1)}/prod`, rows);
  const { body } = await ask<Revoked>("DELETE", `${project}/tokens/${id}`);
  expect([body.approvedRuns.length, body.moreApprovedRuns]).toEqual([200, true]);
});
