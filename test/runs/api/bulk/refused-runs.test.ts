/** How long the set of a bulk operation waits for runs that D1 has refused. */

import { createExecutionContext } from "cloudflare:test";
import { expect, it } from "vitest";
import { mintUuidV7 } from "../../../../src/base/uuid.ts";
import { BulkOperations } from "../../../../src/runs/api/bulk/entrypoint.ts";
import type { BulkOrder } from "../../../../src/runs/bulk.ts";
import { FIRST_HOME } from "../../../../src/runs/home.ts";
import { HOUR_MS, MINUTE_MS } from "../../../support/direct.ts";
import { newRunsPath, scopeOfPath } from "../../../support/requests.ts";
import { reading, settledIn } from "../../../support/several-databases.ts";

it.each<[what: string, ageMs: number, type: string]>([
  ["waits", 0, "not_settled"],
  ["waits if the clock has stepped back since the request", -HOUR_MS, "not_settled"],
  ["goes on after 15 minutes", 15 * MINUTE_MS, "collected"],
])("it %s", async (_, ageMs, type) => {
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
