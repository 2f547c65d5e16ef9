/** What metrics count: each run of the model once, by its status. */

import { expect } from "vitest";
import { ENDS } from "../../src/runs/run-counts.ts";
import { direct } from "../support/direct.ts";
import { type Command, expectGets } from "./command.ts";
import type { Model } from "./model.ts";

export async function expectCounts(model: Model): Promise<void> {
  // Whoever reads a run is the first to notice that its time is up.
  await expectGets(model);
  const told: Record<string, number> = { ...model.purged };
  for (const run of model.runs) {
    const { status } = run.at(Date.now());
    told[status] = (told[status] ?? 0) + 1;
  }
  model.isCounted = true;
  const { open, ended } = await direct(model.path).upkeep.counts();
  const counted: Record<string, number> = {};
  for (const [status, { runs }] of Object.entries(open)) if (runs > 0) counted[status] = runs;
  for (const [end, runs] of Object.entries(ended.ended)) {
    const [status = "", cause] = end.split("/");
    // Metrics show only these.
    expect(ENDS).toContainEqual([status, cause]);
    counted[status] = (counted[status] ?? 0) + runs;
  }
  expect(counted).toEqual(told);
}

export const count: Command = { check: (model) => model.runs.length > 0, run: expectCounts, toString: () => "count" };
