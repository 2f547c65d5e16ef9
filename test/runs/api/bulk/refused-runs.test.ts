/** What a bulk operation makes of runs that D1 refuses. */

import { createExecutionContext } from "cloudflare:test";
import { expect, it } from "vitest";
import { mintUuidV7 } from "../../../../src/base/uuid.ts";
import { BulkOperations } from "../../../../src/runs/api/bulk/entrypoint.ts";
import type { BulkOrder } from "../../../../src/runs/bulk.ts";
import { FIRST_HOME } from "../../../../src/runs/home.ts";
import { readRunId } from "../../../../src/runs/run-id.ts";
import { envWith } from "../../../support/bindings.ts";
import { direct, HOUR_MS, MINUTE_MS, until } from "../../../support/direct.ts";
import { faults } from "../../../support/faults.ts";
import { landed } from "../../../support/landed.ts";
import { ask, createRun, newRunsPath, rowOf, scopeOfPath } from "../../../support/requests.ts";
import { reading, settledIn } from "../../../support/several-databases.ts";

it.each<[what: string, ageMs: number, type: string]>([
  ["waits 15 minutes", 0, "not_settled"],
  ["waits, if the clock has stepped back since the request,", -HOUR_MS, "not_settled"],
  ["waits no longer than that", 15 * MINUTE_MS, "collected"],
])("the set %s for runs that D1 has refused", async (_, ageMs, type) => {
  const environment = reading(() => ({ settle: () => settledIn(FIRST_HOME, { lacksRefused: true }) }));
  const order: BulkOrder = {
    ...{ id: mintUuidV7(Date.now() - ageMs), filter: { actionName: "deploy" }, maxRuns: 10 },
    request: { operation: "cancel", reason: null, graceSeconds: 0 },
    asker: { tokenId: "root", tokenName: "root", parents: [], person: null },
    ...{ mustNamePerson: false, origin: "https://runs.example" },
  };
  const runner = new BulkOperations(createExecutionContext(), environment);
  const collected = await runner.collect(scopeOfPath(newRunsPath()), order, null, 10);
  expect(collected.type).toBe(type);
});

it("a cancel is over although D1 refuses the end of one run", async () => {
  const path = newRunsPath();
  const [run, other] = [await createRun(path), await createRun(path)];
  await landed(path);
  faults.writes = { refuse: (bound) => bound.includes(run.id) };
  for (const { id } of [run, other]) {
    expect((await ask("POST", `${path}/${id}/cancel`, { body: { graceSeconds: 0 } })).status).toBe(200);
  }
  const { coordinator } = readRunId(run.id);
  await until(async () => (await direct(path).upkeep.settle()).lacksRefused);
  expect((await rowOf(run.id))?.status).toBe("pending");
  const runner = new BulkOperations(createExecutionContext(), envWith({}));
  const endedAs = () => runner.ended(scopeOfPath(path), [run.id, other.id]);
  await until(async () => (await endedAs()) !== null, 20_000);
  expect(await endedAs()).toEqual({ succeeded: 0, failed: 0, cancelled: 2 });
});

it("a cancel is not over while one of its runs is open", async () => {
  const path = newRunsPath();
  const run = await createRun(path);
  await landed(path);
  const runner = new BulkOperations(createExecutionContext(), envWith({}));
  expect(await runner.ended(scopeOfPath(path), [run.id])).toBeNull();
});
