/** What a session by sign-in leaves behind, and who is one and the same: nobody approves what they started themselves. */

import { describe, expect, it, vi } from "vitest";
import { givenInbound, runOf, send } from "../starts/events.ts";
import { ask, ROOT, type Schemas } from "../support/requests.ts";
import { gatedRun, startGated, storeGated } from "../support/runs/gated.ts";
import { grantToken, newProject, type Refusal, type TokenOnWire } from "../support/tokens.ts";
import { Browser, type PeopleIssuer, type Person, peopleToken, person, usePeople } from "./people.ts";

const DAY_MS = 86_400_000;
const [ADA, BO] = [person("ada"), person("bo")];

/** Who asks: a token, or the headers of a session. */
type Asker = string | { readonly headers: Readonly<Record<string, string>> };

function by(asker: Asker) {
  return typeof asker === "string" ? { token: asker } : { token: null, headers: asker.headers };
}

function mint(project: string, asker: Asker, body: object = {}) {
  return ask<TokenOnWire & Refusal>("POST", `${project}/tokens`, {
    ...by(asker),
    body: { name: "child", role: "admin", ...body },
  });
}

async function minted(project: string, asker: Asker, body: object = {}): Promise<TokenOnWire> {
  const answer = await mint(project, asker, body);
  if (answer.status !== 201) throw new Error(`the mint answered ${answer.status}: ${answer.body.error}`);
  return answer.body;
}

async function rotate(project: string, { id }: { readonly id: string }, asker: Asker): Promise<string> {
  const { status, body } = await ask<Refusal>("POST", `${project}/tokens/${id}/rotate`, { ...by(asker), raw: "" });
  return status === 200 ? "rotated" : body.code;
}

const signIn = (people: PeopleIssuer, who: Person, project: string, token: { readonly id: string }) =>
  new Browser().sessionOf(people, who, project, token);

async function given(wanted: Parameters<typeof peopleToken>[2] = {}) {
  const people = await usePeople();
  const project = newProject();
  const token = await peopleToken(project, people, wanted);
  const [ada, bo] = [await signIn(people, ADA, project, token), await signIn(people, BO, project, token)];
  return { people, project, token, ada, bo };
}

describe("what a session by sign-in mints", () => {
  it("names the person, expires within 90 days, and acts for nobody", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2030-03-01T00:00:00Z") });
    const { project, token, ada } = await given();
    const child = await minted(project, ada);
    const latest = new Date(Date.now() + 90 * DAY_MS).toISOString();
    expect(child).toMatchObject({
      createdBy: "ada@example.com",
      parentId: token.id,
      expiresAt: latest,
      person: null,
      mayApprove: false,
      mayActForOthers: false,
    });
    const tooLong = await mint(project, ada, { expiresAt: new Date(Date.now() + 90 * DAY_MS + 1).toISOString() });
    expect([tooLong.status, tooLong.body.pointer]).toEqual([400, "/expiresAt"]);
    const grandchild = await minted(project, child.token);
    expect(grandchild).toMatchObject({ createdBy: "child", expiresAt: latest });
    const list = await ask<Schemas["ApiTokenList"]>("GET", `${project}/tokens?createdBy=ada@example.com`);
    expect(list.body.map(({ id }) => id)).toEqual([child.id]);
  });

  it.each<[string, object, string]>([
    ["an owner", { role: "owner" }, "/role"],
    ["an approver", { mayApprove: true }, "/mayApprove"],
    ["who acts for others", { mayActForOthers: true }, "/mayActForOthers"],
    ["who acts for somebody", { person: "bo@example.com" }, "/person"],
    ["who acts for the same person", { person: "ada@example.com" }, "/person"],
  ])("is never %s, although the token is an approving owner", async (_what, body, pointer) => {
    const { project, ada } = await given({ role: "owner", mayApprove: true });
    const answer = await mint(project, ada, body);
    expect([answer.status, answer.body.code, answer.body.pointer]).toEqual([403, "forbidden", pointer]);
  });

  it("is rotated by the person's sessions, by itself and by ROOT_TOKEN, and by nobody else", async () => {
    const { people, project, token, ada, bo } = await given();
    const owner = await grantToken(project, { role: "owner" });
    const child = await minted(project, ada);
    const grandchild = await minted(project, child.token);
    const second = await signIn(people, ADA, project, token);
    const another = await signIn(people, ADA, project, await peopleToken(project, people));
    const ofBo = await minted(project, bo);
    const tried: readonly [string, Asker][] = [
      ["a colleague", bo],
      ["the colleague's child", ofBo.token],
      ["an owner", owner.token],
      // It is not above the child.
      ["the person with another token", another],
    ];
    for (const [who, asker] of tried) {
      for (const one of [child, grandchild])
        expect([who, await rotate(project, one, asker)]).toEqual([who, "forbidden"]);
    }
    const refused = await ask<Refusal>("POST", `${project}/tokens/${child.id}/rotate`, { ...by(bo), raw: "" });
    expect(refused.body.error).toMatch(/^Somebody minted this token after signing in\./);
    expect(await rotate(project, child, second)).toBe("rotated");
    expect(await rotate(project, grandchild, second)).toBe("rotated");
    expect(await rotate(project, grandchild, ROOT)).toBe("rotated");
    expect(await rotate(project, ofBo, ofBo.token)).toBe("rotated");
    for (const asker of [ada, ROOT, owner.token]) {
      expect(await rotate(project, token, asker)).toMatch(/^(token_has_no_secret|forbidden)$/);
    }
    expect(await rotate(project, token, ROOT)).toBe("token_has_no_secret");
  });

  it("can be revoked by a colleague who manages tokens", async () => {
    const { project, ada, bo } = await given();
    const child = await minted(project, ada);
    expect((await ask("DELETE", `${project}/tokens/${child.id}`, by(bo))).status).toBe(200);
  });
});

it("what a session stored goes on after it, as the documents say, and ends with the people token", async () => {
  const { project, token, ada } = await given();
  const runs = `${project}/envs/prod/action-runs`;
  const { url } = await givenInbound(undefined, {}, { runs, token: null, headers: ada.headers });
  await ask("DELETE", `${project}/sessions/${ada.id}`);
  expect((await runOf(runs, await send(url, { n: 1 }))).triggeredBy).toBe("ada@example.com");
  await ask("DELETE", `${project}/tokens/${token.id}`);
  expect((await send(url, { n: 2 })).body.code).toBe("starter_ended");
});

describe("nobody approves their own run", () => {
  const runsOf = (project: string) => `${project}/envs/prod/action-runs`;

  async function start(project: string, asker: Asker): Promise<string> {
    return (await gatedRun(runsOf(project), { approval: {} }, {}, by(asker))).id;
  }

  async function decide(project: string, id: string, asker: Asker, what = "approve"): Promise<string> {
    const { status, body } = await ask<Refusal>("POST", `${runsOf(project)}/${id}/${what}`, { ...by(asker), raw: "" });
    return status === 200 ? what : body.code;
  }

  it("two people of one token are two, and one person is one, whatever was minted", async () => {
    const { project, ada, bo } = await given({ mayApprove: true });
    const child = await minted(project, ada);
    const grandchild = await minted(project, child.token);
    for (const asker of [ada, child.token, grandchild.token]) {
      const run = await start(project, asker);
      expect(await decide(project, run, ada)).toBe("own_run");
      expect(await decide(project, run, bo)).toBe("approve");
    }
  });

  it("one person with two tokens is one", async () => {
    const { people, project, ada } = await given({ mayApprove: true });
    const another = await peopleToken(project, people, { mayApprove: true }, { sub: "sub-of-ada" });
    const run = await start(project, ada);
    expect(await decide(project, run, await signIn(people, ADA, project, another))).toBe("own_run");
  });

  it("a person whose e-mail address changed is still the same one, and so is what they minted", async () => {
    const { people, project, token, ada } = await given({ mayApprove: true });
    const child = await minted(project, ada);
    const info = { sub: "sub-of-ada", email: "ada.lovelace@example.com", email_verified: true, groups: ["deployers"] };
    const married = await signIn(people, { ...ADA, userInfo: info }, project, token);
    expect(married.person).toBe("ada.lovelace@example.com");
    for (const asker of [ada, child.token]) {
      expect(await decide(project, await start(project, asker), married)).toBe("own_run");
    }
  });

  it("another account of the issuer with the same name is the same one", async () => {
    const { people, project, token, ada } = await given({ mayApprove: true });
    const twin = { idToken: { sub: "another" }, userInfo: { ...ADA.userInfo, sub: "another" } };
    const run = await start(project, ada);
    expect(await decide(project, run, await signIn(people, twin, project, token))).toBe("own_run");
  });

  it("the user of a portal with the same name is the same one, in any case of letters", async () => {
    const { project, ada, bo } = await given({ mayApprove: true });
    const portal = await grantToken(project, { role: "member", mayActForOthers: true, mayApprove: true });
    const as = (name: string) => ({ headers: { Authorization: `Bearer ${portal.token}`, "On-Behalf-Of": name } });
    await storeGated(runsOf(project), { approval: {} });
    const { body: run } = await startGated(runsOf(project), {}, by(as("ADA@example.com")));
    expect(await decide(project, run.id, ada)).toBe("own_run");
    expect(await decide(project, run.id, bo)).toBe("approve");
    const { body: another } = await startGated(runsOf(project), {}, by(ada));
    expect(await decide(project, another.id, as("ada@example.com"))).toBe("own_run");
    expect(await decide(project, another.id, as("cy@example.com"))).toBe("approve");
  });

  it("who minted the people token is another one, and a person below it approves nothing by a child", async () => {
    const people = await usePeople();
    const project = newProject();
    const owner = await grantToken(project, { role: "owner", mayApprove: true });
    const token = await peopleToken(project, people, { mayApprove: true }, undefined, owner.token);
    const ada = await signIn(people, ADA, project, token);
    const child = await minted(project, ada);
    expect(await decide(project, await start(project, ada), owner.token)).toBe("approve");
    expect(await decide(project, await start(project, owner.token), ada)).toBe("approve");
    expect(await decide(project, await start(project, ada), child.token)).toBe("may_not_approve");
  });

  it("one person's two approvals of one run count once", async () => {
    const { people, project, token, ada, bo } = await given({ mayApprove: true });
    const third = await grantToken(project, { role: "member" });
    await storeGated(runsOf(project), { approval: { required: 2 } });
    const { body: run } = await startGated(runsOf(project), {}, by(third.token));
    expect(await decide(project, run.id, ada)).toBe("approve");
    expect(await decide(project, run.id, await signIn(people, ADA, project, token))).toMatch(/approve/);
    const state = async () =>
      (
        await ask<Schemas["ActionRun"] & { details: Schemas["ActionRunDetails"] }>(
          "GET",
          `${runsOf(project)}/${run.id}?include=details`,
        )
      ).body.details.approval?.approvals.length;
    expect(await state()).toBe(1);
    expect(await decide(project, run.id, bo)).toBe("approve");
  });
});
