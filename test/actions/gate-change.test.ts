/** What the audit says of a change of an action's gates. */

import { expect, it } from "vitest";
import { gateChangeOf } from "../../src/actions/kind.ts";

const CONCURRENCY = { group: "deploy", limit: 2, onConflict: "queue" } as const;
const KEYED = { ...CONCURRENCY, key: "{{ parameters.service }}" };
const ONE = { required: 1, allowSelf: false };
const NAMED = { ...ONE, tokens: ["ann", "bob"] };
const TWO = { required: 2, allowSelf: false };

type Gated = Parameters<typeof gateChangeOf>[0];

it.each<[string, Gated, Gated, string | null]>([
  ["a new action without gates", null, {}, null],
  ["a new action with a gate", null, { approval: ONE }, "added"],
  ["unchanged gates", { approval: ONE, concurrency: KEYED }, { approval: ONE, concurrency: KEYED }, null],
  ["an approval that comes", {}, { approval: ONE }, "added"],
  ["a limit that comes", { approval: ONE }, { approval: ONE, concurrency: CONCURRENCY }, "added"],
  ["an approval that goes", { approval: ONE }, {}, "removed"],
  ["a limit that goes", { concurrency: CONCURRENCY }, {}, "removed"],
  ["a gated action that is deleted", { concurrency: CONCURRENCY }, null, "removed"],
  ["an action without gates that is deleted", {}, null, null],
  ["fewer approvers", { approval: TWO }, { approval: ONE }, "weakened"],
  ["more approvers", { approval: ONE }, { approval: TWO }, null],
  ["one's own approval that counts", { approval: TWO }, { approval: { ...TWO, allowSelf: true } }, "weakened"],
  ["one's own approval that counts no more", { approval: { ...ONE, allowSelf: true } }, { approval: ONE }, null],
  [
    "one's own approval that counts as before",
    { approval: { ...ONE, allowSelf: true } },
    { approval: { ...TWO, allowSelf: true } },
    null,
  ],
  ["a list of approvers that comes", { approval: ONE }, { approval: NAMED }, "added"],
  ["a list of approvers that goes", { approval: NAMED }, { approval: ONE }, "weakened"],
  ["an approver who is named anew", { approval: NAMED }, { approval: { ...ONE, tokens: ["ann", "eve"] } }, "weakened"],
  [
    "an approver in the place of another",
    { approval: NAMED },
    { approval: { ...ONE, tokens: ["ann", "cy"] } },
    "weakened",
  ],
  ["fewer named approvers", { approval: NAMED }, { approval: { ...ONE, tokens: ["bob"] } }, "changed"],
  ["approvers in another order", { approval: NAMED }, { approval: { ...ONE, tokens: ["bob", "ann"] } }, null],
  ["a higher limit", { concurrency: CONCURRENCY }, { concurrency: { ...CONCURRENCY, limit: 3 } }, "weakened"],
  ["a lower limit", { concurrency: CONCURRENCY }, { concurrency: { ...CONCURRENCY, limit: 1 } }, null],
  ["another group", { concurrency: CONCURRENCY }, { concurrency: { ...CONCURRENCY, group: "other" } }, "weakened"],
  ["a key that comes", { concurrency: CONCURRENCY }, { concurrency: KEYED }, "weakened"],
  ["a key that goes", { concurrency: KEYED }, { concurrency: CONCURRENCY }, "weakened"],
  ["another key", { concurrency: KEYED }, { concurrency: { ...KEYED, key: "x" } }, "weakened"],
  ["another conflict", { concurrency: CONCURRENCY }, { concurrency: { ...CONCURRENCY, onConflict: "reject" } }, null],
  ["a gate that goes and one that comes", { approval: ONE }, { concurrency: CONCURRENCY }, "removed"],
  [
    "a gate that is weakened and one that comes",
    { approval: TWO },
    { approval: ONE, concurrency: CONCURRENCY },
    "weakened",
  ],
  [
    "a gate that is weakened and one that goes",
    { approval: TWO, concurrency: CONCURRENCY },
    { approval: ONE },
    "removed",
  ],
])("the change of gates is $3 for %s", (_what, before, after, change) => {
  expect(gateChangeOf(before, after)).toBe(change);
});
