import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { lookUpCredential } from "../../src/auth/credential-memory.ts";
import { selectToken } from "../../src/auth/token-store.ts";

import { clockFrom } from "../support/clock.ts";
import { hurryTimers, until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { heldRead, withPatience } from "../support/held-read.ts";
import { ask, createRun, newRunsPath, ROOT } from "../support/requests.ts";
import { grantToken, newProject, type Refusal, revokeElsewhere, sha256 } from "../support/tokens.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

function lookUp(db: D1Database, hash: string) {
  return lookUpCredential(
    { d1: 0, coordinator: 0 },
    hash,
    () => selectToken(db, hash),
    Date.now(),
    () => {},
  );
}

const START = Date.parse("2030-01-01T00:00:00Z");

const later = clockFrom(START);

/** A well-formed token that nobody created. */
function unknownToken(): string {
  return `terr_${crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** A client of its own for each test, because guesses are counted by address. */
function newClient(): string {
  return `2001:db8::${crypto.randomUUID().slice(0, 4)}:${crypto.randomUUID().slice(0, 4)}`;
}

async function tryToken(project: string, token: string, client = newClient()) {
  const calls = faults.calls;
  const answer = await ask<Refusal>("GET", `${project}/tokens`, { token, headers: { "CF-Connecting-IP": client } });
  return { ...answer, code: answer.status === 200 ? "ok" : answer.body.code, calls: faults.calls - calls };
}

describe("a known token", () => {
  it("is looked up once in 30 s and stops working 30 s after a revocation elsewhere", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    // It is looked up, its hour of use is written, and the list is read.
    expect(await tryToken(project, token)).toMatchObject({ code: "ok", calls: 3 });
    await revokeElsewhere(env.DB, id);
    later(29_999);
    expect(await tryToken(project, token)).toMatchObject({ code: "ok", calls: 1 });
    later(30_000);
    expect(await tryToken(project, token)).toMatchObject({ status: 401, code: "token_invalid", calls: 1 });
  });

  it("expires to the millisecond, remembered or not", async () => {
    const project = newProject();
    const expiresAt = new Date(START + 10_000).toISOString();
    const { token } = await grantToken(project, { role: "admin", expiresAt });
    later(9_999);
    expect((await tryToken(project, token)).code).toBe("ok");
    for (const at of [10_000, 10_001, 40_001]) {
      later(at);
      const answer = await tryToken(project, token);
      expect([answer.status, answer.code]).toEqual([401, "token_expired"]);
      expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
    }
  });

  it("works for 10 minutes while D1 is down, and is then 503, never 401", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { role: "viewer" });
    const path = `${project}/envs/prod/action-runs`;
    const create = () => ask<Refusal>("POST", path, { token, body: { actionName: "deploy" } });
    // A viewer may not create: 403 says that the token was taken for what it is, and no more of D1 is needed.
    expect((await create()).status).toBe(403);
    faults.reads = "down";
    for (const at of [30_000, 120_000, 599_999]) {
      later(at);
      expect([at, (await create()).status]).toEqual([at, 403]);
    }
    later(610_000);
    const refused = await create();
    expect([refused.status, refused.body.code]).toEqual([503, "database_unavailable"]);
    expect(refused.headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
    faults.reads = null;
    expect((await create()).status).toBe(403);
  });

  it("expires even while D1 is down", async () => {
    const project = newProject();
    const expiresAt = new Date(START + 60_000).toISOString();
    const { token } = await grantToken(project, { role: "admin", expiresAt });
    expect((await tryToken(project, token)).code).toBe("ok");
    faults.reads = "down";
    later(60_000);
    expect((await tryToken(project, token)).code).toBe("token_expired");
  });
});

describe("an unknown token", () => {
  it("is looked up once in 5 s and works 5 s after it was created elsewhere", async () => {
    const project = newProject();
    const token = unknownToken();
    const { id } = await grantToken(project, { role: "admin" });
    expect(await tryToken(project, token)).toMatchObject({ status: 401, code: "token_invalid", calls: 1 });
    await env.DB.prepare("UPDATE tokens SET hash = ? WHERE id = ?")
      .bind(await sha256(token), id)
      .run();
    later(4_999);
    expect(await tryToken(project, token)).toMatchObject({ status: 401, calls: 0 });
    later(5_000);
    expect((await tryToken(project, token)).code).toBe("ok");
  });

  it("is 503 while D1 is down, never 401, and the 503 is not remembered", async () => {
    const project = newProject();
    const token = unknownToken();
    faults.reads = "down";
    expect(await tryToken(project, token)).toMatchObject({ status: 503, code: "database_unavailable" });
    faults.reads = null;
    expect(await tryToken(project, token)).toMatchObject({ status: 401, code: "token_invalid" });
  });
});

describe("a token that this isolate revokes while a lookup of it is under way", () => {
  const revoke = (project: string, id: string) => ask("DELETE", `${project}/tokens/${id}`);

  it("is refused at once, although the lookup read it before", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    const { db, hasRead, release } = heldRead();
    const hash = await sha256(token);
    const looking = lookUp(db, hash);
    await hasRead;
    await revoke(project, id);
    release();
    const found = await looking;
    expect((await tryToken(project, token)).code).toBe("token_invalid");
    expect(found).toBeNull();
  });

  it("is refused at once, although the lookup then ran out of time", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    expect((await tryToken(project, token)).code).toBe("ok");
    later(31_000);
    const { db, hasRead, release } = heldRead();
    const hash = await sha256(token);
    const { looking, endPatience } = withPatience(() => lookUp(db, hash));
    await hasRead;
    await revoke(project, id);
    endPatience();
    expect((await tryToken(project, token)).code).toBe("token_invalid");
    release();
    expect(await looking).toBeNull();
    expect((await tryToken(project, token)).code).toBe("token_invalid");
  });
});

it.each(["target", "child"] as const)(
  "a revocation whose answer is lost holds at once in this isolate, for the %s too",
  async (which) => {
    const project = newProject();
    const target = await grantToken(project, { role: "admin" });
    const child = await grantToken(project, { role: "admin" }, target.token);
    const other = newProject();
    const elsewhere = await grantToken(other, { role: "admin" });
    const { token } = { target, child }[which];
    expect((await tryToken(project, token)).code).toBe("ok");
    expect((await tryToken(other, elsewhere.token)).code).toBe("ok");
    faults.writes = "committed_then_error";
    expect((await ask("DELETE", `${project}/tokens/${target.id}`)).status).toBe(503);
    faults.writes = null;
    expect((await tryToken(project, token)).code).toBe("token_invalid");
    // Other projects keep what this isolate remembers of them.
    expect(await tryToken(other, elsewhere.token)).toMatchObject({ code: "ok", calls: 1 });
  },
);

it("a late answer of D1 still counts: a revoked token is refused after it", async () => {
  const path = newRunsPath();
  await createRun(path);
  const created = await ask<{ id: string; token: string }>("POST", "/acme/shop/tokens", {
    token: ROOT,
    body: { name: "ci", role: "viewer" },
  });
  const { token } = created.body;
  expect((await ask("GET", path, { token })).status).toBe(200);
  await env.DB.prepare("DELETE FROM tokens WHERE id = ?").bind(created.body.id).run();

  later(31_000);
  hurryTimers();
  faults.readDelayMs = 3000;
  expect((await ask("GET", path, { token })).status).toBe(200);
  faults.readDelayMs = 0;
  await until(async () => (await ask("GET", path, { token })).status === 401);
});
