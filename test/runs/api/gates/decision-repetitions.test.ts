/** Decisions that are sent again: by their key, by the same person, by somebody else. */

import { describe, expect, it } from "vitest";
import { type Ask, ask } from "../../../support/requests.ts";
import { APPROVAL, decide, gatedRun, LATER, ONE_AT_A_TIME } from "../../../support/runs/gated.ts";
import { grantToken } from "../../../support/tokens.ts";
import { as, deciders } from "./deciders.ts";

const { project, tokens, newPath, onBehalfOf, auditOf, givenWaiting } = deciders();

describe("a decision that somebody made before", () => {
  const audited = async (id: string) => (await auditOf(id)).map(({ actor }) => actor);

  it("is not a namesake's", async () => {
    const { path, run } = await givenWaiting();
    const wanted = { role: "viewer", name: "twin", mayApprove: true } as const;
    const [first, second] = [await grantToken(project, wanted), await grantToken(project, wanted)];
    expect((await decide(path, run.id, "reject", as(first.token))).status).toBe(200);
    const refused = await decide(path, run.id, "reject", as(second.token));
    expect([refused.status, refused.body.code]).toEqual([409, "not_waiting"]);
    expect(await audited(run.id)).toEqual([first.id]);
  });

  it.each(["approve", "reject"] as const)("is the same person's, but not another token's: %s", async (what) => {
    const { path, run } = await givenWaiting();
    const wanted = { role: "viewer", name: "own", person: "eve", mayApprove: true } as const;
    const own = await grantToken(project, wanted);
    expect((await decide(path, run.id, what, as(own.token))).status).toBe(200);
    expect((await decide(path, run.id, what, onBehalfOf("EVE"))).status).toBe(200);
    expect(await audited(run.id)).toEqual([own.id]);
  });
});

it("the key of an approval is no key of a DELETE, also after another approval", async () => {
  const { path, run } = await givenWaiting({ approval: { required: 3 } });
  const { token } = await grantToken(project, { role: "member", name: "eve", mayApprove: true });
  const keyed = as(token, { headers: { "Idempotency-Key": "k" } });
  await decide(path, run.id, "approve", keyed);
  await decide(path, run.id, "approve", as(tokens.approver));
  const { status, body } = await ask<{ code?: string }>("DELETE", `${path}/${run.id}`, keyed);
  expect([status, body.code]).toEqual([422, "idempotency_key_reused"]);
});

it("the key of a DELETE is no key of an approval", async () => {
  const { path, run } = await givenWaiting();
  const { token } = await grantToken(project, { role: "member", name: "eve", mayApprove: true });
  const keyed = as(token, { headers: { "Idempotency-Key": "k" } });
  expect((await ask("DELETE", `${path}/${run.id}`, keyed)).status).toBe(200);
  const { status, body } = await decide(path, run.id, "approve", keyed);
  expect([status, body.code]).toEqual([422, "idempotency_key_reused"]);
});

describe("a repetition after a lost answer", () => {
  it.each(["approve", "reject", "release"] as const)(
    "gets the same answer by its key, and makes no second entry in the audit: %s",
    async (what) => {
      const path = newPath();
      const run = await gatedRun(
        path,
        { ...APPROVAL, ...ONE_AT_A_TIME },
        what === "release" ? { notBefore: LATER } : {},
        as(tokens.creator),
      );
      const token = what === "release" ? tokens.manager : tokens.approver;
      const send = () => decide(path, run.id, what, as(token, { headers: { "Idempotency-Key": "once" } }));
      const first = await send();
      const second = await send();
      expect([first.status, second.status]).toEqual([200, 200]);
      expect(second.headers.get("Idempotent-Replayed")).toBe("true");
      expect(second.body.details.approval).toEqual(first.body.details.approval);
      const action = { approve: "run_approved", reject: "run_rejected", release: "run_released" }[what];
      expect(await auditOf(run.id)).toMatchObject([
        {
          action,
          scope: path
            .slice(1)
            .split("/")
            .filter((_, i) => [0, 1, 3].includes(i))
            .join("/"),
        },
      ]);
    },
  );

  it.each(["approve", "reject"] as const)(
    "gets 200 without a key as well, from the same approver: %s",
    async (what) => {
      const { path, run } = await givenWaiting();
      for (let time = 0; time < 2; time++) {
        const { status, headers } = await decide(path, run.id, what, as(tokens.approver));
        expect([status, headers.get("Idempotent-Replayed")]).toEqual([200, null]);
      }
      expect(await auditOf(run.id)).toHaveLength(1);
    },
  );

  it("with another reason or of another person is another request", async () => {
    const { path, run } = await givenWaiting({ approval: { required: 3 } });
    const headers = { "Idempotency-Key": "k", "On-Behalf-Of": "eve" };
    await decide(path, run.id, "approve", as(tokens.portal, { headers }));
    const reused = async (options: Ask, what: "approve" | "reject" = "approve") =>
      (await decide(path, run.id, what, options)).body.code;
    const other = { body: { reason: "why" }, headers };
    expect(await reused(as(tokens.portal, other))).toBe("idempotency_key_reused");
    const bob = { headers: { ...headers, "On-Behalf-Of": "bob" } };
    expect(await reused(as(tokens.portal, bob))).toBe("idempotency_key_reused");
    expect(await reused(as(tokens.portal, { headers }), "reject")).toBe("idempotency_key_reused");
  });
});
