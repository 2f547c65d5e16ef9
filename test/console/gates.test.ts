/** What the console says of runs that are held back, to whom it offers a decision, and when it asks the service first. */

import { describe, expect, it } from "vitest";
import type { Schemas } from "../../src/client/index.ts";
import { ACTION_FIELDS } from "../../src/console/actions/action-fields.ts";
import { unshownOf, withMember } from "../../src/console/definitions/members.ts";
import { type Holder, isUndecided, mayBeOwn } from "../../src/console/gates/approval.tsx";
import { readLocalTime, zonesText } from "../../src/console/gates/local-time.tsx";
import { newer, rowOf } from "../../src/console/runs/run-list.ts";
import { localSuggestions, termsOf } from "../../src/console/runs/search.ts";
import { flagWords, grantableOf } from "../../src/console/tokens/token-rules.ts";
import { ordinal, type Waiting, waitingText, whenText } from "../../src/words/waiting.ts";
import * as api from "../support/api/api-objects.ts";

type DetailedActionRun = Schemas["DetailedActionRun"];

const NOW = Date.parse("2026-11-25T12:00:00Z");
const inHours = (hours: number) => new Date(NOW + hours * 3_600_000).toISOString();

const WAITING: Waiting = { ...api.WAITING, since: inHours(0), until: inHours(24) };
const APPROVED: NonNullable<NonNullable<DetailedActionRun["details"]>["approval"]>["approvals"][number] = {
  by: "cleo",
  byId: "token-cleo",
  via: null,
  at: inHours(0),
  reason: null,
};

describe("what a run waits for", () => {
  const shop = { for: "concurrency", group: "shop" } as const;
  it.each([
    [{}, "waits for approval"],
    [shop, "waits for a slot of group shop"],
    [{ ...shop, key: "eu" }, "waits for a slot of group shop (eu)"],
    [{ ...shop, position: 3 }, "3rd in line for group shop"],
    [{ for: "concurrency" }, "starts now"],
    [{ for: "pause", reason: "a freeze" }, "waits for the end of a pause: a freeze"],
    [{ for: "time", notBefore: inHours(-1) }, "starts now"],
  ] as const)("%j: %s", (waiting, text) => {
    expect(waitingText({ ...WAITING, ...waiting }, NOW)).toBe(text);
  });

  it("is a time with its day, its zone and how far it is, also in a month", () => {
    const text = (hours: number) => waitingText({ ...WAITING, for: "time", notBefore: inHours(hours) }, NOW);
    expect(text(9)).toMatch(/^starts \w{3} \d\d:\d\d GMT\S*, in 9h$/);
    expect(text(20 * 24)).toMatch(/^starts \w{3} \d{1,2} \w{3}, \d\d:\d\d GMT\S*, in 20d$/);
  });

  it.each([
    [1, "1st"],
    [2, "2nd"],
    [3, "3rd"],
    [4, "4th"],
    [11, "11th"],
    [22, "22nd"],
    [113, "113th"],
  ])("the %i in line is the %s", (count, text) => {
    expect(ordinal(count)).toBe(text);
  });
});

it("a time that was typed is shown in the zone of this machine and in UTC", () => {
  const local = "2026-12-01T06:00";
  const at = new Date(local);
  expect(readLocalTime(local)).toBe(at.toISOString());
  expect([readLocalTime(""), readLocalTime("soon")]).toEqual([undefined, null]);
  const utc = at.toISOString().slice(0, 16).replace("T", " ");
  expect(zonesText(local, NOW)).toMatch(`${whenText(at.getTime(), NOW)} (`);
  expect(zonesText(local, NOW)?.endsWith(`, ${utc} UTC`)).toBe(true);
  expect(zonesText("", NOW)).toBeNull();
});

const RUN: DetailedActionRun = {
  ...api.RUN,
  triggeredBy: "ci",
  createdAt: inHours(0),
  details: {
    ...api.DETAILS,
    source: "action",
    action: { name: "deploy", version: 1 },
    waiting: WAITING,
    approval: { required: 2, approvals: [] },
  },
};
type Details = NonNullable<DetailedActionRun["details"]>;
const withDetails = (details: Partial<Details>, more: Partial<DetailedActionRun> = {}) =>
  ({ ...RUN, ...more, details: { ...RUN.details, ...details } }) as DetailedActionRun;

describe("a decision", () => {
  const ADA: Holder = { name: "ada", person: null, mayApprove: true };
  const asPerson = (person: string): Holder => ({ ...ADA, name: "portal", person });
  const ofPerson = (person: string) => withDetails({ via: "portal" }, { triggeredBy: person });
  const approvedBy = (...approvals: readonly Partial<typeof APPROVED>[]) =>
    withDetails({ approval: { required: 2, approvals: approvals.map((one) => ({ ...APPROVED, ...one })) } });

  it.each([
    ["a run that waits for approval", true, RUN, ADA],
    ["one before its time", true, withDetails({ waiting: { ...WAITING, for: "time" } }), ADA],
    ["one that a token without the flag sees", false, RUN, { ...ADA, mayApprove: false }],
    ["one without an approval gate", false, withDetails({ approval: null }), ADA],
    ["one that was released", false, withDetails({ waiting: null }), ADA],
    ["one that has ended", false, withDetails({}, { status: "cancelled" }), ADA],
    ["one that needs another approver", true, approvedBy({}), ADA],
    ["one that all have approved", false, approvedBy({}, { byId: "b" }), ADA],
  ] as const)("is offered about %s: %s", (_, expected, run, holder) => {
    expect(isUndecided(run, holder)).toBe(expected);
  });

  it.each([
    ["somebody else's", false, RUN, ADA],
    ["of a token with this name", true, RUN, { ...ADA, name: "ci" }],
    ["that a token with this name approved", true, approvedBy({ by: "ada" }), ADA],
    ["that somebody else approved", false, approvedBy({}), ADA],
    ["of this person", true, ofPerson("ada@x"), asPerson("ada@x")],
    ["that this person approved", true, approvedBy({ by: "ada@x", via: "app" }), asPerson("ada@x")],
    ["of another person of the same portal", false, ofPerson("bob@x"), asPerson("ada@x")],
    ["of a person, for the portal itself", true, ofPerson("bob@x"), { ...ADA, name: "portal" }],
    ["of a schedule of this token", true, withDetails({ via: "schedule" }, { triggeredBy: "ada" }), ADA],
    [
      "of a schedule of this person",
      true,
      withDetails({ via: "schedule" }, { triggeredBy: "ada@x" }),
      asPerson("ada@x"),
    ],
    ["of a schedule of somebody else", false, withDetails({ via: "schedule" }), ADA],
  ] as const)("asks the service first about a run %s: %s", (_, expected, run, holder) => {
    expect(mayBeOwn(run, holder)).toBe(expected);
  });
});

describe("a row of a run that waits", () => {
  const waits = rowOf(RUN);
  const released = rowOf(withDetails({ waiting: null }));
  it("takes what it waits for now", () => {
    const paused = rowOf(withDetails({ waiting: { ...WAITING, for: "pause", reason: "a freeze" } }));
    expect([newer(waits, paused), newer(paused, waits), newer(waits, released)]).toEqual([paused, waits, released]);
    expect(newer(waits, rowOf(RUN))).toBe(waits);
    const failing = (reason: string, nextAttemptAt: string) =>
      rowOf(withDetails({ waiting: null, delivery: { attempts: 1, reason, nextAttemptAt } }));
    const first = failing("ci.example answered 503.", inHours(1));
    for (const news of [
      failing("ci.example answered 500.", inHours(1)),
      failing("ci.example answered 503.", inHours(2)),
    ])
      expect(newer(first, news)).toBe(news);
    expect(newer(first, failing("ci.example answered 503.", inHours(1)))).toBe(first);
  });

  it("stays released when a late read says that it waits", () => {
    expect(newer(released, waits)).toBe(released);
  });
});

it("the search knows what runs wait for, and their group", () => {
  const terms = termsOf("waiting waiting:Approval group:shop", new Date(NOW));
  expect(terms.map((term) => (term.kind === "chips" ? term.chips : term))).toEqual([
    [{ name: "waiting", value: "any" }],
    [{ name: "waiting", value: "approval" }],
    [{ name: "group", value: "shop" }],
  ]);
  const offered = (text: string) =>
    localSuggestions(text, [], new Date(NOW)).map((one) => (one.kind === "chip" ? one.chip.value : ""));
  expect(offered("wai")).toEqual(["any", "time", "approval", "concurrency", "pause"]);
  expect(offered("waiting:p")).toEqual(["pause"]);
});

describe("the form of an action", () => {
  const gates = {
    approval: { required: 2, allowSelf: false },
    concurrency: { group: "shop", key: "{{ parameters.service }}", limit: 1, onConflict: "queue" },
    waitTimeout: 60,
  };

  it.each([[gates], [{ approval: {} }], [{ approval: { required: 1, from: "later" } }]])("shows %j", (one) => {
    expect(unshownOf(one, ACTION_FIELDS)).toBeNull();
  });

  it.each([
    ["approval", { approval: true }],
    ["approval", { approval: { required: ["ada"] } }],
    ["concurrency", { concurrency: { limit: 1 } }],
    ["concurrency", { concurrency: { group: "shop", limit: {} } }],
    ["waitTimeout", { waitTimeout: null }],
  ])("leaves %s to the JSON in %j", (member, definition) => {
    expect(unshownOf(definition, ACTION_FIELDS)).toBe(member);
  });

  it("keeps a member of a gate that it does not know", () => {
    const later = { required: 1, from: "later" };
    expect(withMember(later, "required", 2)).toEqual({ required: 2, from: "later" });
  });
});

describe("a new token", () => {
  const holder = { id: "o", issuer: null, role: "owner", person: null, mayActForOthers: false } as const;
  it.each([
    ["an owner", {}, [true, true, true]],
    ["an owner that acts for a person", { person: "ada" }, [true, true, true]],
    ["an admin that acts for a person", { role: "admin", person: "ada" }, [false, false, false]],
    ["a session of ROOT_TOKEN", { id: null }, [false, false, true]],
    ["a session by sign-in", { issuer: "https://id.example", person: "ada" }, [false, false, false]],
    ["an admin", { role: "admin" }, [false, false, false]],
    ["an admin that acts for others", { role: "admin", mayActForOthers: true }, [false, true, true]],
  ] as const)("of %s: which flags and whether a person are offered", (_, more, expected) => {
    const { mayApprove, mayActForOthers, person } = grantableOf({ ...holder, ...more });
    expect([mayApprove, mayActForOthers, person]).toEqual(expected);
  });

  it("is told apart by whom it acts for and what it may do", () => {
    const flags = { person: "ada", mayApprove: true, mayActForOthers: true };
    expect(flagWords(flags)).toEqual(["for ada", "may approve", "may act for others"]);
    expect(flagWords({ person: null, mayApprove: false, mayActForOthers: false })).toEqual([]);
  });
});
