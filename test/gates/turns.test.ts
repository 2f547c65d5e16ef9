/** How much one pass does when many runs may start at once. The alarm does the rest, and nobody waits for it. */

import { afterEach, beforeEach, expect, it } from "vitest";
import { create } from "./gated-runs.ts";
import { type Awake, Stage } from "./stage.ts";

const FREEZE = { group: "", reason: "freeze", until: null, by: "ann", via: null };
/** Runs with a gate and no group have no limit, so only the pass bounds them. */
const NO_GROUP = { concurrency: null } as const;

let stage: Stage;
beforeEach(async () => {
  stage = new Stage();
  stage.random = Math.random;
  await stage.begin();
});
afterEach(() => stage.end());

function releasedOf({ sql }: Awake): number {
  return Number(sql.exec("SELECT count(*) AS n FROM runs WHERE released_at IS NOT NULL").one().n);
}

async function frozen(awake: Awake, count: number): Promise<void> {
  await awake.object.gates.pause({ ...FREEZE, at: Date.now() });
  for (let n = 0; n < count; n++) {
    // Two ids of one millisecond can want one place in the journal.
    stage.pass(1);
    await create(stage, awake, NO_GROUP);
  }
}

it("the end of a freeze releases 200 runs, and the alarm releases the others at once", () =>
  stage.awake(async (awake) => {
    await frozen(awake, 201);
    await awake.object.gates.resume("");
    expect(releasedOf(awake)).toBe(200);
    expect(await awake.storage.getAlarm()).toBeLessThanOrEqual(Date.now());
    await stage.ring(awake);
    expect(releasedOf(awake)).toBe(201);
  }));

it("the end of a freeze releases no more runs once their requests have 4 MB", () =>
  stage.awake(async (awake) => {
    await frozen(awake, 5);
    awake.sql.exec("UPDATE dispatches SET sealed = zeroblob(2000000)");
    await awake.object.gates.resume("");
    expect(releasedOf(awake)).toBe(2);
    await stage.ring(awake);
    expect(releasedOf(awake)).toBe(5);
  }));
