/** Steps that read: gets, lists and summaries. */

import { expect } from "vitest";
import type { Keeps } from "./caller.ts";
import { type Command, expectGet, onRun } from "./command.ts";
import { type Filters, listAs, type Page, summarizeAs } from "./lists.ts";

/** A get with the caller's bookmarks, which the answer's bookmark must carry on. */
export const get = (by: Keeps, nth: number, isDetailed: boolean) =>
  onRun(`get${isDetailed ? " with details" : ""} by ${by}`, nth, async (run, model, { callers }) => {
    const sent = callers[by].toRead();
    const text = await expectGet(model, run, sent.headers, isDetailed);
    expect(text).not.toBeNull();
    callers[by].answered(sent, text, new Map([[run, run.version]]));
  });

export const list = (by: Keeps, filters: Page): Command => ({
  check: () => true,
  run: (model, { callers }) => listAs(callers[by], model, filters),
  toString: () => `list by ${by}(${JSON.stringify(filters)})`,
});

export const summarize = (by: Keeps, filters: Filters): Command => ({
  check: () => true,
  run: (model, { callers }) => summarizeAs(callers[by], model, filters),
  toString: () => `summary by ${by}(${JSON.stringify(filters)})`,
});
