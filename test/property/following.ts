/** Steps of clients that follow the feed of changes. */

import { direct } from "../support/direct.ts";
import { scopeOfPath } from "../support/requests.ts";
import { type Command, expectGets } from "./command.ts";
import type { Follower } from "./follower.ts";
import { expectList } from "./lists.ts";
import type { Model } from "./model.ts";
import { homeOf } from "./moves.ts";

export const follow = (nth: number, back: number, pages: number): Command => ({
  check: () => true,
  async run(model, { followers }) {
    // The feed shows what the journal has. Somebody must notice that a deadline has passed before the journal has it.
    await expectGets(model);
    await followers[nth % followers.length]?.follow(model, back, pages);
    await expectGets(model);
  },
  toString: () => `follow #${nth}(${back} back, ${pages} pages)`,
});

/** D1 is rebuilt from a journal, which changes no run. `isRestored`: D1 has lost every run before. */
export const resync = (isRestored: boolean): Command => ({
  check: (model) => model.runs.length > 0,
  async run(model) {
    model.canLackCursors = true;
    model.isRebuilt = true;
    if (isRestored) {
      const home = await homeOf(model);
      for (const table of ["runs", "run_labels"]) {
        await home.prepare(`DELETE FROM ${table} WHERE scope = ?`).bind(scopeOfPath(model.path)).run();
      }
      for (const run of model.runs) run.replicated = 0;
    }
    await direct(model.path).upkeep.resync();
    await expectList(model, { limit: 200 });
    await expectGets(model);
  },
  toString: () => (isRestored ? "restore and resync" : "resync"),
});

/** At the end, each has seen each run as it is. */
export async function expectFollowed(model: Model, followers: readonly Follower[]): Promise<void> {
  await expectGets(model);
  for (const follower of followers) await follower.follow(model, 0, 100);
}
