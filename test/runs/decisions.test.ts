/** Who can approve and reject a run now. */

import { expect, it } from "vitest";
import { type Actor, type ApprovalRule, approveConflict, type Gates, rejectConflict } from "../../src/runs/run.ts";

const token = (tokenId: string, parents: string[] = []): Actor => ({
  tokenId,
  tokenName: tokenId,
  parents,
  person: null,
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
])("%s", (_what, approval, approvers, approver, conflict) => {
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
