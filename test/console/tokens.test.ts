/** What the page of tokens offers, and where an audit entry leads. */

import { describe, expect, it } from "vitest";
import { bulkWords, pageOf, wordsOf } from "../../src/console/tokens/audit-page.tsx";
import {
  firstGracePeriod,
  gracePeriodChoices,
  isRotatable,
  secondsOf,
  trustWords,
} from "../../src/console/tokens/token-rules.ts";

const token = (id: string, parentId: string | null, more = {}) => ({
  id,
  parentId,
  role: "admin" as const,
  oldSecretExpiresAt: null,
  mayApprove: false,
  mayActForOthers: false,
  trust: null,
  createdBy: "root",
  ...more,
});
const ISSUER = "https://id.example";
const PEOPLE = { for: "people" as const, issuer: ISSUER, claims: {} };
const holder = (id: string | null, issuer: string | null = null, person: string | null = null) => ({
  id,
  issuer,
  person,
});

describe("a token can be rotated", () => {
  const page = [token("low", "middle"), token("middle", "top"), token("top", null), token("beside", null)];
  const rotatableBy = (id: string | null) =>
    page.filter((one) => isRotatable(one, holder(id), page)).map((one) => one.id);

  it("by itself, by every token above it and by the operator", () => {
    expect(rotatableBy("low")).toEqual(["low"]);
    expect(rotatableBy("middle")).toEqual(["low", "middle"]);
    expect(rotatableBy("top")).toEqual(["low", "middle", "top"]);
    expect(rotatableBy("beside")).toEqual(["beside"]);
    expect(rotatableBy(null)).toEqual(["low", "middle", "top", "beside"]);
  });

  it("perhaps, if the tokens above it are on another page of the list", () => {
    expect(isRotatable(token("low", "elsewhere"), holder("top"), page)).toBe(true);
  });

  it("not by the session of its own secret during a grace period, which would end the session", () => {
    const own = token("own", null, { oldSecretExpiresAt: "2030-01-01T00:00:00.000Z" });
    expect(isRotatable(own, holder("own"), [own])).toBe(false);
    expect(isRotatable(own, holder(null), [own])).toBe(true);
  });

  it("not by a session of ROOT_TOKEN if it is an owner's", () => {
    const owner = token("owner", null, { role: "owner" });
    expect(isRotatable(owner, holder(null), [owner])).toBe(false);
    expect(isRotatable(owner, holder("owner"), [owner])).toBe(true);
  });

  it.each(["mayApprove", "mayActForOthers"])("not by a session of ROOT_TOKEN if it has %s", (flag) => {
    const flagged = token("flagged", null, { [flag]: true });
    expect(isRotatable(flagged, holder(null), [flagged])).toBe(false);
    expect(isRotatable(flagged, holder("flagged"), [flagged])).toBe(true);
  });

  it("not at all if proofs open it", () => {
    const trust = {
      for: "people" as const,
      issuer: "https://id.example",
      claims: { groups: ["a", "b"], hd: "x.example" },
    };
    const trusted = token("trusted", null, { trust });
    expect(isRotatable(trusted, holder(null), [trusted])).toBe(false);
    expect(trustWords(trust)).toEqual(["people of https://id.example", "groups: a or b", "hd: x.example"]);
  });

  it("not by a session by sign-in if it is an owner's, or has a flag", () => {
    for (const more of [{ role: "owner" }, { mayApprove: true }]) {
      const below = token("below", "people", more);
      expect(isRotatable(below, holder("people", ISSUER), [below])).toBe(false);
      expect(isRotatable(below, holder("people"), [below])).toBe(true);
    }
  });

  it("only by who minted it, if somebody did who had signed in, by itself and by what is between", () => {
    const bot = token("bot", "people", { createdBy: "ada" });
    const ofBot = token("of-bot", "bot", { createdBy: "bot" });
    const all = [ofBot, bot, token("people", "top", { trust: PEOPLE }), token("top", null)];
    const rotatableBy = (...who: Parameters<typeof holder>) =>
      [ofBot, bot].filter((one) => isRotatable(one, holder(...who), all)).map((one) => one.id);
    expect(rotatableBy("people", ISSUER, "ada")).toEqual(["of-bot", "bot"]);
    expect(rotatableBy("people", ISSUER, "bob")).toEqual([]);
    expect(rotatableBy("top")).toEqual([]);
    // A token that acts for a person of that name, whom no issuer proved.
    expect(rotatableBy("top", null, "ada")).toEqual([]);
    expect(rotatableBy("bot")).toEqual(["of-bot", "bot"]);
    expect(rotatableBy("of-bot")).toEqual(["of-bot"]);
    expect(rotatableBy(null)).toEqual(["of-bot", "bot"]);
    // The people token is on another page of the list.
    expect(isRotatable(bot, holder("people", ISSUER, "bob"), [bot])).toBe(false);
  });

  it("not by others if parents form a circle, and the answer comes", () => {
    const circle = [token("a", "b"), token("b", "a")];
    expect(isRotatable(token("c", "a"), holder("top"), circle)).toBe(false);
  });
});

it("the old secret works for a day if nobody chooses, and its end can only come sooner", () => {
  const keys = (isOwn: boolean, isUnderWay: boolean) => gracePeriodChoices({ isOwn, isUnderWay }).map(([key]) => key);
  expect(keys(false, false)).toEqual(["1h", "1d", "7d", "0"]);
  expect(keys(true, false)).toEqual(["1h", "1d", "7d"]);
  expect(keys(false, true)).toEqual(["", "0"]);
  expect(firstGracePeriod(gracePeriodChoices({ isOwn: false, isUnderWay: false }))).toBe("1d");
  const kept = firstGracePeriod(gracePeriodChoices({ isOwn: false, isUnderWay: true }));
  expect([kept, secondsOf(kept), secondsOf("1d"), secondsOf("0")]).toEqual(["", undefined, 86_400, 0]);
});

describe("an audit entry", () => {
  const project = { o: "acme", p: "shop" };
  const scope = "acme/shop/prod";
  it.each([
    ["token_minted", "t1", "acme/shop", { name: "tokens", ...project }],
    ["token_rotated", "t1", scope, { name: "tokens", ...project }],
    ["session_ended", "s1", scope, { name: "tokens", ...project }],
    ["action_put", "deploy", scope, { name: "action", ...project, envName: "prod", action: "deploy" }],
    ["action_archived", "deploy", scope, { name: "action", ...project, envName: "prod", action: "deploy" }],
    [
      "action_version_deleted",
      "deploy/versions/3",
      scope,
      { name: "action", ...project, envName: "prod", action: "deploy" },
    ],
    ["action_deleted", "deploy", scope, null],
    [
      "webhook_endpoint_message_resent",
      "chat/deliveries/01a212de-9b55-8003-a8a9-dd2c148ea617",
      scope,
      { name: "endpoint", ...project, envName: "prod", endpoint: "chat" },
    ],
    ["webhook_endpoint_deleted", "chat", scope, null],
    ["schedule_put", "nightly", scope, { name: "schedule", ...project, envName: "prod", schedule: "nightly" }],
    ["schedule_disabled", "nightly", scope, { name: "schedule", ...project, envName: "prod", schedule: "nightly" }],
    ["schedule_deleted", "nightly", scope, null],
    ["resync_requested", scope, scope, { name: "runs", ...project, envName: "prod" }],
    ["purge_requested", "days/7", scope, { name: "runs", ...project, envName: "prod" }],
    ["bulk_started", "b1", scope, { name: "operation", ...project, envName: "prod", id: "b1" }],
    ["quota_raised", "x", scope, null],
    ["action_put", "deploy", "acme/shop", null],
  ])("%s of %s in %s leads to its page", (action, target, where, page) => {
    expect(pageOf({ action, target, scope: where }, project)).toEqual(page);
  });

  it("says what was done, also if the console does not know it", () => {
    expect([wordsOf("token_rotated"), wordsOf("quota_raised"), wordsOf("toString")]).toEqual([
      "rotated the token",
      "quota raised",
      "toString",
    ]);
    expect([wordsOf("webhook_endpoint_tested"), wordsOf("token_minted")]).toEqual([
      "tested the endpoint",
      "created the token",
    ]);
  });

  it("says how many runs a bulk operation was for, and how it ended", () => {
    const begun = { operation: "retry", filter: null, runs: 3, maxRuns: null } as const;
    const counts = { matched: 40, accepted: 38, skipped: 2, failed: 0, remaining: 0 };
    const ended = { operation: "cancel", filter: {}, runs: null, maxRuns: 40, status: "completed", counts } as const;
    expect([bulkWords(begun), bulkWords(ended)]).toEqual([
      "retry of 3 runs",
      "cancel of at most 40 runs, completed: 38 accepted, 2 skipped",
    ]);
  });
});
