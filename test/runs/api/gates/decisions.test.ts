/** POST …/approve, …/reject and …/release: what they do, and what they refuse. */

import { describe, expect, it } from "vitest";
import { type Ask, ask, createRun, givenRun, ROOT } from "../../../support/requests.ts";
import {
  APPROVAL,
  type DetailedRun,
  decide,
  detailsOf,
  gatedRun,
  LATER,
  ONE_AT_A_TIME,
} from "../../../support/runs/gated.ts";
import { grantToken } from "../../../support/tokens.ts";
import { as, deciders } from "./deciders.ts";

const { environment, tokens, newPath, waitsForApproval, onBehalfOf, auditOf, givenWaiting } = deciders();

describe("an approval", () => {
  it("opens the gate of a run, and the run shows who gave it for ever", async () => {
    const { path, run } = await givenWaiting();
    expect(run.details).toMatchObject({ waiting: { for: "approval" }, approval: { required: 1, approvals: [] } });
    const body = { reason: "checked with the team" };
    const { status, body: approved } = await decide(path, run.id, "approve", as(tokens.approver, { body }));
    expect([status, approved.status]).toEqual([200, "pending"]);
    const said = { by: "ann", via: null, reason: "checked with the team" };
    const shown = { required: 1, approvals: [expect.objectContaining(said)] };
    expect(approved.details).toMatchObject({ waiting: null, approval: shown });
    await decide(path, run.id, "cancel", { body: { graceSeconds: 0 } });
    expect((await detailsOf(path, run.id)).details.approval).toEqual(shown);
    const { body: events } = await ask<{ type: string; by?: string }[]>("GET", `${path}/${run.id}/events`);
    expect(events.find(({ type }) => type === "approved")).toMatchObject(said.reason ? { by: "ann" } : {});
  });

  it("names the person for whom a portal acts, and the portal", async () => {
    const { path, run } = await givenWaiting();
    const { body } = await decide(path, run.id, "approve", onBehalfOf("eve@example.com"));
    expect(body.details.approval?.approvals).toMatchObject([{ by: "eve@example.com", via: "portal" }]);
  });

  it("counts once for each of as many approvers as the action requires", async () => {
    const { path, run } = await givenWaiting({ approval: { required: 2 } });
    for (let time = 0; time < 2; time++) {
      const { status, body } = await decide(path, run.id, "approve", onBehalfOf("eve"));
      expect([status, body.details.waiting?.for, body.details.approval?.approvals.length]).toEqual([
        200,
        "approval",
        1,
      ]);
    }
    const { body } = await decide(path, run.id, "approve", onBehalfOf("Bob"));
    expect([body.details.waiting, body.details.approval?.approvals.length]).toEqual([null, 2]);
  });

  it("can come before the run's time, so that nobody is woken for it", async () => {
    const path = newPath();
    const run = await gatedRun(path, APPROVAL, { notBefore: LATER }, as(tokens.creator));
    const { body } = await decide(path, run.id, "approve", as(tokens.approver));
    expect(body.details).toMatchObject({ waiting: { for: "time" }, approval: { approvals: [{ by: "ann" }] } });
    const released = await decide(path, run.id, "release", as(tokens.manager));
    expect([released.status, released.body.details.waiting]).toEqual([200, null]);
  });
});

it("a rejection ends a run as cancelled, with its reason, also after an approval", async () => {
  const { path, run } = await givenWaiting({ approval: { required: 2 } });
  await decide(path, run.id, "approve", as(tokens.approver));
  const body = { reason: "not on a Friday" };
  const rejected = await decide(path, run.id, "reject", as(tokens.approver, { body }));
  expect([rejected.status, rejected.body.status]).toEqual([200, "cancelled"]);
  const { body: events } = await ask<{ type: string }[]>("GET", `${path}/${run.id}/events`);
  expect(events.slice(-2)).toMatchObject([
    { type: "rejected", by: "ann", reason: "not on a Friday" },
    { type: "ended", status: "cancelled", cause: "rejected" },
  ]);
});

describe("a release", () => {
  it("opens only the time gate", async () => {
    const path = newPath();
    const run = await gatedRun(path, APPROVAL, { notBefore: LATER }, as(tokens.creator));
    const { status, body } = await decide(path, run.id, "release", as(tokens.manager));
    expect([status, body.details.waiting?.for]).toEqual([200, "approval"]);
    const again = await decide(path, run.id, "release", as(tokens.manager));
    expect([again.status, again.body.code]).toEqual([409, "not_waiting"]);
  });
});

describe("refusals", () => {
  const path = `${environment}-refusals/action-runs`;
  const ungated = async () => createRun(path, { actionName: "plain" });
  const unknown = async () => ({ id: "01a212de-9b55-8003-a8a9-dd2c148ea617" });
  const waiting = () => waitsForApproval(path);
  const opened = async () => {
    const run = await waiting();
    await decide(path, run.id, "approve", as(tokens.approver));
    return run;
  };
  const openedBefore = async () => {
    const run = await gatedRun(path, APPROVAL, { notBefore: LATER }, as(tokens.creator));
    await decide(path, run.id, "approve", as(tokens.approver));
    return run;
  };
  const ended = async () => {
    const run = await waiting();
    await decide(path, run.id, "cancel");
    return run;
  };
  const later = () => gatedRun(path, ONE_AT_A_TIME, { notBefore: LATER }, as(tokens.creator));

  type What = "approve" | "reject" | "release";
  type Case = [
    why: string,
    what: What,
    of: () => Promise<{ id: string }>,
    ask: () => Ask,
    status: number,
    code: string,
  ];
  const ofBoth = (why: string, of: Case[2], asked: Case[3], status: number, code: string): Case[] =>
    (["approve", "reject"] as const).map((what) => [why, what, of, asked, status, code]);
  const approver = () => as(tokens.approver);

  it.each<Case>([
    ...ofBoth("a token without mayApprove", waiting, () => as(tokens.viewer), 403, "may_not_approve"),
    ...ofBoth("an admin without mayApprove", waiting, () => as(tokens.manager), 403, "may_not_approve"),
    ...ofBoth("a portal that names nobody", waiting, () => as(tokens.portal), 422, "person_required"),
    ...ofBoth("a run that is not there", unknown, approver, 404, "run_not_found"),
    ...ofBoth("a run without gates", ungated, approver, 409, "not_waiting"),
    ...ofBoth("a run that has ended", ended, approver, 409, "not_waiting"),
    ...ofBoth("a run that needs no approval", later, approver, 409, "not_waiting"),
    ["a run that was approved, by another", "approve", opened, () => as(ROOT), 409, "not_waiting"],
    ["a run that was approved", "reject", opened, approver, 409, "not_waiting"],
    ...ofBoth("a run that is approved and waits for its time", openedBefore, () => as(ROOT), 409, "not_waiting"),
    ["a viewer", "release", later, approver, 403, "forbidden"],
    ["a member", "release", later, () => as(tokens.creator), 403, "forbidden"],
    ["a portal that names nobody", "release", later, () => as(tokens.portal), 422, "person_required"],
    ["a run that is not there", "release", unknown, () => as(tokens.manager), 404, "run_not_found"],
    ["a run that waits for approval", "release", waiting, () => as(tokens.manager), 409, "not_waiting"],
    ["a run without gates", "release", ungated, () => as(tokens.manager), 409, "not_waiting"],
  ])("of %s: %s", async (_why, what, of, asked, status, code) => {
    const { id } = await of();
    const answer = await decide(path, id, what, asked());
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    // The run that has ended was cancelled.
    const decided = (await auditOf(id)).filter((entry) => entry.action !== "run_cancelled");
    expect(decided).toHaveLength(of === opened || of === openedBefore ? 1 : 0);
  });

  it("bad bodies change nothing", async () => {
    const { id } = await waiting();
    for (const body of [{ reason: "a\nb" }, { reason: "é".repeat(600) }, { reason: 1 }, { why: "" }, []]) {
      const { status, body: refusal } = await decide(path, id, "approve", as(tokens.approver, { body }));
      expect([status, refusal.code]).toEqual([400, "invalid_body"]);
    }
    expect((await detailsOf(path, id)).details.approval?.approvals).toEqual([]);
  });
});

describe("at one instant", () => {
  const outcomes = (answers: readonly { status: number; body: { code?: string } }[]) =>
    answers.map(({ status, body }) => body.code ?? status).sort();

  it("approve and reject have one winner", async () => {
    const { path, run } = await givenWaiting();
    const answers = await Promise.all([
      decide(path, run.id, "approve", as(tokens.approver)),
      decide(path, run.id, "reject", onBehalfOf("eve")),
    ]);
    expect(outcomes(answers)).toEqual([200, "not_waiting"]);
    const isApproved = answers[0]?.status === 200;
    expect((await detailsOf(path, run.id)).status === "cancelled").toBe(!isApproved);
  });

  it("approve and cancel leave the run cancelled, and an approval that lost does not count", async () => {
    const { path, run } = await givenWaiting({ approval: { required: 2 } });
    const [approved, cancelled] = await Promise.all([
      decide(path, run.id, "approve", as(tokens.approver)),
      decide(path, run.id, "cancel", as(tokens.creator)),
    ]);
    expect(cancelled.status).toBe(200);
    const { status, details } = await detailsOf(path, run.id);
    expect([status, details.approval?.approvals.length]).toEqual(["cancelled", approved.status === 200 ? 1 : 0]);
  });

  it("two approvers for one gate open it once", async () => {
    const { path, run } = await givenWaiting();
    const answers = await Promise.all([
      decide(path, run.id, "approve", as(tokens.approver)),
      decide(path, run.id, "approve", onBehalfOf("eve")),
    ]);
    expect(outcomes(answers)).toEqual([200, "not_waiting"]);
    expect((await detailsOf(path, run.id)).details.approval?.approvals).toHaveLength(1);
  });
});

describe("a run that waits", () => {
  it("refuses heartbeats and reports, and a viewer can't delete it", async () => {
    const path = newPath();
    // Its own trigger, because the caller of an action never learns the callback token.
    const trigger = { type: "webhook", url: "https://ci.example.com/hooks/deploy" };
    const run = await createRun(path, { actionName: "deploy", trigger, notBefore: LATER });
    const { token, url } = run.callback;
    for (const [to, body] of [
      [url, { status: "succeeded" }],
      [url.replace(/callback$/, "heartbeat"), {}],
    ] as const) {
      const answer = await ask<{ code: string }>("POST", to, { token, body });
      expect([answer.status, answer.body.code]).toEqual([409, "run_waiting"]);
    }
    const viewers = await ask<{ code: string }>("DELETE", `${path}/${run.id}`, as(tokens.viewer));
    expect([viewers.status, viewers.body.code]).toEqual([403, "forbidden"]);
    expect((await ask<DetailedRun>("DELETE", `${path}/${run.id}`, as(tokens.creator))).body.status).toBe("cancelled");
  });

  it("ends a viewer's DELETE of a run without gates as ever", async () => {
    const { runPath } = await givenRun();
    const { token } = await grantToken("/acme/shop", { role: "viewer" });
    expect((await ask("DELETE", runPath, { token })).status).toBe(200);
  });
});
