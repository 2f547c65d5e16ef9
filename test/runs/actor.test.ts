/** Who is oneself: the rule behind own runs and behind "different approvers". */

import { expect, it } from "vitest";
import { type Actor, isOneself, isSameActor, nameOf, viaOf } from "../../src/runs/run.ts";

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
  ["a person whose name is a token's", forPerson(portal, owner.tokenName), owner, false, false],
];

it.each(SAME)("%s", (_, a, b, oneself, sameActor) => {
  expect([isOneself(a, b), isOneself(b, a)]).toEqual([oneself, oneself]);
  expect([isSameActor(a, b), isSameActor(b, a)]).toEqual([sameActor, sameActor]);
});

it("a run shows the person and the token behind it, or the token alone", () => {
  expect([nameOf(owner), viaOf(owner)]).toEqual(["the token owner", null]);
  const acting = forPerson(portal, "ada");
  expect([nameOf(acting), viaOf(acting)]).toEqual(["ada", "the token portal"]);
});
