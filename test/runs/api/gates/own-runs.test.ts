/** Whose own run it is that somebody approves, and who must say for whom they act. */

import { beforeAll, describe, expect, it } from "vitest";
import { type Ask, ask, createRun, ROOT } from "../../../support/requests.ts";
import { APPROVAL, decide, gatedRun, startGated } from "../../../support/runs/gated.ts";
import { grantToken } from "../../../support/tokens.ts";
import { as, deciders } from "./deciders.ts";

const { project, tokens, newPath, onBehalfOf, givenWaiting } = deciders();

/** With which codes the service says that it would refuse each decision. */
const refusals = async (path: string, id: string, asker: Ask) =>
  (await ask<{ refusals: unknown }>("GET", `${path}/${id}/approval`, asker)).body.refusals;

describe("whose own run it is", () => {
  interface Named {
    readonly token: string;
    readonly person?: string;
  }
  const askAs = ({ token, person }: Named): Ask =>
    as(token, person === undefined ? {} : { headers: { "On-Behalf-Of": person } });
  let family: Record<"parent" | "creator" | "child" | "sibling" | "portal" | "stranger", string>;

  beforeAll(async () => {
    const grant = (asker: string, name: string, more = {}) =>
      grantToken(project, { role: "owner", name, mayApprove: true, ...more }, asker).then(({ token }) => token);
    const parent = await grant(ROOT, "parent");
    const creator = await grant(parent, "creator");
    const child = await grant(creator, "child");
    const sibling = await grant(parent, "sibling");
    const portal = await grant(ROOT, "a portal", { mayActForOthers: true });
    family = { parent, creator, child, sibling, portal, stranger: await grant(ROOT, "stranger") };
  });

  const by = (name: keyof typeof family, person?: string) => ({ name, person });
  it.each([
    ["the same token", by("creator"), by("creator"), 403],
    ["the parent of the token", by("creator"), by("parent"), 403],
    ["a child of the token", by("creator"), by("child"), 403],
    ["a sibling of the token", by("creator"), by("sibling"), 200],
    ["a token of another line", by("creator"), by("stranger"), 200],
    ["the same person in another case", by("portal", "eve"), by("portal", "EVE"), 403],
    ["another person of the same portal", by("portal", "eve"), by("portal", "bob"), 200],
    ["a person for a token's own run", by("creator"), by("portal", "eve"), 200],
    ["a token for a person's run", by("portal", "eve"), by("stranger"), 200],
  ] as const)("an approval by %s is $3", async (_who, creator, approver, status) => {
    const path = newPath();
    const named = ({ name, person }: { name: keyof typeof family; person: string | undefined }) =>
      askAs({ token: family[name], ...(person !== undefined && { person }) });
    const run = await gatedRun(path, APPROVAL, {}, named(creator));
    const refusal = status === 403 ? "own_run" : null;
    expect(await refusals(path, run.id, named(approver))).toEqual({ approve: refusal, reject: refusal });
    const answer = await decide(path, run.id, "approve", named(approver));
    expect([answer.status, answer.body.code ?? null]).toEqual([status, refusal]);
    if (status === 200) return;
    // Nor may they reject it. The run is theirs to cancel.
    expect((await decide(path, run.id, "reject", named(approver))).body.code).toBe("own_run");
    // Unless the action allows it.
    const allowing = newPath();
    const own = await gatedRun(allowing, { approval: { allowSelf: true } }, {}, named(creator));
    expect(await refusals(allowing, own.id, named(approver))).toEqual({ approve: null, reject: null });
    expect((await decide(allowing, own.id, "approve", named(approver))).status).toBe(200);
  });

  it("a run of a token without a person is that of the person whose token created that one, and the reverse", async () => {
    const owner = { role: "owner", name: "ann's", person: "ann", mayApprove: true } as const;
    const anns = await grantToken(project, owner);
    const machines = await grantToken(
      project,
      { role: "member", name: "machine", person: null, mayApprove: true },
      anns.token,
    );
    expect(machines.person).toBeNull();
    for (const [creator, approver] of [
      [machines, anns],
      [anns, machines],
    ] as const) {
      const path = newPath();
      const run = await gatedRun(path, APPROVAL, {}, as(creator.token));
      expect(run.triggeredBy).toBe(creator === anns ? "ann" : "machine");
      const { status, body } = await decide(path, run.id, "approve", as(approver.token));
      expect([status, body.code]).toEqual([403, "own_run"]);
    }
  });

  it("no relative of an approver is a second one", async () => {
    const path = newPath();
    const run = await gatedRun(path, { approval: { required: 2 } }, {}, as(tokens.creator));
    expect((await decide(path, run.id, "approve", as(family.creator))).status).toBe(200);
    for (const relative of [family.parent, family.child]) {
      const { status, body } = await decide(path, run.id, "approve", as(relative));
      expect([status, body.code]).toEqual([409, "already_approved"]);
    }
    for (const one of [family.creator, family.parent]) {
      expect(await refusals(path, run.id, as(one))).toEqual({ approve: "already_approved", reject: null });
    }
    expect((await decide(path, run.id, "approve", as(family.sibling))).body.details.waiting).toBeNull();
  });
});

describe("who must name a person", () => {
  const bare = () => as(tokens.portal);
  const isRequired = async (method: string, url: string, options: Ask = bare()) => {
    const { status, body } = await ask<{ code?: string }>(method, url, options);
    expect([method, url.split("/").at(-1), status, body?.code]).toEqual([
      method,
      url.split("/").at(-1),
      422,
      "person_required",
    ]);
  };

  it("a portal, for each change of a run that has gates, and for none of another run", async () => {
    const { path, run } = await givenWaiting();
    await isRequired("DELETE", `${path}/${run.id}`);
    for (const what of ["cancel", "approve", "reject"]) await isRequired("POST", `${path}/${run.id}/${what}`);
    await isRequired("POST", `${path.replace(/action-runs$/, "actions")}/deploy/runs`);
    await decide(path, run.id, "cancel", as(tokens.creator));
    await isRequired("POST", `${path}/${run.id}/retry`);
    const plain = await createRun(path, { actionName: "plain" }, bare());
    expect((await ask("DELETE", `${path}/${plain.id}`, bare())).status).toBe(200);
    expect((await startGated(path, {}, onBehalfOf("eve"))).body).toMatchObject({
      triggeredBy: "eve",
      details: { via: "portal" },
    });
  });

  it("not a token with a person of its own", async () => {
    const path = newPath();
    const wanted = { role: "member", name: "eve's", person: "eve", mayActForOthers: true } as const;
    const own = await grantToken(project, wanted);
    const run = await gatedRun(path, APPROVAL, {}, as(own.token));
    expect(run).toMatchObject({ triggeredBy: "eve", details: { via: "eve's" } });
  });
});
