/** POST …/approve, …/reject and …/release: what they do, and what they refuse. */

import { beforeAll, describe, expect, it } from "vitest";
import {
  APPROVAL,
  type DetailedRun,
  decide,
  detailsOf,
  gatedRun,
  LATER,
  ONE_AT_A_TIME,
  type StoredGates,
  startGated,
} from "../../../support/gated.ts";
import { type Ask, ask, createRun, newRunsPath, ROOT } from "../../../support/requests.ts";
import { grantToken, newProject } from "../../../support/tokens.ts";

const project = newProject();
const environment = `${project}/envs/e`;
let count = 0;
/** The runs of an environment of the project that no other test uses. */
const newPath = () => `${environment}${++count}/action-runs`;
const tokens = { creator: "", approver: "", viewer: "", manager: "", portal: "" };

beforeAll(async () => {
  const grant = async (wanted: Parameters<typeof grantToken>[1]) => (await grantToken(project, wanted)).token;
  tokens.creator = await grant({ role: "member", name: "ci" });
  tokens.approver = await grant({ role: "viewer", name: "ann", mayApprove: true });
  tokens.viewer = await grant({ role: "viewer", name: "guest" });
  tokens.manager = await grant({ role: "admin", name: "boss" });
  tokens.portal = await grant({ role: "admin", name: "portal", mayApprove: true, mayActForOthers: true });
});

const waitsForApproval = (path: string, gates: StoredGates = APPROVAL) =>
  gatedRun(path, gates, {}, { token: tokens.creator });
const as = (token: string, more: Ask = {}): Ask => ({ token, ...more });
const onBehalfOf = (person: string): Ask => as(tokens.portal, { headers: { "On-Behalf-Of": person } });

describe("an approval", () => {
  it("opens the gate of a run, and the run shows who gave it for ever", async () => {
    const path = newPath();
    const run = await waitsForApproval(path);
    expect(run.details).toMatchObject({
      waiting: { for: "approval" },
      approval: { required: 1, approvals: [] },
    });
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
    const path = newPath();
    const run = await waitsForApproval(path);
    const { body } = await decide(path, run.id, "approve", onBehalfOf("eve@example.com"));
    expect(body.details.approval?.approvals).toMatchObject([{ by: "eve@example.com", via: "portal" }]);
  });

  it("counts once for each of as many approvers as the action requires", async () => {
    const path = newPath();
    const run = await waitsForApproval(path, { approval: { required: 2 } });
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
    expect(body.details).toMatchObject({
      waiting: { for: "time" },
      approval: { approvals: [{ by: "ann" }] },
    });
    const released = await decide(path, run.id, "release", as(tokens.manager));
    expect([released.status, released.body.details.waiting]).toEqual([200, null]);
  });
});

it("a rejection ends a run as cancelled, with its reason, also after an approval", async () => {
  const path = newPath();
  const run = await waitsForApproval(path, { approval: { required: 2 } });
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

describe("a decision that somebody made before", () => {
  const audited = async (id: string) => {
    const { body } = await ask<{ target: string; actor: string }[]>("GET", `${project}/audit`);
    return body.filter(({ target }) => target === id).map(({ actor }) => actor);
  };

  it("is not a namesake's", async () => {
    const path = newPath();
    const run = await waitsForApproval(path);
    const wanted = { role: "viewer", name: "twin", mayApprove: true } as const;
    const [first, second] = [await grantToken(project, wanted), await grantToken(project, wanted)];
    expect((await decide(path, run.id, "reject", as(first.token))).status).toBe(200);
    const refused = await decide(path, run.id, "reject", as(second.token));
    expect([refused.status, refused.body.code]).toEqual([409, "not_waiting"]);
    expect(await audited(run.id)).toEqual([first.id]);
  });

  it.each(["approve", "reject"] as const)(
    "is the same person's, but not another token's: %s",
    async (what) => {
      const path = newPath();
      const run = await waitsForApproval(path);
      const wanted = { role: "viewer", name: "own", person: "eve", mayApprove: true } as const;
      const own = await grantToken(project, wanted);
      expect((await decide(path, run.id, what, as(own.token))).status).toBe(200);
      expect((await decide(path, run.id, what, onBehalfOf("EVE"))).status).toBe(200);
      expect(await audited(run.id)).toEqual([own.id]);
    },
  );
});

it("the key of an approval is no key of a DELETE, also after another approval", async () => {
  const path = newPath();
  const run = await waitsForApproval(path, { approval: { required: 3 } });
  const { token } = await grantToken(project, { role: "member", name: "eve", mayApprove: true });
  const keyed = as(token, { headers: { "Idempotency-Key": "k" } });
  await decide(path, run.id, "approve", keyed);
  await decide(path, run.id, "approve", as(tokens.approver));
  const { status, body } = await ask<{ code?: string }>("DELETE", `${path}/${run.id}`, keyed);
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
      const path = newPath();
      const run = await waitsForApproval(path);
      for (let time = 0; time < 2; time++) {
        const { status, headers } = await decide(path, run.id, what, as(tokens.approver));
        expect([status, headers.get("Idempotent-Replayed")]).toEqual([200, null]);
      }
      expect(await auditOf(run.id)).toHaveLength(1);
    },
  );

  it("with another reason or of another person is another request", async () => {
    const path = newPath();
    const run = await waitsForApproval(path, { approval: { required: 3 } });
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

interface Entry {
  readonly action: string;
  readonly actorName: string;
  readonly target: string;
  readonly scope: string;
}

async function auditOf(target: string): Promise<Entry[]> {
  const { body } = await ask<Entry[]>("GET", `${project}/audit?limit=200`);
  return body.filter((entry) => entry.target === target);
}

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
    ...ofBoth(
      "a run that is approved and waits for its time",
      openedBefore,
      () => as(ROOT),
      409,
      "not_waiting",
    ),
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
    expect(await auditOf(id)).toHaveLength(of === opened || of === openedBefore ? 1 : 0);
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
      grantToken(project, { role: "owner", name, mayApprove: true, ...more }, asker).then(
        ({ token }) => token,
      );
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
    ["the same person, in another case", by("portal", "eve"), by("portal", "EVE"), 403],
    ["another person of the same portal", by("portal", "eve"), by("portal", "bob"), 200],
    ["a person, for a token's own run", by("creator"), by("portal", "eve"), 200],
    ["a token, for a person's run", by("portal", "eve"), by("stranger"), 200],
  ] as const)("%s", async (_who, creator, approver, status) => {
    const path = newPath();
    const named = ({ name, person }: { name: keyof typeof family; person: string | undefined }) =>
      askAs({ token: family[name], ...(person !== undefined && { person }) });
    const run = await gatedRun(path, APPROVAL, {}, named(creator));
    const answer = await decide(path, run.id, "approve", named(approver));
    expect([answer.status, answer.body.code]).toEqual([status, status === 403 ? "own_run" : undefined]);
    if (status === 200) return;
    // Nor may they reject it. The run is theirs to cancel.
    expect((await decide(path, run.id, "reject", named(approver))).body.code).toBe("own_run");
    // Unless the action allows it.
    const allowing = newPath();
    const own = await gatedRun(allowing, { approval: { allowSelf: true } }, {}, named(creator));
    expect((await decide(allowing, own.id, "approve", named(approver))).status).toBe(200);
  });

  it("no relative of an approver is a second one", async () => {
    const path = newPath();
    const run = await gatedRun(path, { approval: { required: 2 } }, {}, as(tokens.creator));
    expect((await decide(path, run.id, "approve", as(family.creator))).status).toBe(200);
    for (const relative of [family.parent, family.child]) {
      const { status, body } = await decide(path, run.id, "approve", as(relative));
      expect([status, body.code]).toEqual([409, "already_approved"]);
    }
    expect((await decide(path, run.id, "approve", as(family.sibling))).body.details.waiting).toBeNull();
  });
});

describe("at one instant", () => {
  const outcomes = (answers: readonly { status: number; body: { code?: string } }[]) =>
    answers.map(({ status, body }) => body.code ?? status).sort();

  it("approve and reject have one winner", async () => {
    const path = newPath();
    const run = await waitsForApproval(path);
    const answers = await Promise.all([
      decide(path, run.id, "approve", as(tokens.approver)),
      decide(path, run.id, "reject", onBehalfOf("eve")),
    ]);
    expect(outcomes(answers)).toEqual([200, "not_waiting"]);
    const isApproved = answers[0]?.status === 200;
    expect((await detailsOf(path, run.id)).status === "cancelled").toBe(!isApproved);
  });

  it("approve and cancel leave the run cancelled, and an approval that lost does not count", async () => {
    const path = newPath();
    const run = await waitsForApproval(path, { approval: { required: 2 } });
    const [approved, cancelled] = await Promise.all([
      decide(path, run.id, "approve", as(tokens.approver)),
      decide(path, run.id, "cancel", as(tokens.creator)),
    ]);
    expect(cancelled.status).toBe(200);
    const { status, details } = await detailsOf(path, run.id);
    expect([status, details.approval?.approvals.length]).toEqual([
      "cancelled",
      approved.status === 200 ? 1 : 0,
    ]);
  });

  it("two approvers for one gate open it once", async () => {
    const path = newPath();
    const run = await waitsForApproval(path);
    const answers = await Promise.all([
      decide(path, run.id, "approve", as(tokens.approver)),
      decide(path, run.id, "approve", onBehalfOf("eve")),
    ]);
    expect(outcomes(answers)).toEqual([200, "not_waiting"]);
    expect((await detailsOf(path, run.id)).details.approval?.approvals).toHaveLength(1);
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
    const path = newPath();
    const run = await waitsForApproval(path);
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
    expect((await ask<DetailedRun>("DELETE", `${path}/${run.id}`, as(tokens.creator))).body.status).toBe(
      "cancelled",
    );
  });

  it("ends a viewer's DELETE of a run without gates as ever", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    const { token } = await grantToken("/acme/shop", { role: "viewer" });
    expect((await ask("DELETE", `${path}/${run.id}`, { token })).status).toBe(200);
  });
});
