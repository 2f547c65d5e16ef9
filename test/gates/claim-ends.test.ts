/** How long a claim of a caller's key lasts: as long as the run could live that its last use could have made. */

import { afterEach, beforeEach, expect, it } from "vitest";
import { coordinatorOf } from "../../src/runs/protocol.ts";
import { DAY_MS } from "../support/direct.ts";
import { newDelivery, newRun } from "./gated-runs.ts";
import { type Awake, Stage } from "./stage.ts";

/** 30 days each to start, to wait and to run, and 30 days of retention. */
const LASTS_MS = 120 * DAY_MS;
const KEY = { key: "t:once", fingerprint: "f" };
const OTHER = { ...KEY, fingerprint: "other" };
const SLOT = { group: "elsewhere", key: "" };
const CLAIMED = { ok: false, reason: "claimed", claim: SLOT };

let stage: Stage;
beforeEach(async () => {
  stage = new Stage();
  stage.random = Math.random;
  await stage.begin();
});
afterEach(() => stage.end());

function claimsOf({ sql }: Awake): number {
  return Number(sql.exec("SELECT count(*) AS n FROM claims").one().n);
}

const USES: readonly (readonly [use: string, ask: (awake: Awake) => Promise<unknown>, answer: object])[] = [
  ["a claim", ({ object }) => object.claim(KEY, SLOT), { ok: true, run: null, claim: SLOT }],
  ["a claim for another slot", ({ object }) => object.claim(KEY, { group: "x", key: "" }), { claim: SLOT }],
  [
    "a create without gates",
    async ({ object }) =>
      coordinatorOf(object).runs.create({ ...newRun(await stage.mint()), gates: null }, KEY, newDelivery()),
    CLAIMED,
  ],
  [
    "a create with gates",
    async ({ object }) =>
      coordinatorOf(object).runs.create(newRun(await stage.mint()), KEY, newDelivery(), { preview: null }),
    CLAIMED,
  ],
  ["a look for the run", ({ object }) => coordinatorOf(object).runs.recall(KEY), CLAIMED],
];

it.each(USES)("%s finds it and moves its end, and the alarm removes it then", (_use, ask, answer) =>
  stage.awake(async (awake) => {
    await awake.object.claim(KEY, SLOT);
    stage.pass(LASTS_MS - 1);
    await awake.object.alarm();
    expect(await ask(awake)).toMatchObject(answer);
    stage.pass(LASTS_MS - 1);
    await awake.object.alarm();
    expect(claimsOf(awake)).toBe(1);
    expect(await awake.object.claim(OTHER, SLOT)).toMatchObject({ reason: "key_reused" });
    // The request that was refused has not moved it.
    stage.pass(1);
    await awake.object.alarm();
    expect(claimsOf(awake)).toBe(0);
    expect(await awake.object.claim(OTHER, SLOT)).toMatchObject({ ok: true, run: null });
  }),
);
