/** Steps that read: gets, lists and summaries. */

import { type Command, expectGet, onRun } from "./command.ts";
import { replicatedSoon } from "./disturbances.ts";
import { expectList, expectSummary, type Filters, type Page } from "./lists.ts";
import { holdingList, type ListGate, withoutObject } from "./platform.ts";

export const get = (nth: number, isDetailed: boolean) =>
  onRun(`get${isDetailed ? " with details" : ""}`, nth, (run, model) => expectGet(model, run, isDetailed));

export const list = (page: Page): Command => ({
  check: () => true,
  run: (model) => expectList(model, page),
  toString: () => `list(${JSON.stringify(page)})`,
});

/** The object can't be reached. */
export const listAlone = (page: Page): Command => ({
  check: () => true,
  run: (model) => withoutObject(() => expectList(model, page, true)),
  toString: () => `list without the object(${JSON.stringify(page)})`,
});

/** `change` comes, and is replicated if D1 takes it, while a list waits for the object or for D1. */
export const listDuring = (page: Page, at: ListGate, change: Command): Command => ({
  check: (model) => change.check(model),
  async run(model, real) {
    await holdingList(at, async (reached, open) => {
      const listing = expectList(model, page);
      await reached();
      try {
        await change.run(model, real);
        real.held.releaseAll();
        await replicatedSoon(model);
      } finally {
        open();
        await listing;
      }
    });
    await expectList(model, page);
  },
  toString: () => `${change} while a list waits for the ${at}(${JSON.stringify(page)})`,
});

export const summarize = (filters: Filters): Command => ({
  check: () => true,
  run: (model) => expectSummary(model, filters),
  toString: () => `summary(${JSON.stringify(filters)})`,
});
