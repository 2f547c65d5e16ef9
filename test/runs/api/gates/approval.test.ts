/** GET …/approval: what an approver decides about. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { HOUR_MS, hurryTimers, until } from "../../../support/direct.ts";
import { breakD1, faults } from "../../../support/faults.ts";
import { type Ask, ask, ROOT } from "../../../support/requests.ts";
import { APPROVAL, type Details, decide, givenGated, ONE_AT_A_TIME, storeGated } from "../../../support/runs/gated.ts";
import { grantToken } from "../../../support/tokens.ts";

interface Approval {
  readonly required: number;
  readonly allowSelf: boolean;
  readonly approvals: NonNullable<Details["approval"]>["approvals"];
  readonly refusals: { readonly approve: string | null; readonly reject: string | null };
  readonly request: { readonly headers: Record<string, string | null> } | null;
  readonly action: { readonly name: string; readonly version: number; readonly isChanged: boolean | null };
  readonly code?: string;
}

const approvalOf = (runs: string, id: string, options: Ask = {}) =>
  ask<Approval>("GET", `${runs}/${id}/approval`, options);

describe("the approval of a run", () => {
  it("shows the request as it will be sent, without secrets, whatever happens to the action", async () => {
    const { path, run } = await givenGated({ approval: { required: 2, allowSelf: true } });
    const { status, body } = await approvalOf(path, run.id);
    const request = {
      method: "POST",
      url: "https://ci.example.com/hooks/deploy",
      headers: { Authorization: null },
      payload: { version: "1.4.2", token: null },
    };
    const action = { name: "deploy", version: expect.any(Number), isChanged: false };
    const refusals = { approve: null, reject: null };
    const until = run.details.waiting?.until;
    const face = { title: null, subject: null };
    const expected = {
      ...face,
      required: 2,
      allowSelf: true,
      tokens: null,
      approvals: [],
      until,
      refusals,
      request,
      action,
    };
    expect([status, body]).toEqual([200, expected]);
    await storeGated(path, ONE_AT_A_TIME);
    const changed = { ...expected, action: { ...body.action, isChanged: true } };
    expect((await approvalOf(path, run.id)).body).toEqual(changed);
    await ask("DELETE", `${path.replace(/action-runs$/, "actions")}/deploy`);
    expect((await approvalOf(path, run.id)).body).toEqual(changed);
  });

  it("has the approvals, and no request after the run's end", async () => {
    const { path, run } = await givenGated({ approval: { required: 2, allowSelf: true } });
    await decide(path, run.id, "approve", { body: { reason: "fine" } });
    const approvals = [expect.objectContaining({ by: "root", byId: "root", via: null, reason: "fine" })];
    expect((await approvalOf(path, run.id)).body).toMatchObject({ approvals, request: { method: "POST" } });
    await decide(path, run.id, "reject");
    expect((await approvalOf(path, run.id)).body).toMatchObject({ approvals, until: null, request: null });
  });

  it("is there for whoever may read runs, and GET changes nothing", async () => {
    const { path, run } = await givenGated(APPROVAL);
    const { token } = await grantToken("/acme/shop", { role: "viewer", mayApprove: true });
    for (const method of ["GET", "HEAD"]) {
      expect((await ask<unknown>(method, `${path}/${run.id}/approval`, { token })).status).toBe(200);
      expect((await ask<unknown>(method, `${path}/${run.id}/approve`, { token })).status).toBe(405);
    }
    expect((await approvalOf(path, run.id)).body.approvals).toEqual([]);
  });

  it("says with which code a decision of the asker would be refused", async () => {
    const { path, run } = await givenGated(APPROVAL);
    const refusals = async (options: Ask) => {
      const { status, body } = await approvalOf(path, run.id, options);
      return [status, body.refusals.approve, body.refusals.reject];
    };
    const all = (code: string | null) => [200, code, code];
    const grant = async (flags: object) => (await grantToken("/acme/shop", { role: "viewer", ...flags })).token;
    const [viewer, approver, portal] = await Promise.all([
      grant({}),
      grant({ mayApprove: true }),
      grant({ mayApprove: true, mayActForOthers: true }),
    ]);
    const headers = (person: string) => ({ headers: { "On-Behalf-Of": person } });
    expect(await refusals({ token: viewer })).toEqual(all("may_not_approve"));
    expect(await refusals({ token: approver })).toEqual(all(null));
    // The operator created the run.
    expect(await refusals({ token: ROOT })).toEqual(all("own_run"));
    expect(await refusals({ token: portal })).toEqual(all("person_required"));
    expect(await refusals({ token: portal, ...headers("ada") })).toEqual(all(null));
    // A read is not refused for its header: what is no person names nobody, and other tokens name nobody.
    expect(await refusals({ token: portal, ...headers("Ada Lovelace") })).toEqual(all("person_required"));
    expect(await refusals({ token: ROOT, ...headers("ada") })).toEqual(all("own_run"));
    expect((await decide(path, run.id, "reject", { token: approver })).status).toBe(200);
    expect(await refusals({ token: approver })).toEqual(all("not_waiting"));
  });

  it("is 404 for a run without this gate, and for no run", async () => {
    const { path, run } = await givenGated(ONE_AT_A_TIME);
    expect(await approvalOf(path, run.id)).toMatchObject({ status: 404, body: { code: "approval_not_found" } });
    const none = await approvalOf(path, "01a212de-9b55-8003-a8a9-dd2c148ea617");
    expect([none.status, none.body.code]).toEqual([404, "run_not_found"]);
  });

  it("can't say whether the action has changed while D1 is down, and approving works", async () => {
    const { path, run } = await givenGated({ approval: { allowSelf: true } });
    const { open } = breakD1("down");
    expect((await approvalOf(path, run.id)).body).toMatchObject({
      request: { method: "POST" },
      action: { isChanged: null },
    });
    expect((await decide(path, run.id, "approve")).status).toBe(200);
    open();
  });
});

describe("the entry in the audit", () => {
  it.each([0, HOUR_MS])(
    "is written when D1 works again, and once, although the clock steps back by %i ms",
    async (step) => {
      const { path, run } = await givenGated({ approval: { allowSelf: true } });
      const audit = async () => {
        const { body } = await ask<{ target: string; action: string }[]>("GET", "/acme/shop/audit?limit=200");
        return body.filter(({ target }) => target === run.id).map(({ action }) => action);
      };
      hurryTimers();
      faults.writes = { refuse: (_bound, sql) => sql.includes("INSERT INTO audit") };
      const headers = { "Idempotency-Key": "k" };
      expect((await decide(path, run.id, "approve", { headers })).status).toBe(200);
      expect(await audit()).toEqual([]);
      const now = Date.now.bind(Date);
      vi.spyOn(Date, "now").mockImplementation(() => now() - step);
      const refused = faults.calls;
      await until(async () => faults.calls > refused);
      faults.writes = null;
      await vi.waitFor(async () => expect(await audit()).toEqual(["run_approved"]), { timeout: 20_000 });
      // The isolate that made the change may have ended before its entry was there.
      expect((await decide(path, run.id, "approve", { headers })).status).toBe(200);
      expect((await decide(path, run.id, "approve")).status).toBe(200);
      expect(await audit()).toEqual(["run_approved"]);
    },
  );

  it("is written by the repetition, if the first try could not", async () => {
    const { path, run } = await givenGated({ approval: { allowSelf: true } });
    await decide(path, run.id, "approve", { token: ROOT });
    const count = () =>
      env.DB.prepare("SELECT count(*) AS n FROM audit WHERE target = ?").bind(run.id).first<number>("n");
    expect(await count()).toBe(1);
    await env.DB.prepare("DELETE FROM audit WHERE target = ?").bind(run.id).run();
    await decide(path, run.id, "approve", { token: ROOT });
    expect(await count()).toBe(1);
  });
});
