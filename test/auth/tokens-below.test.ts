/** How many tokens a token may have below it. No holder of a token keeps those above it from creating tokens. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { clockFrom } from "../support/clock.ts";
import { ask, ROOT } from "../support/requests.ts";
import { grantToken, newProject, putTokens, type Refusal, type TokenOnWire, type Wanted } from "../support/tokens.ts";

const START = Date.parse("2030-03-01T00:00:00Z");
const DAY_MS = 86_400_000;
/** Of a token that ROOT_TOKEN created, of one that this token created, and so on. */
const ROOM = [10_000, 1000, 100, 10, 1, 0];
const EXPIRED_KEPT = 1000;

const later = clockFrom(START);

function createToken(project: string, token: string, wanted: Partial<Wanted> = {}) {
  return ask<TokenOnWire & Refusal>("POST", `${project}/tokens`, {
    token,
    body: { name: "one more", role: "viewer", ...wanted },
  });
}

/** Creates one more token: `created`, or the status and the code of the refusal. */
async function createOneMore(project: string, token: string, wanted: Partial<Wanted> = {}) {
  const { status, body } = await createToken(project, token, wanted);
  return status === 201 ? "created" : `${status} ${body.code}`;
}

const FULL = "409 too_many_tokens";

/** Puts tokens below `parent`, as if it had created them. */
async function fill(project: string, parent: string | null, count: number, expiresAt?: number) {
  const ids = Array.from({ length: count }, () => crypto.randomUUID());
  await putTokens(
    project,
    ids.map((id) => ({ id, parent, ...(expiresAt !== undefined && { expiresAt }) })),
  );
  return ids;
}

/** Admins, each created by the one before. */
async function chain(project: string, length: number): Promise<TokenOnWire[]> {
  const admins: TokenOnWire[] = [];
  while (admins.length < length) admins.push(await grantToken(project, { role: "admin" }, admins.at(-1)?.token));
  return admins;
}

async function idsIn(project: string): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT id FROM tokens WHERE project = ?")
    .bind(project.slice(1))
    .all<{ id: string }>();
  return results.map(({ id }) => id);
}

describe("a token has room for", () => {
  it.each(ROOM.map((room, above) => [room, above]))("%i tokens with %i tokens above it", async (room, above) => {
    const project = newProject();
    const last = (await chain(project, above + 1)).at(-1);
    if (last === undefined) throw new Error("the chain is empty");
    await fill(project, last.id, Math.max(0, room - 1));
    if (room > 0) expect(await createOneMore(project, last.token)).toBe("created");
    const { status, body } = await createToken(project, last.token);
    expect([status, body.code]).toEqual([409, "too_many_tokens"]);
    expect(body.error).toContain("Revoke tokens that nobody uses");
    expect(await createOneMore(project, ROOT)).toBe("created");
  });

  it("all below it together: a token that it creates has no room of its own beside that", async () => {
    const project = newProject();
    const [top, middle, low] = await chain(project, 3);
    if (top === undefined || middle === undefined || low === undefined) throw new Error("the chain is short");
    // `low` is one of them.
    await fill(project, middle.id, 899 - 1);
    expect(await createOneMore(project, low.token)).toBe("created");
    expect(await createOneMore(project, low.token)).toBe(FULL);
    // The last tenth is for the tokens that a token creates itself.
    await fill(project, middle.id, 99);
    expect(await createOneMore(project, middle.token)).toBe("created");
    expect(await createOneMore(project, middle.token)).toBe(FULL);
    expect(await createOneMore(project, top.token)).toBe("created");
  });

  it("tokens that it creates itself, whatever those below it do together", async () => {
    const project = newProject();
    const [top, admin] = await chain(project, 2);
    if (top === undefined || admin === undefined) throw new Error("the chain is short");
    const others = await fill(project, top.id, 8);
    for (const other of others) await fill(project, other, 1000);
    await fill(project, admin.id, 9000 - 9 - 8000 - 1);
    expect(await createOneMore(project, admin.token)).toBe("created");
    expect(await createOneMore(project, admin.token)).toBe(FULL);
    await fill(project, top.id, 999);
    expect(await createOneMore(project, top.token)).toBe("created");
    expect(await createOneMore(project, top.token)).toBe(FULL);
  });

  it("living tokens: those that expired or were revoked do not count", async () => {
    const project = newProject();
    const [, admin] = await chain(project, 2);
    if (admin === undefined) throw new Error("the chain is short");
    const [first = ""] = await fill(project, admin.id, 10);
    await fill(project, first, 490);
    await fill(project, admin.id, 500, START + 1000);
    expect(await createOneMore(project, admin.token)).toBe(FULL);
    later(999);
    expect(await createOneMore(project, admin.token)).toBe(FULL);
    later(1000);
    await fill(project, admin.id, 499);
    expect(await createOneMore(project, admin.token)).toBe("created");
    expect(await createOneMore(project, admin.token)).toBe(FULL);
    await ask("DELETE", `${project}/tokens/${first}`);
    await fill(project, admin.id, 490);
    expect(await createOneMore(project, admin.token)).toBe("created");
    expect(await createOneMore(project, admin.token)).toBe(FULL);
  });

  it("one more only once, if several creates race", async () => {
    const project = newProject();
    const [, , low] = await chain(project, 3);
    if (low === undefined) throw new Error("the chain is short");
    await fill(project, low.id, 99);
    const all = await Promise.all(Array.from({ length: 6 }, () => createOneMore(project, low.token)));
    expect(all.toSorted()).toEqual([...Array(5).fill(FULL), "created"]);
  });
});

it("ROOT_TOKEN creates tokens without end, and its tokens take no room from each other", async () => {
  const project = newProject();
  const { token } = await grantToken(project, { role: "owner" });
  await fill(project, null, 10_500);
  expect(await createOneMore(project, ROOT)).toBe("created");
  expect(await createOneMore(project, token)).toBe("created");
});

it("one revocation removes a token and all 10000 below it", async () => {
  const project = newProject();
  const { id, token } = await grantToken(project, { role: "admin" });
  await fill(project, id, 10_000);
  expect(await createOneMore(project, token)).toBe(FULL);
  const { body } = await ask<{ revoked: string[] }>("DELETE", `${project}/tokens/${id}`);
  expect(body.revoked).toHaveLength(10_001);
  expect(body.revoked[0]).toBe(id);
  expect(await idsIn(project)).toEqual([]);
});

it("a token in a circle of parents, which nobody could create, is refused", async () => {
  const project = newProject();
  const { id, token } = await grantToken(project, { role: "admin" });
  const [low = ""] = await fill(project, id, 1);
  await env.DB.prepare("UPDATE tokens SET parent_id = ?1 WHERE id = ?2").bind(low, id).run();
  expect(await createOneMore(project, token)).toBe(FULL);
});

describe("an expired token", () => {
  it("is removed a week after its expiry, when the next is created", async () => {
    const project = newProject();
    await fill(project, null, 1, START - 7 * DAY_MS - 1);
    const [recent] = await fill(project, null, 1, START - 7 * DAY_MS);
    const { id } = await grantToken(project, { role: "viewer" });
    expect((await idsIn(project)).toSorted()).toEqual([recent, id].toSorted());
  });

  it("is removed earlier if a project has 1000 newer ones, and living tokens stay", async () => {
    const project = newProject();
    const living = ["00000000-0000-7000-8000-000000000000", "00000000-0000-7000-8000-000000000001"];
    await putTokens(project, [
      { id: living[0] ?? "", parent: null },
      { id: living[1] ?? "", parent: null, expiresAt: START + 1 },
    ]);
    const expired = await fill(project, null, EXPIRED_KEPT + 20, START);
    const { id } = await grantToken(project, { role: "viewer" });
    const newest = expired.toSorted().slice(20);
    expect((await idsIn(project)).toSorted()).toEqual([...living, ...newest, id].toSorted());
  });
});
