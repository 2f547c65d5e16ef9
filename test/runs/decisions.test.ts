/** Who is oneself, and so who can approve and reject a run. */

import { expect, it } from "vitest";
import {
  type Actor,
  type ApprovalRule,
  approveConflict,
  type Gates,
  isOneself,
  isSameActor,
  nameOf,
  rejectConflict,
  viaOf,
} from "../../src/runs/run.ts";

const token = (tokenId: string, parents: readonly string[] = [], person: string | null = null): Actor => ({
  tokenId,
  tokenName: `the token ${tokenId}`,
  parents,
  person,
});
const forPerson = (actor: Actor, person: string): Actor => ({ ...actor, person });

const operator = token("root");
const portal = token("portal");
const otherPortal = token("other-portal");
const owner = token("owner");
const child = token("child", ["owner"]);
const sibling = token("sibling", ["owner"]);
const grandchild = token("grandchild", ["child", "owner"]);
const ofOperator = token("of-operator");

/** Somebody who signed in with the token `people`, which `owner` minted. */
const signedIn = (identity: string, person: string): Actor => ({
  ...token("people", ["owner"], person),
  proven: { identity, person },
});
/** A token that they minted then, or one below it. */
const mintedBy = ({ proven }: Actor, tokenId: string, parents: readonly string[] = []): Actor => ({
  ...token(tokenId, [...parents, "people", "owner"]),
  ...(proven && { proven }),
});
const ada = signedIn("1", "ada");
const bo = signedIn("2", "bo");
const ofAda = mintedBy(ada, "of-ada");
const program = (actor: Actor, subject: string): Actor => ({ ...actor, proven: { ...actor.proven, subject } });

const SAME: readonly (readonly [what: string, a: Actor, b: Actor, oneself: boolean, sameActor: boolean])[] = [
  ["a token and itself", owner, owner, true, true],
  ["a token and its parent", child, owner, true, false],
  ["a token and its grandparent", grandchild, owner, true, false],
  ["siblings", child, sibling, false, false],
  ["a token and its parent's sibling", grandchild, sibling, false, false],
  ["the operator and itself", operator, operator, true, true],
  ["the operator and a token that it created", operator, ofOperator, false, false],
  ["two tokens that the operator created", ofOperator, portal, false, false],
  ["one person through a portal", forPerson(portal, "ada"), forPerson(portal, "ada"), true, true],
  ["two persons through one portal", forPerson(portal, "ada"), forPerson(portal, "bo"), false, false],
  ["one person through two portals", forPerson(portal, "ada"), forPerson(otherPortal, "ada"), true, true],
  ["two persons, one through a parent", forPerson(owner, "ada"), forPerson(child, "bo"), false, false],
  ["a portal with and without a person", portal, forPerson(portal, "ada"), true, false],
  ["a person, and the portal's parent without one", forPerson(child, "ada"), owner, true, false],
  ["a person, and a stranger without one", forPerson(portal, "ada"), owner, false, false],
  ["two who signed in with one token", ada, bo, false, false],
  ["one who signed in before and after a change of address", ada, signedIn("1", "ada.new"), true, false],
  ["two accounts at the issuer with one address", ada, signedIn("3", "ada"), true, true],
  ["who signed in, and the same person through a portal", ada, forPerson(portal, "ada"), true, true],
  ["who signed in, and another person through a portal", ada, forPerson(portal, "bo"), false, false],
  ["who signed in, and a token that they minted", ada, ofAda, true, false],
  ["who signed in, and a token that a colleague minted", bo, ofAda, false, false],
  ["two tokens that one minted", ofAda, mintedBy(ada, "of-ada-2"), true, false],
  ["tokens that two minted, one below the other", mintedBy(bo, "of-bo", ["of-ada"]), ofAda, false, false],
  ["a portal's person, and a token that this person minted", forPerson(portal, "ada"), ofAda, true, false],
  ["a portal's person, and a token that another minted", forPerson(portal, "bo"), ofAda, false, false],
  ["who signed in, and the token above theirs", ada, owner, false, false],
  ["a token that they minted, and the token above theirs", ofAda, owner, false, false],
  ["a program, and the token above its own", program(child, "repo"), owner, true, false],
  ["a program, and who minted its token", program(ofAda, "repo"), ada, true, false],
  ["a program, and a colleague of who minted its token", program(ofAda, "repo"), bo, false, false],
  ["a person whose name is a token's", forPerson(portal, owner.tokenName), owner, false, false],
];

it.each(SAME)("%s are, or are not, one and the same", (_, a, b, oneself, sameActor) => {
  expect([isOneself(a, b), isOneself(b, a)]).toEqual([oneself, oneself]);
  expect([isSameActor(a, b), isSameActor(b, a)]).toEqual([sameActor, sameActor]);
});

it("a run shows the person and the token behind it, or the token alone", () => {
  expect([nameOf(owner), viaOf(owner)]).toEqual(["the token owner", null]);
  const acting = forPerson(portal, "ada");
  expect([nameOf(acting), viaOf(acting)]).toEqual(["ada", "the token portal"]);
  const job = program(owner, "repo:acme/shop");
  expect([nameOf(job), viaOf(job)]).toEqual(["the token owner", "repo:acme/shop"]);
});

const CREATOR = token("creator", ["owner"]);
const [OWNER, BOB, CARL, OF_BOB] = [token("owner"), token("bob"), token("carl"), token("of-bob", ["bob"])];
const ONE: ApprovalRule = { required: 1, allowSelf: false };
const TWO: ApprovalRule = { required: 2, allowSelf: false };
const SELF: ApprovalRule = { required: 2, allowSelf: true };

it.each<[string, ApprovalRule | null, readonly Actor[], Actor, string | null]>([
  ["no approval is needed", null, [], BOB, "not_waiting"],
  ["one is needed", ONE, [], BOB, null],
  ["the only one is there", ONE, [BOB], CARL, "not_waiting"],
  ["one of two is there", TWO, [BOB], CARL, null],
  ["both are there", TWO, [BOB, CARL], token("dan"), "not_waiting"],
  ["both are there, and the creator asks", TWO, [BOB, CARL], CREATOR, "not_waiting"],
  ["the creator asks", TWO, [], CREATOR, "own_run"],
  ["the creator's parent asks", TWO, [BOB], OWNER, "own_run"],
  ["the creator asks who may", SELF, [], CREATOR, null],
  ["another asks where the creator may", SELF, [CREATOR], BOB, null],
  ["a relative of the creator, who has approved", SELF, [CREATOR], OWNER, "already_approved"],
  ["the same approver again", TWO, [BOB], BOB, "already_approved"],
  ["a child of the approver", TWO, [BOB], OF_BOB, "already_approved"],
])("an approval is allowed or refused if %s", (_what, approval, approvers, approver, conflict) => {
  const gates: Gates = {
    notBefore: null,
    approval,
    concurrency: null,
    waitUntil: 9,
    creator: CREATOR,
    sealedUnder: null,
  };
  const approvals = approvers.map((by) => ({ by, at: 1, reason: null }));
  const run = { gates, approvals, waitingFor: "approval" } as const;
  expect(approveConflict(run, approver)).toBe(conflict);
  // Who has approved may still reject.
  expect(rejectConflict(run, approver)).toBe(conflict === "already_approved" ? null : conflict);
  const over = { ...run, waitingFor: null };
  expect([approveConflict(over, approver), rejectConflict(over, approver)]).toEqual(["not_waiting", "not_waiting"]);
});
