/** A rotation gives a token a new secret. Its id, its name and the tokens below it stay. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { selectToken } from "../../src/auth/token-store.ts";
import { clockFrom } from "../support/clock.ts";
import { explaining } from "../support/databases/plans.ts";
import { until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { ask, ROOT } from "../support/requests.ts";
import { beginSession, postSession } from "../support/sessions.ts";
import {
  codeOfToken,
  grantToken,
  newProject,
  type Refusal,
  rotateElsewhere,
  type TokenOnWire,
} from "../support/tokens.ts";

const START = Date.parse("2030-05-01T00:00:00Z");
const DAY = 86_400;
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString();
const setClock = clockFrom(START);
const later = (seconds: number) => setClock(seconds * 1000);

interface RotatedOnWire extends TokenOnWire {
  readonly children: readonly { readonly id: string; readonly name: string }[];
  readonly moreChildren: boolean;
  readonly webhookEndpoints: readonly unknown[];
  readonly moreWebhookEndpoints: boolean;
  readonly actions: readonly unknown[];
  readonly moreActions: boolean;
  readonly schedules: readonly unknown[];
  readonly moreSchedules: boolean;
}

function rotate(project: string, id: string, token: string, body: unknown = {}) {
  const path = `${project}/tokens/${id}/rotate`;
  return ask<RotatedOnWire & Refusal>("POST", path, { token, body });
}

async function newSecret(project: string, id: string, token: string, body: unknown = {}) {
  const { status, body: rotated } = await rotate(project, id, token, body);
  if (status !== 200) throw new Error(`rotate answered ${status}: ${JSON.stringify(rotated)}`);
  return rotated;
}

async function createToken(project: string, token: string) {
  const body = { name: "child", role: "viewer" };
  return (await ask<TokenOnWire & Refusal>("POST", `${project}/tokens`, { token, body })).body;
}

/** What D1 has of the token, under a project's first token. */
const rowOf = (id: string) =>
  env.DB.prepare("SELECT * FROM tokens WHERE id = ?").bind(id).first<Record<string, unknown>>();

describe("a rotation", () => {
  it("keeps the token's id, name, scope and children, and shows the new secret once", async () => {
    const project = newProject();
    const wanted = { role: "admin", name: "Ada", expiresAt: at(30 * DAY) } as const;
    const { token, ...before } = await grantToken(project, wanted);
    const child = await grantToken(project, { role: "viewer", name: "nightly" }, token);
    setClock(1);
    const gone = await grantToken(project, { role: "viewer", expiresAt: at(1) }, token);
    await grantToken(project, { role: "viewer", name: "below" }, (await createAdmin(project, token)).token);
    later(1);
    await until(async () => (await rowOf(before.id))?.last_used_at === START);
    const rotated = await newSecret(project, before.id, ROOT);
    const { token: secret, children, moreChildren, ...rest } = rotated;
    const { webhookEndpoints, moreWebhookEndpoints, actions, moreActions, schedules, moreSchedules, ...after } = rest;
    const left = [webhookEndpoints, moreWebhookEndpoints, actions, moreActions, schedules, moreSchedules];
    expect(left).toEqual([[], false, [], false, [], false]);
    expect(after).toEqual({ ...before, lastUsedAt: at(0), oldSecretExpiresAt: at(DAY + 1) });
    expect(secret).toMatch(/^terr_[A-Za-z0-9_-]{43}$/);
    expect(secret).not.toBe(token);
    expect(children.map(({ name }) => name)).toEqual(["middle", "nightly"]);
    expect([children[1]?.id, moreChildren]).toEqual([child.id, false]);
    expect(children.map(({ id }) => id)).not.toContain(gone.id);
    const listed = await ask<TokenOnWire[]>("GET", `${project}/tokens`, { token: secret });
    expect(listed.body.find(({ id }) => id === before.id)).toEqual(after);
    const stored = JSON.stringify([await rowOf(before.id), listed.body]);
    for (const text of [secret, token]) expect(stored).not.toContain(text.slice(5));
    expect(await codeOfToken(project, child.token)).toBe("ok");
  });

  const createAdmin = (project: string, token: string) => grantToken(project, { role: "admin", name: "middle" }, token);

  it("lists at most 200 children, and says that there are more", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    await env.DB.prepare(
      `INSERT INTO tokens (project, id, hash, name, role, parent_id, created_by, created_at)
       SELECT ?1, value, value, 'n', 'viewer', ?2, 'x', 0 FROM json_each(?3)`,
    )
      .bind(project.slice(1), id, JSON.stringify(Array.from({ length: 201 }, () => crypto.randomUUID())))
      .run();
    const { children, moreChildren } = await newSecret(project, id, token);
    expect([children.length, moreChildren]).toEqual([200, true]);
  });

  it("is in the audit, and in the log without a secret", async () => {
    const log = vi.spyOn(console, "log");
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "viewer", envName: "prod", name: "ci" });
    const { token: secret } = await newSecret(project, id, token);
    const lines = log.mock.calls.map(String);
    const scope = `${project.slice(1)}/prod`;
    const { body } = await ask<object[]>("GET", `${project}/audit`);
    const rotated = { actor: id, actorName: "ci", action: "token_rotated", target: id, targetName: "ci", scope };
    expect(body).toHaveLength(2);
    expect(body).toContainEqual(expect.objectContaining(rotated));
    expect(lines.find((line) => line.includes("token_rotated"))).toContain(`"target":"${id}"`);
    for (const text of [secret, token]) expect(lines.join()).not.toContain(text.slice(5));
  });
});

it("a rotation whose audit entry can't be written does not happen", async () => {
  const project = newProject();
  const { id, token } = await grantToken(project, { role: "admin" });
  const before = await rowOf(id);
  faults.writes = { refuse: (_bound, sql) => sql.startsWith("INSERT INTO audit") };
  expect((await rotate(project, id, token)).status).toBeGreaterThanOrEqual(500);
  faults.writes = null;
  const { hash, old_hash } = before ?? {};
  expect(await rowOf(id)).toMatchObject({ hash, old_hash });
});

describe("the old secret", () => {
  it.each([
    ["a day by default", {}, DAY],
    ["as long as asked", { overlapSeconds: 60 }, 60],
    ["at most a week", { overlapSeconds: 7 * DAY }, 7 * DAY],
  ])("works for %s, to the millisecond", async (_name, body, seconds) => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "viewer" });
    const rotated = await newSecret(project, id, token, body);
    expect(rotated.oldSecretExpiresAt).toBe(at(seconds));
    setClock(seconds * 1000 - 1);
    expect([await codeOfToken(project, token), await codeOfToken(project, rotated.token)]).toEqual(["ok", "ok"]);
    later(seconds);
    expect(await codeOfToken(project, token)).toBe("token_expired");
    const { body: refused } = await ask<Refusal>("GET", "/whoami", { token });
    expect(refused.error).toMatch(/newest secret/);
    expect(await codeOfToken(project, rotated.token)).toBe("ok");
    const [listed] = (await ask<TokenOnWire[]>("GET", `${project}/tokens`)).body;
    expect(listed?.oldSecretExpiresAt).toBeNull();
  });

  it("stops at once with a grace period of 0, also for a request without a body of JSON", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "viewer" });
    expect(await codeOfToken(project, token)).toBe("ok");
    const rotated = await newSecret(project, id, token, { overlapSeconds: 0 });
    expect([rotated.oldSecretExpiresAt, await codeOfToken(project, token)]).toEqual([null, "token_expired"]);
    const bare = await ask<TokenOnWire>("POST", `${project}/tokens/${id}/rotate`, { token: rotated.token });
    expect([bare.status, bare.body.oldSecretExpiresAt]).toEqual([200, at(DAY)]);
  });

  it("works no longer than its token", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "viewer", expiresAt: at(90) });
    const rotated = await newSecret(project, id, token);
    expect(rotated.oldSecretExpiresAt).toBe(at(90));
    later(90);
    for (const secret of [token, rotated.token]) expect(await codeOfToken(project, secret)).toBe("token_expired");
  });

  it("reads and creates runs, but creates, rotates or revokes no tokens, and learns from whoami when it ends", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    const child = await grantToken(project, { role: "viewer" }, token);
    const { token: secret } = await newSecret(project, id, token);
    expect((await ask<TokenOnWire>("GET", "/whoami", { token })).body).toMatchObject({ id, expiresAt: at(DAY) });
    const path = `${project}/envs/prod/action-runs`;
    expect((await ask("POST", path, { token, body: { actionName: "deploy" } })).status).toBe(201);
    for (const refused of [await createToken(project, token), (await rotate(project, child.id, token)).body]) {
      expect(refused).toMatchObject({ code: "forbidden", error: expect.stringMatching(/newest secret/) });
    }
    expect((await rotate(project, id, token)).body.code).toBe("forbidden");
    expect((await ask("DELETE", `${project}/tokens/${child.id}`, { token })).status).toBe(403);
    expect(await createToken(project, secret)).toMatchObject({ parentId: id });
  });

  it("stays in a second rotation, which replaces only the newest secret", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "viewer" });
    const second = await newSecret(project, id, token, { overlapSeconds: 7 * DAY });
    later(1);
    const third = await newSecret(project, id, second.token);
    expect(third.oldSecretExpiresAt).toBe(at(7 * DAY));
    expect(await codeOfToken(project, token)).toBe("ok");
    expect(await codeOfToken(project, second.token)).toBe("token_invalid");
    // A grace period can only get shorter.
    const fourth = await newSecret(project, id, third.token, { overlapSeconds: 60 });
    expect(fourth.oldSecretExpiresAt).toBe(at(61));
    const fifth = await newSecret(project, id, fourth.token, { overlapSeconds: 7 * DAY });
    expect(fifth.oldSecretExpiresAt).toBe(at(61));
    later(61);
    expect(await codeOfToken(project, token)).toBe("token_expired");
    // The grace period is over, so the next rotation begins one.
    expect((await newSecret(project, id, fifth.token)).oldSecretExpiresAt).toBe(at(61 + DAY));
    expect(await codeOfToken(project, fifth.token)).toBe("ok");
    expect(await codeOfToken(project, token)).toBe("token_invalid");
  });
});

describe("who may rotate", () => {
  it("is the token itself, any token above it and the operator, and nobody else", async () => {
    const project = newProject();
    const top = await grantToken(project, { role: "owner" });
    const middle = await grantToken(project, { role: "admin" }, top.token);
    const sibling = await grantToken(project, { role: "admin" }, top.token);
    const low = await grantToken(project, { role: "viewer", envName: "prod" }, middle.token);
    const beside = await grantToken(project, { role: "owner" });
    for (const asker of [low, middle, top, { token: ROOT }]) {
      const { body, status } = await rotate(project, low.id, asker.token);
      expect([status, body.id]).toEqual([200, low.id]);
    }
    for (const asker of [sibling, beside]) {
      const { status, body } = await rotate(project, low.id, asker.token);
      expect([status, body.code]).toEqual([403, "forbidden"]);
      expect(body.error).toMatch(/revoke/);
    }
    // A child may not rotate the token above it.
    expect((await rotate(project, top.id, middle.token)).body.code).toBe("token_not_found");
    expect((await rotate(project, middle.id, sibling.token)).body.code).toBe("forbidden");
  });

  it("includes a member and a viewer for their own token only, and they learn nothing of others", async () => {
    const project = newProject();
    const other = await grantToken(project, { role: "viewer" });
    for (const role of ["member", "viewer"] as const) {
      const { id, token } = await grantToken(project, { role, envName: "prod" });
      const refused = await rotate(project, other.id, token);
      expect(refused.body).toMatchObject({ code: "forbidden", error: expect.stringContaining(role) });
      expect((await rotate(project, crypto.randomUUID(), token)).body).toEqual(refused.body);
      expect((await rotate(project, id, token)).status).toBe(200);
    }
  });

  it("may not see everything: another project's token, a higher role's and no uuid are 404", async () => {
    const [project, elsewhere] = [newProject(), newProject()];
    const { token } = await grantToken(project, { role: "admin" });
    const [owner, foreign] = [
      await grantToken(project, { role: "owner" }),
      await grantToken(elsewhere, { role: "viewer" }),
    ];
    for (const id of [owner.id, foreign.id, crypto.randomUUID(), "x", "%00", "a%27%20OR%201=1"]) {
      expect([id, (await rotate(project, id, token)).body.code]).toEqual([id, "token_not_found"]);
    }
    expect((await rotate(elsewhere, foreign.id, token)).status).toBe(403);
    expect((await rotate(project, foreign.id, ROOT)).body.code).toBe("token_not_found");
  });

  it("ends where parents form a circle", async () => {
    const project = newProject();
    const asker = await grantToken(project, { role: "owner" });
    const [a, b] = [await grantToken(project, { role: "viewer" }), await grantToken(project, { role: "viewer" })];
    const set = env.DB.prepare("UPDATE tokens SET parent_id = ? WHERE id = ?");
    await env.DB.batch([set.bind(a.id, b.id), set.bind(b.id, a.id)]);
    expect((await rotate(project, a.id, asker.token)).body.code).toBe("forbidden");
  });

  it("does not let an ended secret revoke, though an isolate remembers it", async () => {
    const project = newProject();
    const asker = await grantToken(project, { role: "admin" });
    const victim = await grantToken(project, { role: "viewer" });
    expect(await codeOfToken(project, asker.token)).toBe("ok");
    await rotateElsewhere(asker.id, START);
    const refused = await ask<Refusal>("DELETE", `${project}/tokens/${victim.id}`, { token: asker.token });
    expect(refused.body.code).toBe("token_invalid");
    expect(await codeOfToken(project, victim.token)).toBe("ok");
  });
});

describe("a session", () => {
  const rotateIn = (project: string, id: string, headers: Readonly<Record<string, string>>) =>
    ask<RotatedOnWire & Refusal>("POST", `${project}/tokens/${id}/rotate`, { token: null, headers, body: {} });
  const idOf = (headers: Readonly<Record<string, string>>) =>
    ask<Refusal & { id: string }>("GET", "/whoami", { token: null, headers });

  it("of the newest secret rotates its token, and then goes on with the old secret until its end", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    const { headers } = await beginSession(token);
    const rotated = await rotateIn(project, id, headers);
    expect(rotated.status).toBe(200);
    const refused = await rotateIn(project, id, headers);
    expect(refused.body).toMatchObject({ code: "forbidden", error: expect.stringMatching(/newest secret/) });
    expect((await postSession(token)).body.code).toBe("forbidden");
    const anew = await beginSession(rotated.body.token);
    // The next rotation ends the newest secret at once, with its sessions. The first old secret goes on.
    await newSecret(project, id, ROOT, { overlapSeconds: 60 });
    expect((await idOf(anew.headers)).body.code).toBe("session_ended");
    later(59);
    expect((await idOf(headers)).body.id).toBe(id);
    later(60);
    expect((await idOf(headers)).body.code).toBe("session_ended");
  });

  it("of ROOT_TOKEN rotates every token of its project but an owner's", async () => {
    const [project, other] = [newProject(), newProject()];
    const { headers } = await beginSession(ROOT, project.slice(1));
    const [admin, owner] = [await grantToken(project, { role: "admin" }), await grantToken(project, { role: "owner" })];
    const foreign = await grantToken(other, { role: "viewer" });
    expect((await rotateIn(project, admin.id, headers)).status).toBe(200);
    const refused = await rotateIn(project, owner.id, headers);
    expect(refused.body).toMatchObject({ code: "forbidden", error: expect.stringContaining("ROOT_TOKEN") });
    expect((await rotateIn(other, foreign.id, headers)).status).toBe(403);
    expect(await codeOfToken(project, owner.token)).toBe("ok");
  });
});

describe("a token that can't be rotated", () => {
  it("has expired: 409, and nothing changes", async () => {
    const project = newProject();
    const { id } = await grantToken(project, { role: "viewer", expiresAt: at(10) });
    later(10);
    const before = await rowOf(id);
    const { status, body } = await rotate(project, id, ROOT);
    expect([status, body.code]).toEqual([409, "token_ended"]);
    expect(await rowOf(id)).toEqual(before);
    expect((await ask<unknown[]>("GET", `${project}/audit`)).body).toHaveLength(1);
  });
});

describe("rotations at once", () => {
  it("by the operator: the newest secret works, and who got another one was told so or came first", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "viewer" });
    const { open } = holdWrites(/UPDATE tokens SET\s+hash/);
    const rotating = Array.from({ length: 4 }, () => rotate(project, id, ROOT));
    await until(async () => faults.gatedCalls === 4);
    open();
    const answers = await Promise.all(rotating);
    expect(answers.map(({ status, body }) => body.code ?? status).toSorted()).toEqual([
      200,
      "token_rotated",
      "token_rotated",
      "token_rotated",
    ]);
    const winner = answers.find(({ status }) => status === 200);
    for (const secret of [winner?.body.token ?? "", token]) expect(await codeOfToken(project, secret)).toBe("ok");
    expect((await ask<unknown[]>("GET", `${project}/audit`)).body).toHaveLength(2);
  });

  it("by the token itself: one secret works, and the others are refused", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "viewer" });
    const answers = await Promise.all(Array.from({ length: 8 }, () => rotate(project, id, token)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    for (const { body } of answers) expect([undefined, "forbidden"]).toContain(body.code);
    expect(await codeOfToken(project, won[0]?.body.token ?? "")).toBe("ok");
  });

  it("with a revocation: nothing of the token is left", async () => {
    const project = newProject();
    for (let round = 0; round < 5; round++) {
      const { id, token } = await grantToken(project, { role: "viewer" });
      const [rotated, revoked] = await Promise.all([
        rotate(project, id, ROOT),
        ask("DELETE", `${project}/tokens/${id}`),
      ]);
      expect(revoked.status).toBe(200);
      expect([undefined, "token_not_found"]).toContain(rotated.body.code);
      for (const secret of [token, rotated.body.token ?? token]) {
        expect(await codeOfToken(project, secret)).toBe("token_invalid");
      }
    }
  });
});

it("the isolate that rotates forgets the secret at once, also if D1's answer is lost", async () => {
  const project = newProject();
  const { id, token } = await grantToken(project, { role: "admin" });
  expect(await codeOfToken(project, token)).toBe("ok");
  faults.writes = "committed_then_error";
  const lost = await rotate(project, id, ROOT);
  faults.writes = null;
  expect([lost.status, lost.body.code]).toEqual([503, "database_unavailable"]);
  // It is the old secret now, and the isolate knows.
  expect(await createToken(project, token)).toMatchObject({ code: "forbidden" });
  // Nobody saw the new secret, so the operator rotates again. The old secret stays.
  const { token: secret } = await newSecret(project, id, ROOT);
  expect([await codeOfToken(project, token), await codeOfToken(project, secret)]).toEqual(["ok", "ok"]);
});

it("a secret is found by the unique indexes, whichever of the two it is", async () => {
  const { db, plans } = explaining();
  await selectToken(db, "x");
  const [steps = []] = await plans();
  expect(steps.filter((step) => /INDEX|SEARCH|SCAN (tokens|parent)/.test(step))).toEqual([
    "MULTI-INDEX OR",
    "INDEX 1",
    "SEARCH tokens USING INDEX sqlite_autoindex_tokens_1 (hash=?)",
    "INDEX 2",
    "SEARCH tokens USING INDEX sqlite_autoindex_tokens_2 (old_hash=?)",
    // The tokens above it, one row each.
    "SEARCH parent USING PRIMARY KEY (project=? AND id=?)",
  ]);
});
