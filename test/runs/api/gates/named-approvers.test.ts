/** `approval.tokens`: the tokens that alone may approve and reject the runs of an action. */

import { describe, expect, it } from "vitest";
import { ask } from "../../../support/requests.ts";
import { decide, gatedRun, storeGated } from "../../../support/runs/gated.ts";
import { grantToken } from "../../../support/tokens.ts";
import { as, deciders } from "./deciders.ts";

const { project, tokens, newPath } = deciders();

const grant = (more: object = {}) => grantToken(project, { role: "viewer", name: "named", mayApprove: true, ...more });

async function givenNamed(approval: { readonly tokens: readonly string[]; readonly required?: number }) {
  const path = newPath();
  return { path, run: await gatedRun(path, { approval }, {}, as(tokens.creator)) };
}

async function refusals(path: string, id: string, token: string) {
  const { body } = await ask<{ refusals: object; tokens: unknown }>("GET", `${path}/${id}/approval`, { token });
  return [body.refusals, body.tokens];
}

it("only a named token may decide, not one that may approve, the operator, or one below", async () => {
  const named = await grant({ role: "owner" });
  const below = await grantToken(project, { role: "viewer", mayApprove: true }, named.token);
  const { path, run } = await givenNamed({ tokens: [named.id] });
  for (const token of [tokens.approver, below.token, undefined]) {
    for (const what of ["approve", "reject"] as const) {
      const { status, body } = await decide(path, run.id, what, token === undefined ? {} : as(token));
      expect([status, body.code]).toEqual([403, "not_an_approver"]);
    }
  }
  const all = { approve: "not_an_approver", reject: "not_an_approver" };
  expect(await refusals(path, run.id, tokens.approver)).toEqual([all, [named.id]]);
  expect(await refusals(path, run.id, named.token)).toEqual([{ approve: null, reject: null }, [named.id]]);
  expect((await decide(path, run.id, "approve", as(named.token))).body.details.waiting).toBeNull();
});

it("a named token still needs mayApprove, and stays named over a rotation", async () => {
  const [weak, rotated] = [await grant({ mayApprove: false }), await grant()];
  const { path, run } = await givenNamed({ tokens: [weak.id, rotated.id] });
  const refused = await decide(path, run.id, "approve", as(weak.token));
  expect([refused.status, refused.body.code]).toEqual([403, "may_not_approve"]);
  const { body } = await ask<{ token: string }>("POST", `${project}/tokens/${rotated.id}/rotate`, { body: {} });
  expect((await decide(path, run.id, "approve", as(body.token))).status).toBe(200);
});

it("the list is fixed with the run, whatever happens to the action", async () => {
  const named = await grant();
  const { path, run } = await givenNamed({ tokens: [named.id] });
  await storeGated(path, { approval: {} });
  expect((await decide(path, run.id, "approve", as(tokens.approver))).body.code).toBe("not_an_approver");
  expect((await decide(path, run.id, "reject", as(named.token))).status).toBe(200);
});

it("the approval of a named token counts until it is revoked", async () => {
  const [first, second] = [await grant(), await grant()];
  const { path, run } = await givenNamed({ tokens: [first.id, second.id], required: 2 });
  await decide(path, run.id, "approve", as(first.token));
  await ask("DELETE", `${project}/tokens/${first.id}`);
  const { body } = await decide(path, run.id, "approve", as(second.token));
  expect(body.details).toMatchObject({ waiting: { for: "approval" }, approval: { approvals: [{ byId: second.id }] } });
});

describe("a PUT", () => {
  type Stored = { readonly code?: string; readonly pointer?: string; readonly approval?: { readonly tokens: unknown } };
  const put = (ids: unknown, more: object = {}) => {
    const trigger = { type: "webhook", url: "https://ci.example.com/hooks/deploy" };
    const path = `${newPath().replace(/action-runs$/, "actions")}/deploy`;
    return ask<Stored>("PUT", path, { body: { trigger, approval: { tokens: ids, ...more } } });
  };

  it("keeps the list, and takes a repeated id once, also in upper case", async () => {
    const { id } = await grant();
    expect((await put([id, id.toUpperCase()])).body.approval?.tokens).toEqual([id]);
  });

  it.each([
    ["no token", [], "/approval/tokens"],
    ["no list", "x", "/approval/tokens"],
    ["a name", ["ann"], "/approval/tokens/0"],
    ["the operator", ["root"], "/approval/tokens/0"],
    ["an unknown id", ["01890a5d-ac96-774b-bcce-b302099a8057"], "/approval/tokens/0"],
    ["21 ids", Array.from({ length: 21 }, () => crypto.randomUUID()), "/approval/tokens"],
  ])("refuses %s", async (_what, ids, pointer) => {
    const { status, body } = await put(ids);
    expect([status, body.code, body.pointer]).toEqual([400, "invalid_body", pointer]);
  });

  it("refuses a token of another project, and more approvals than tokens", async () => {
    const known = await grant();
    const other = await grantToken("/acme/elsewhere", { role: "viewer", mayApprove: true });
    expect((await put([known.id, other.id])).body).toMatchObject({ pointer: "/approval/tokens/1" });
    expect((await put([known.id, known.id], { required: 2 })).body).toMatchObject({ pointer: "/approval/required" });
  });
});
