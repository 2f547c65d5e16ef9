/** A token expires no later than the token that created it, and is revoked with it. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { clockFrom } from "../support/clock.ts";
import { HOUR_MS } from "../support/direct.ts";
import { ask } from "../support/requests.ts";
import { codeOfToken, grantToken, newProject, putTokens, type Refusal, type TokenOnWire } from "../support/tokens.ts";

const START = Date.parse("2030-03-01T00:00:00Z");
const IN_AN_HOUR = new Date(START + HOUR_MS).toISOString();

clockFrom(START);

function createToken(project: string, token: string, body: Record<string, unknown> = {}) {
  return ask<TokenOnWire & Refusal>("POST", `${project}/tokens`, {
    token,
    body: { name: "child", role: "viewer", ...body },
  });
}

async function list(project: string): Promise<TokenOnWire[]> {
  return (await ask<TokenOnWire[]>("GET", `${project}/tokens?limit=200`)).body;
}

async function revoke(project: string, id: string) {
  return ask<{ revoked: string[] }>("DELETE", `${project}/tokens/${id}`);
}

async function count(project: string): Promise<number> {
  const sql = "SELECT count(*) AS n FROM tokens WHERE project = ?";
  return (await env.DB.prepare(sql).bind(project.slice(1)).first<number>("n")) ?? -1;
}

describe("a token that expires creates a token that", () => {
  it("expires with it by default", async () => {
    const project = newProject();
    const parent = await grantToken(project, { role: "admin", expiresAt: IN_AN_HOUR });
    for (const blank of [{}, { expiresAt: null }]) {
      const child = await createToken(project, parent.token, blank);
      expect([child.status, child.body.expiresAt]).toEqual([201, IN_AN_HOUR]);
    }
  });

  it("can't expire later, and the sentence says what to send", async () => {
    const project = newProject();
    const parent = await grantToken(project, { role: "admin", expiresAt: IN_AN_HOUR });
    const later = new Date(START + HOUR_MS + 1).toISOString();
    const refused = await createToken(project, parent.token, { expiresAt: later });
    expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
    expect(refused.body.error).toContain(IN_AN_HOUR);
    expect((await createToken(project, parent.token, { expiresAt: IN_AN_HOUR })).status).toBe(201);
    expect(await list(project)).toHaveLength(2);
  });
});

it("a token without expiry creates tokens with and without expiry", async () => {
  const project = newProject();
  const parent = await grantToken(project, { role: "admin" });
  expect((await createToken(project, parent.token)).body.expiresAt).toBeNull();
  expect((await createToken(project, parent.token, { expiresAt: IN_AN_HOUR })).body.expiresAt).toBe(IN_AN_HOUR);
});

describe("revoking a token", () => {
  it("revokes and names all tokens below it, and no other", async () => {
    const project = newProject();
    const [top, beside] = [await grantToken(project, { role: "owner" }), await grantToken(project, { role: "owner" })];
    const middle = await grantToken(project, { role: "admin" }, top.token);
    const sibling = await grantToken(project, { role: "viewer" }, top.token);
    const low = await grantToken(project, { role: "admin", envName: "prod" }, middle.token);
    const lowest = await grantToken(project, { role: "viewer", envName: "prod" }, low.token);
    const others = await grantToken(project, { role: "viewer" }, beside.token);
    for (const { token } of [middle, sibling, low, lowest]) expect(await codeOfToken(project, token)).toBe("ok");
    const answer = await revoke(project, middle.id);
    expect([answer.status, answer.body]).toMatchObject([200, { revoked: [middle.id, low.id, lowest.id] }]);
    for (const { token } of [middle, low, lowest]) expect(await codeOfToken(project, token)).toBe("token_invalid");
    for (const { token } of [top, sibling, beside, others]) expect(await codeOfToken(project, token)).toBe("ok");
    expect(await list(project)).toHaveLength(4);
  });

  it("works on a chain of 500 tokens and on a cycle", async () => {
    const project = newProject();
    const chain = Array.from({ length: 500 }, () => crypto.randomUUID());
    const circle = Array.from({ length: 3 }, () => crypto.randomUUID());
    await putTokens(project, [
      ...chain.map((id, n) => ({ id, parent: chain[n - 1] ?? null })),
      ...circle.map((id, n) => ({ id, parent: circle.at(n - 1) ?? null })),
    ]);
    expect((await revoke(project, circle[1] ?? "")).body.revoked.toSorted()).toEqual(circle.toSorted());
    expect((await revoke(project, chain[0] ?? "")).body.revoked).toEqual(chain);
    expect(await count(project)).toBe(0);
  });

  it("keeps a token of another project that names this one as its parent", async () => {
    const [project, other] = [newProject(), newProject()];
    const { id } = await grantToken(project, { role: "admin" });
    await putTokens(other, [{ id: crypto.randomUUID(), parent: id }]);
    expect((await revoke(project, id)).body.revoked).toEqual([id]);
    expect(await count(other)).toBe(1);
  });

  it("leaves no child when a create and a revocation race", async () => {
    const project = newProject();
    for (let round = 0; round < 10; round++) {
      const { id, token } = await grantToken(project, { role: "admin" });
      const creating = Array.from({ length: 4 }, () => createToken(project, token));
      const [revoked, ...created] = await Promise.all([revoke(project, id), ...creating]);
      const made = created.filter(({ status }) => status === 201).map(({ body }) => body.id);
      expect(revoked.body.revoked.toSorted()).toEqual([id, ...made].toSorted());
      expect(created.every(({ status }) => status === 201 || status === 401)).toBe(true);
      expect(await count(project)).toBe(0);
    }
  });
});
