/** Steps of clients that follow the feed of changes. */

import { direct } from "../support/direct.ts";
import { type Command, expectGets } from "./command.ts";
import type { Follower } from "./follower.ts";
import type { Model } from "./model.ts";

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

/** D1 is rebuilt from a journal, which changes no run. Nothing is said of the rows here. */
export const resync = (n: number): Command => ({
  check: (model) => model.runs.length > 0,
  async run(model) {
    model.wasResynced = true;
    await direct(model.path).upkeep.resync();
    await expectGets(model);
  },
  toString: () => `resync ${n}`,
});

/** At the end, each has seen each run as it is. */
export async function expectFollowed(model: Model, followers: readonly Follower[]): Promise<void> {
  await expectGets(model);
  for (const follower of followers) await follower.follow(model, 0, 100);
}
