/** Steps about all runs of a filter: a bulk cancel, and the purge of every run. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, vi } from "vitest";
import { coordinator, DAY_MS, HOUR_MS, until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask } from "../support/requests.ts";
import { bulkOf, itemsOf, startBulk } from "../support/runs/bulk.ts";
import { type Command, expectGets, type Real } from "./command.ts";
import { REFUSES, settle } from "./disturbances.ts";
import { passes } from "./lists.ts";
import type { Model } from "./model.ts";

export interface RunSet {
  readonly actionName?: string;
  readonly entityId?: string;
  readonly labels?: readonly string[];
  readonly status?: readonly string[];
}

/** Otherwise an operation waits. D1 may refuse rows of runs. */
const isWell = (model: Model, { held }: Real) =>
  faults.reads === null && (faults.writes === null || faults.writes === REFUSES) && !held.isHolding && !model.isRebuilt;

/** Its set is the runs that match as they were told last, whatever D1 lacks. */
export const cancelSet = (filter: RunSet, graceSeconds: number): Command => ({
  check: (model) => model.runs.length > 0,
  async run(model, real) {
    if (!isWell(model, real)) return;
    await expectGets(model);
    const now = Date.now();
    const { labels: label = [], ...filters } = filter;
    const matching = model.runs.filter((run) => passes(run.at(now), { ...filters, label }));
    const order = { operation: "cancel", filter, graceSeconds, maxRuns: 100 };
    const { status, body } = await startBulk(model.path, order);
    expect(status).toBe(202);
    await until(async () => {
      await runDurableObjectAlarm(coordinator(model.path));
      const { counts, status } = await bulkOf(model.path, body.id);
      return status !== "collecting" && counts.remaining === 0;
    });
    const items = await itemsOf(model.path, body.id);
    expect(items.map(({ runId }) => runId).sort()).toEqual(matching.map(({ id }) => id).sort());
    for (const run of matching) if (run.isOpenAt(now)) run.stop({ graceSeconds }, null, now);
    await expectGets(model);
    await until(async () => {
      vi.setSystemTime(Date.now() + 1000);
      await runDurableObjectAlarm(coordinator(model.path));
      return (await bulkOf(model.path, body.id)).completedAt !== null;
    });
    await expectGets(model);
  },
  toString: () => `cancel all(${JSON.stringify(filter)}, ${graceSeconds} s)`,
});

/** Nobody is shown a run that is purged. */
export const purge: Command = {
  check: (model) => model.runs.length > 0,
  async run(model, real) {
    if (!isWell(model, real) || faults.writes !== null) return;
    // Every run ends, and is replicated long before it is purged.
    vi.setSystemTime(Date.now() + DAY_MS);
    await expectGets(model);
    await settle.run(model, real);
    vi.setSystemTime(Date.now() + 31 * DAY_MS);
    for (const { id } of model.runs) {
      await until(async () => {
        vi.setSystemTime(Date.now() + HOUR_MS);
        await runDurableObjectAlarm(coordinator(model.path));
        return (await ask("GET", `${model.path}/${id}`)).status === 404;
      });
    }
    model.forget(Date.now());
  },
  toString: () => "purge",
};
