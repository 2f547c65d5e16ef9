/** If D1 commits a change of tokens and its answer is lost, the retry gives the response of the first try. */

import { env } from "cloudflare:workers";
import { beforeEach, expect, it, vi } from "vitest";
import { askWith, envWith } from "../support/bindings.ts";
import { faults, faulty } from "../support/faults.ts";
import { type Ask, ask, ROOT } from "../support/requests.ts";
import { grantToken, newProject, type Refusal, type TokenOnWire } from "../support/tokens.ts";

/** How long the service waits for D1 before it asks again. */
const D1_MAX_MS = 5000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

/**
 * The answer to a request whose first write commits, and nobody hears of it. The app runs in the test's own context,
 * for the test turns its clock.
 */
async function withLostAnswer<T>(method: string, path: string, options: Ask = {}) {
  const { promise: committed, resolve } = Promise.withResolvers<void>();
  faults.writes = "committed_then_silence";
  faults.onSilence = resolve;
  const answer = askWith<T>(envWith({ DB: faulty(env.DB) }), method, path, { token: ROOT, ...options });
  await committed;
  await vi.advanceTimersByTimeAsync(D1_MAX_MS);
  return answer;
}

async function entries(project: string): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT action FROM audit WHERE project = ? ORDER BY id")
    .bind(project.slice(1))
    .all<{ action: string }>();
  return results.map(({ action }) => action);
}

it("a revocation is 200 with the revoked ids and one audit entry for each", async () => {
  const project = newProject();
  const parent = await grantToken(project, { role: "admin" });
  const child = await grantToken(project, { role: "viewer" }, parent.token);
  const answer = await withLostAnswer<unknown>("DELETE", `${project}/tokens/${parent.id}`);
  expect([answer.status, answer.body]).toMatchObject([200, { revoked: [parent.id, child.id] }]);
  expect(await entries(project)).toEqual(["token_minted", "token_minted", "token_revoked", "token_revoked"]);
});

it("a token that revoked itself gets 200, although it is gone at the second try", async () => {
  const project = newProject();
  const { id, token } = await grantToken(project, { role: "admin" });
  const answer = await withLostAnswer<unknown>("DELETE", `${project}/tokens/${id}`, { token });
  expect([answer.status, answer.body]).toMatchObject([200, { revoked: [id] }]);
  expect((await ask<Refusal>("GET", `${project}/tokens`, { token })).body.code).toBe("token_invalid");
});

it("a create is 201 with a working token and one audit entry", async () => {
  const project = newProject();
  const body = { name: "ci", role: "admin" };
  const created = await withLostAnswer<TokenOnWire>("POST", `${project}/tokens`, { body });
  expect(created.status).toBe(201);
  const listed = await ask<TokenOnWire[]>("GET", `${project}/tokens`, { token: created.body.token });
  expect(listed.body.map(({ id }) => id)).toEqual([created.body.id]);
  expect(await entries(project)).toEqual(["token_minted"]);
});

it("a rotation is 200 with a working secret and one audit entry, also if the token rotates itself", async () => {
  const project = newProject();
  for (const asker of [null, "itself"]) {
    const { id, token } = await grantToken(project, { role: "admin" });
    const path = `${project}/tokens/${id}/rotate`;
    const by = asker === null ? ROOT : token;
    const rotated = await withLostAnswer<TokenOnWire>("POST", path, { token: by });
    expect([rotated.status, rotated.body.id]).toEqual([200, id]);
    for (const secret of [token, rotated.body.token]) {
      expect((await ask("GET", `${project}/tokens`, { token: secret })).status).toBe(200);
    }
  }
  expect((await entries(project)).filter((action) => action === "token_rotated")).toHaveLength(2);
});

it("a rotation says so if another one came in between the two tries", async () => {
  const project = newProject();
  const { id, token } = await grantToken(project, { role: "admin" });
  const path = `${project}/tokens/${id}/rotate`;
  faults.writes = "committed_then_silence";
  const { promise: committed, resolve } = Promise.withResolvers<void>();
  faults.onSilence = resolve;
  const first = askWith<Refusal>(envWith({ DB: faulty(env.DB) }), "POST", path, { token: ROOT });
  await committed;
  const second = await ask<TokenOnWire>("POST", path);
  await vi.advanceTimersByTimeAsync(D1_MAX_MS);
  expect(await first).toMatchObject({ status: 409, body: { code: "token_rotated" } });
  for (const secret of [token, second.body.token]) {
    expect((await ask("GET", `${project}/tokens`, { token: secret })).status).toBe(200);
  }
});

it("an unknown token is 404 at the second try too", async () => {
  const project = newProject();
  const path = `${project}/tokens/${crypto.randomUUID()}`;
  const answer = await withLostAnswer<Refusal>("DELETE", path);
  expect([answer.status, answer.body.code]).toEqual([404, "token_not_found"]);
  expect(await entries(project)).toEqual([]);
});
