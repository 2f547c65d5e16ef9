/** A token's person and flags: who may give them, who inherits them, and what an isolate knows of a token's parents. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { cookieHash } from "../../src/auth/session.ts";
import { selectSession } from "../../src/auth/session-store.ts";
import { selectToken } from "../../src/auth/token-store.ts";

import { ask, ROOT } from "../support/requests.ts";
import { beginSession } from "../support/sessions.ts";
import { grantToken, newProject, type Refusal, sha256, type TokenOnWire, type Wanted } from "../support/tokens.ts";

type Asker = "operator" | "operator's session" | Omit<Wanted, "name">;
type Flag = Pick<Wanted, "person" | "mayApprove" | "mayActForOthers">;

/** What `asker` gets who creates a viewer with `wanted`. */
async function creationBy(asker: Asker, wanted: Flag) {
  const project = newProject();
  const body = { name: "new", role: "viewer", ...wanted };
  const sent =
    asker === "operator"
      ? { token: ROOT }
      : asker === "operator's session"
        ? { token: null, headers: (await beginSession(ROOT, project.slice(1))).headers }
        : { token: (await grantToken(project, asker)).token };
  return ask<TokenOnWire & Refusal>("POST", `${project}/tokens`, { ...sent, body });
}

const OWNER = { role: "owner" } as const;
const ADMIN = { role: "admin" } as const;

const CREATED: readonly (readonly [asker: Asker, wanted: Flag])[] = [
  ["operator", { person: "ada", mayApprove: true, mayActForOthers: true }],
  ["operator's session", { person: "ada" }],
  ["operator's session", { person: null }],
  [{ ...OWNER, person: "ada" }, { person: null }],
  [OWNER, { person: "ada", mayApprove: true, mayActForOthers: true }],
  [
    { ...ADMIN, mayActForOthers: true },
    { person: "ada", mayActForOthers: true },
  ],
  [ADMIN, { person: null, mayApprove: false, mayActForOthers: false }],
];

it.each(CREATED)("an asker with %j creates a token with %j", async (asker, wanted) => {
  const { status, body } = await creationBy(asker, wanted);
  const nothing = { person: null, mayApprove: false, mayActForOthers: false };
  expect([status, body]).toEqual([201, expect.objectContaining({ ...nothing, ...wanted })]);
});

const REFUSED: readonly (readonly [asker: Asker, wanted: Flag, pointer: string])[] = [
  ["operator's session", { mayApprove: true }, "/mayApprove"],
  ["operator's session", { mayActForOthers: true }, "/mayActForOthers"],
  [ADMIN, { mayApprove: true }, "/mayApprove"],
  [{ ...ADMIN, mayApprove: true }, { mayApprove: true }, "/mayApprove"],
  [{ ...ADMIN, mayActForOthers: true }, { mayApprove: true }, "/mayApprove"],
  [ADMIN, { mayActForOthers: true }, "/mayActForOthers"],
  [{ ...ADMIN, mayApprove: true }, { mayActForOthers: true }, "/mayActForOthers"],
  [ADMIN, { person: "ada" }, "/person"],
  [{ ...ADMIN, mayApprove: true }, { person: "ada" }, "/person"],
  [{ ...ADMIN, person: "ada" }, { person: "bo" }, "/person"],
  [{ ...OWNER, person: "ada" }, { person: "bo" }, "/person"],
  [{ ...ADMIN, person: "ada", mayActForOthers: true }, { person: "bo" }, "/person"],
  [{ ...ADMIN, person: "ada", mayActForOthers: true }, { person: null }, "/person"],
];

it.each(REFUSED)("an asker with %j creates no token with %j", async (asker, wanted, pointer) => {
  const { status, body } = await creationBy(asker, wanted);
  expect([status, body.code, body.pointer]).toEqual([403, "forbidden", pointer]);
});

describe("a child of a token with a person", () => {
  it.each([{}, { person: "ADA" }])("has the same person: %j", async (wanted) => {
    for (const asker of [ADMIN, OWNER]) {
      const { status, body } = await creationBy({ ...asker, person: "ada" }, wanted);
      expect([status, body.person]).toEqual([201, "ada"]);
    }
  });

  it("hands the person down to its own children, also through a session", async () => {
    const project = newProject();
    const owner = await grantToken(project, { ...OWNER, person: "ada" });
    const admin = await grantToken(project, ADMIN, owner.token);
    const { headers } = await beginSession(admin.token);
    const creating = await ask<TokenOnWire>("POST", `${project}/tokens`, {
      token: null,
      headers,
      body: { name: "new", role: "viewer" },
    });
    expect([creating.status, creating.body.person]).toEqual([201, "ada"]);
  });
});

describe("a person in the body", () => {
  it.each(["", "Ada Lovelace", "a\nb", "\u00e4da", "a".repeat(256), "root", "R00T", 1, ["ada"]])(
    "is refused if it is %j",
    async (person) => {
      const body = { name: "new", role: "viewer", person };
      const answer = await ask<Refusal>("POST", `${newProject()}/tokens`, { body });
      expect([answer.status, answer.body.code, answer.body.pointer]).toEqual([400, "invalid_body", "/person"]);
    },
  );
});

it("a rotation keeps the person and the flags, and nothing else can change them", async () => {
  const project = newProject();
  const flags = { person: "ada", mayApprove: true, mayActForOthers: true };
  const { id, token } = await grantToken(project, { role: "viewer", ...flags });
  const rotation = `${project}/tokens/${id}/rotate`;
  const changed = await ask<Refusal>("POST", rotation, { token, body: { person: "bo" } });
  expect([changed.status, changed.body.code]).toEqual([400, "invalid_body"]);
  const rotated = await ask<TokenOnWire>("POST", rotation, { token, body: {} });
  expect([rotated.status, rotated.body]).toEqual([200, expect.objectContaining(flags)]);
  const [listed] = (await ask<TokenOnWire[]>("GET", `${project}/tokens`)).body;
  expect(listed).toMatchObject(flags);
  const whoami = await ask<object>("GET", "/whoami", { token: rotated.body.token });
  expect(whoami.body).toMatchObject(flags);
});

it.each([{ mayApprove: true }, { mayActForOthers: true }])(
  "a session of ROOT_TOKEN can't take over a token with %j, and ROOT_TOKEN can",
  async (flags) => {
    const project = newProject();
    const { id } = await grantToken(project, { role: "viewer", ...flags });
    const { headers } = await beginSession(ROOT, project.slice(1));
    const sent = { token: null, headers, body: {} };
    const rotated = await ask<Refusal>("POST", `${project}/tokens/${id}/rotate`, sent);
    expect([rotated.status, rotated.body.code]).toEqual([403, "forbidden"]);
    expect((await ask("POST", `${project}/tokens/${id}/rotate`, { body: {} })).status).toBe(200);
  },
);

describe("the tokens above a token", () => {
  async function lineIn(project: string): Promise<TokenOnWire[]> {
    const line = [await grantToken(project, OWNER)];
    for (let n = 0; n < 4; n++) line.push(await grantToken(project, ADMIN, line.at(-1)?.token));
    return line;
  }

  it("are known with the token, the nearest first, without the operator", async () => {
    const line = await lineIn(newProject());
    const ids = line.map(({ id }) => id);
    for (const [n, { token }] of line.entries()) {
      const known = await selectToken(env.DB, await sha256(token));
      expect(known?.parents).toEqual(ids.slice(0, n).reverse());
    }
  });

  it("are known with a session of the token, and a session of the operator has none", async () => {
    const project = newProject();
    const line = await lineIn(project);
    const known = async (token: string) => {
      const { cookie } = await beginSession(token, token === ROOT ? project.slice(1) : undefined);
      const hash = await cookieHash(cookie, ROOT);
      return selectSession(env.DB, hash ?? "");
    };
    const [parent, grandparent] = [line[3]?.id, line[2]?.id];
    expect((await known(line[4]?.token ?? ""))?.parents.slice(0, 2)).toEqual([parent, grandparent]);
    expect(await known(ROOT)).toMatchObject({
      id: "root",
      parents: [],
      person: null,
      mayApprove: true,
      mayActForOthers: false,
    });
  });
});
