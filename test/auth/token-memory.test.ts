/** What an isolate remembers of tokens: that they were good, and their hashes. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { askWith, envWith } from "../support/bindings.ts";

import { clockFrom } from "../support/clock.ts";
import { hurryTimers, until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask, createRun, newRunsPath, ROOT } from "../support/requests.ts";
import {
  grantToken,
  newAddress,
  newProject,
  type Refusal,
  revokeElsewhere,
  sha256,
  unknownToken,
} from "../support/tokens.ts";

const START = Date.parse("2030-01-01T00:00:00Z");

const later = clockFrom(START);

async function tryToken(project: string, token: string, client = newAddress()) {
  const calls = faults.calls;
  const answer = await ask<Refusal>("GET", `${project}/tokens`, { token, headers: { "CF-Connecting-IP": client } });
  return { ...answer, code: answer.status === 200 ? "ok" : answer.body.code, calls: faults.calls - calls };
}

/** How often this token was hashed while `go` was under way. */
async function hashesOf(token: string, go: () => Promise<unknown>): Promise<number> {
  const digest = crypto.subtle.digest.bind(crypto.subtle);
  let hashed = 0;
  const spy = vi.spyOn(crypto.subtle, "digest").mockImplementation((algorithm, data) => {
    if (new TextDecoder().decode(data as ArrayBuffer) === token) hashed++;
    return digest(algorithm, data);
  });
  await go();
  spy.mockRestore();
  return hashed;
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

it("a good token is hashed once, and a made-up one every time, because it takes no memory", async () => {
  const project = newProject();
  const { token } = await grantToken(project, { role: "admin" });
  const madeUp = unknownToken();
  const hashed = [];
  for (let n = 0; n < 3; n++) {
    later(n * 30_000);
    hashed.push([
      await hashesOf(token, () => tryToken(project, token)),
      await hashesOf(madeUp, () => tryToken(project, madeUp)),
    ]);
  }
  expect(hashed).toEqual([
    [1, 1],
    [0, 1],
    [0, 1],
  ]);
});

describe("the operator's token", () => {
  const other = "another-root-token-for-tests-of-32-characters";
  const asked = (token: string, root: string) =>
    askWith<Refusal>(envWith({ ROOT_TOKEN: root }), "GET", newRunsPath(), { token });

  it("can be replaced: the old one is refused at once and the new one accepted", async () => {
    for (const [now, before] of [
      [ROOT, other],
      [other, ROOT],
      [ROOT, other],
    ] as const) {
      expect((await asked(now, now)).status).toBe(200);
      expect(await asked(before, now)).toMatchObject({ status: 401, body: { code: "token_invalid" } });
      expect((await asked(now, now)).status).toBe(200);
    }
  });

  it("opens only its own deployment, with two deployments in one isolate", async () => {
    const pairs = Array.from({ length: 40 }, (_, n) => {
      const [token, root] = [n & 1 ? ROOT : other, n & 2 ? ROOT : other];
      return { token, root };
    });
    const answers = await Promise.all(pairs.map(({ token, root }) => asked(token, root)));
    expect(answers.map(({ status }) => status)).toEqual(pairs.map(({ token, root }) => (token === root ? 200 : 401)));
  });

  it("opens nothing if it is missing or too short", async () => {
    expect((await asked(ROOT, ROOT)).status).toBe(200);
    for (const root of ["", "short"]) expect((await asked(ROOT, root)).status).toBe(401);
    expect((await asked("short", "short")).status).toBe(401);
  });

  it("can look like an API token, and is refused after it was replaced", async () => {
    const old = unknownToken();
    expect((await asked(old, old)).status).toBe(200);
    expect(await asked(old, ROOT)).toMatchObject({ status: 401, body: { code: "token_invalid" } });
  });
});
