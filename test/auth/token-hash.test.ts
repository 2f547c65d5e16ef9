/** The hash of a good token is remembered, but each request still checks that the token is good. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { askWith, envWith } from "../support/bindings.ts";
import { ask, newRunsPath, ROOT } from "../support/requests.ts";
import { grantToken, newProject, type Refusal, revokeElsewhere } from "../support/tokens.ts";

const START = Date.parse("2030-02-01T00:00:00Z");
const KNOWN_MS = 30_000;

let digested: string[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: START });
  digested = [];
  const digest = crypto.subtle.digest.bind(crypto.subtle);
  vi.spyOn(crypto.subtle, "digest").mockImplementation((algorithm, data) => {
    digested.push(new TextDecoder().decode(data as ArrayBuffer));
    return digest(algorithm, data);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** How often this token was hashed while `go` was under way. */
async function hashesOf(token: string, go: () => Promise<unknown>): Promise<number> {
  digested = [];
  await go();
  return digested.filter((text) => text === token).length;
}

async function codeOf(project: string, token: string): Promise<[status: number, code: string | undefined]> {
  const headers = { "CF-Connecting-IP": `2001:db8::${crypto.randomUUID().slice(0, 4)}` };
  const { status, body } = await ask<Refusal>("GET", `${project}/tokens`, { token, headers });
  return [status, body.code];
}

function madeUp(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `terr_${bytes.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

describe("a good token", () => {
  it("is hashed once", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { role: "admin" });
    expect(await hashesOf(token, () => codeOf(project, token))).toBe(1);
    vi.setSystemTime(START + KNOWN_MS - 1);
    expect(await hashesOf(token, () => codeOf(project, token))).toBe(0);
    vi.setSystemTime(START + 3 * KNOWN_MS);
    expect(await hashesOf(token, () => codeOf(project, token))).toBe(0);
    expect(await codeOf(project, token)).toEqual([200, undefined]);
  });

  it("is refused at once after a revocation here, and within 30 s after one elsewhere", async () => {
    const project = newProject();
    const here = await grantToken(project, { role: "admin" });
    const elsewhere = await grantToken(project, { role: "admin" });
    for (const { token } of [here, elsewhere, here, elsewhere, here, elsewhere]) {
      expect(await codeOf(project, token)).toEqual([200, undefined]);
    }
    expect((await ask("DELETE", `${project}/tokens/${here.id}`)).status).toBe(200);
    await revokeElsewhere(env.DB, elsewhere.id);
    expect(await hashesOf(here.token, () => codeOf(project, here.token))).toBe(0);
    expect(await codeOf(project, here.token)).toEqual([401, "token_invalid"]);
    vi.setSystemTime(START + KNOWN_MS);
    expect(await codeOf(project, elsewhere.token)).toEqual([401, "token_invalid"]);
    expect(await codeOf(project, here.token)).toEqual([401, "token_invalid"]);
  });

  it("is refused from the millisecond of its expiry", async () => {
    const project = newProject();
    const expiresAt = new Date(START + 60_000).toISOString();
    const { token } = await grantToken(project, { role: "admin", expiresAt });
    expect(await codeOf(project, token)).toEqual([200, undefined]);
    vi.setSystemTime(START + 59_999);
    expect(await codeOf(project, token)).toEqual([200, undefined]);
    vi.setSystemTime(START + 60_000);
    expect(await codeOf(project, token)).toEqual([401, "token_expired"]);
  });

  it("opens only its own project, even with its hash remembered", async () => {
    const [project, other] = [newProject(), newProject()];
    const { token } = await grantToken(project, { role: "admin" });
    for (let n = 0; n < 2; n++) {
      expect(await codeOf(project, token)).toEqual([200, undefined]);
      expect(await codeOf(other, token)).toEqual([404, "not_found"]);
    }
  });
});

it("a made-up token is hashed every time and takes no memory", async () => {
  const project = newProject();
  const token = madeUp();
  for (let n = 0; n < 3; n++) {
    vi.setSystemTime(START + n * KNOWN_MS);
    const tried = await hashesOf(token, async () => {
      expect(await codeOf(project, token)).toEqual([401, "token_invalid"]);
    });
    expect(tried).toBe(1);
  }
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
    const old = madeUp();
    expect((await asked(old, old)).status).toBe(200);
    expect(await asked(old, ROOT)).toMatchObject({ status: 401, body: { code: "token_invalid" } });
  });
});
