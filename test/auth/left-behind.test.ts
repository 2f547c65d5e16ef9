/** What a revoked token and a rotated one, and those below them, leave: definitions that they stored, and waiting runs. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { clockFromOne } from "../support/clock.ts";
import { hurryTimers } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { ask } from "../support/requests.ts";
import { LATER, startGated, storeGated } from "../support/runs/gated.ts";
import { grantToken, newProject } from "../support/tokens.ts";
import { ENDPOINT, newEndpointsPath, put, refOf, rotate, SHOWN } from "../webhook-endpoints/endpoints.ts";

clockFromOne();

describe("a revocation", () => {
  interface Revoked {
    readonly revoked: readonly string[];
    readonly webhookEndpoints: readonly { readonly envName: string; readonly name: string }[];
    readonly moreWebhookEndpoints: boolean;
    readonly actions: readonly { readonly envName: string; readonly name: string }[];
    readonly moreActions: boolean;
    readonly waitingRuns: unknown;
  }
  const revoke = (project: string, id: string) => ask<Revoked>("DELETE", `${project}/tokens/${id}`);
  const left = (...names: readonly (readonly [string, string])[]) => ({
    webhookEndpoints: names.map(([envName, name]) => ({ envName, name })),
    moreWebhookEndpoints: false,
    actions: [],
    moreActions: false,
    schedules: [],
    moreSchedules: false,
    waitingRuns: 0,
    approvedRuns: [],
    moreApprovedRuns: false,
  });

  it("lists the endpoints that the token, or a token below it, stored last", async () => {
    const project = newProject();
    const parent = await grantToken(project, { role: "admin" });
    const child = await grantToken(project, { role: "admin" }, parent.token);
    const other = await grantToken(project, { role: "admin" });
    const by = (token: string) => ({ token });
    const production = newEndpointsPath(project);
    const staging = newEndpointsPath(project, "staging");
    await put(`${production}/of-parent`, ENDPOINT, by(parent.token));
    await put(`${staging}/of-child`, ENDPOINT, by(child.token));
    await put(`${production}/of-other`, ENDPOINT, by(other.token));
    await put(`${production}/taken-over`, ENDPOINT, by(parent.token));
    await rotate(`${production}/taken-over`);
    await put(`${production}/changed`, ENDPOINT, by(other.token));
    await put(`${production}/changed`, { ...SHOWN, onlyOnChange: true }, by(child.token));
    await put(`${production}/deleted`, ENDPOINT, by(child.token));
    await ask("DELETE", `${production}/deleted`);
    await ask("PUT", `${project}/envs/production/actions/a`, { ...by(child.token), body: {} });
    await ask("PUT", `${project}/envs/production/actions/b`, { ...by(other.token), body: {} });
    const { body } = await revoke(project, parent.id);
    expect(body).toEqual({
      revoked: [parent.id, child.id],
      ...left(["production", "changed"], ["production", "of-parent"], ["staging", "of-child"]),
      actions: [{ envName: "production", name: "a" }],
    });
    expect((await revoke(project, other.id)).body).toMatchObject({
      ...left(["production", "of-other"]),
      actions: [{ envName: "production", name: "b" }],
    });
    expect((await ask("GET", `${production}/changed`)).status).toBe(200);
  });

  it("lists them also if D1's first answer was lost", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    await put(`${newEndpointsPath(project)}/chat`, ENDPOINT, { token });
    hurryTimers();
    faults.writes = "committed_then_silence";
    expect((await revoke(project, id)).body).toEqual({ revoked: [id], ...left(["production", "chat"]) });
  });

  it("lists 200 of a kind, and says that there are more", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    const path = `${newEndpointsPath(project)}/chat`;
    await put(path, ENDPOINT, { token });
    await ask("PUT", `${project}/envs/production/actions/a`, { token, body: {} });
    await env.DB.prepare(
      `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200)
       INSERT INTO definitions (scope, kind, name, version, created_version, change_id, created_by, created_by_name,
                                changed_at, changed_by, changed_by_name, changed_lineage, bytes, filter, definition)
       SELECT scope || n, kind, name, version, created_version, change_id, created_by, created_by_name,
              changed_at, changed_by, changed_by_name, changed_lineage, bytes, filter, definition
       FROM definitions, n WHERE scope = ?1`,
    )
      .bind(refOf(path).scope)
      .run();
    const { body } = await revoke(project, id);
    expect([body.webhookEndpoints.length, body.moreWebhookEndpoints]).toEqual([200, true]);
    expect([body.actions.length, body.moreActions]).toEqual([200, true]);
    expect(body.webhookEndpoints[0]).toEqual({ envName: "production", name: "chat" });
  });

  it("lists what a token below it left that has expired and is gone", async () => {
    // A run can't wait from 1970 until now.
    vi.useRealTimers();
    const project = newProject();
    const thief = await grantToken(project, { role: "admin" });
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    const middle = await grantToken(project, { role: "admin", expiresAt }, thief.token);
    const child = await grantToken(project, { role: "admin" }, middle.token);
    await put(`${newEndpointsPath(project)}/stray`, ENDPOINT, { token: child.token });
    const runs = `${project}/envs/production/action-runs`;
    await storeGated(runs, {});
    const scheduled = await startGated(runs, { notBefore: LATER }, { token: child.token });
    expect(scheduled.status).toBe(201);
    await replicated(runs);
    // As if they had expired, and more than 1000 others after them.
    await env.DB.prepare("DELETE FROM tokens WHERE id IN (?, ?)").bind(middle.id, child.id).run();
    expect((await revoke(project, thief.id)).body).toEqual({
      revoked: [thief.id],
      ...left(["production", "stray"]),
      waitingRuns: 1,
    });
  });

  it("lists nothing of a token whose id only begins with the same characters", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    await put(`${newEndpointsPath(project)}/chat`, ENDPOINT, { token });
    await env.DB.prepare("UPDATE definitions SET changed_lineage = ? WHERE changed_by = ?").bind(`/${id}0/`, id).run();
    expect((await revoke(project, id)).body).toMatchObject(left());
  });
});

it("a rotation lists the endpoints and actions that the token, or one below it, stored last", async () => {
  const project = newProject();
  const top = await grantToken(project, { role: "owner" });
  const parent = await grantToken(project, { role: "admin" }, top.token);
  const child = await grantToken(project, { role: "admin" }, parent.token);
  await put(`${newEndpointsPath(project)}/chat`, ENDPOINT, { token: child.token });
  await ask("PUT", `${project}/envs/production/actions/a`, { token: parent.token, body: {} });
  await ask("PUT", `${project}/envs/production/actions/of-top`, { token: top.token, body: {} });
  const { body } = await ask("POST", `${project}/tokens/${parent.id}/rotate`, { token: parent.token });
  expect(body).toMatchObject({
    webhookEndpoints: [{ envName: "production", name: "chat" }],
    moreWebhookEndpoints: false,
    actions: [{ envName: "production", name: "a" }],
    moreActions: false,
    schedules: [],
    moreSchedules: false,
  });
});
