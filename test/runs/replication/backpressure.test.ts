/**
 * A coordinator whose rows D1 does not take refuses creates from 50 000 rows or 512 MB on, but nothing that ends a run.
 */

import { expect, it } from "vitest";
import { PENDING_MAX_BYTES, PENDING_MAX_ROWS } from "../../../src/runs/replication/replication.ts";
import { alarmIn, coordinator, journal, restart, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { replicated } from "../../support/replicated.ts";
import {
  type ActionRun,
  ask,
  type CreatedRun,
  createRun,
  givenRun,
  newRunsPath,
  report,
  rowOf,
} from "../../support/requests.ts";
import { fillJournal } from "../../support/runs/rows-in-journal.ts";

async function keyed(path: string, n: number) {
  const headers = { "Idempotency-Key": `key-${n}` };
  return ask<CreatedRun & { code?: string }>("POST", path, { body: { actionName: `a${n}` }, headers });
}

it("takes no new run at 50 000 pending rows, but every report and cancel", async () => {
  expect(PENDING_MAX_ROWS).toBe(50_000);
  const path = newRunsPath();
  const reported = await createRun(path);
  const cancelled = await createRun(path);
  await replicated(path);
  await alarmIn(0, coordinator(path));
  faults.writes = "down";
  await fillJournal(path, { rows: PENDING_MAX_ROWS - 1, isReplicated: false });
  await restart(path);

  expect((await keyed(path, 1)).status).toBe(201);
  const refused = await keyed(path, 2);
  expect(refused.status).toBe(503);
  expect(refused.body.code).toBe("coordinator_overloaded");
  expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
  // The one that was made answers its key as before.
  expect((await keyed(path, 1)).status).toBe(201);

  expect(await report(reported, { status: "succeeded" })).toMatchObject({ status: 200 });
  expect(await ask<ActionRun>("DELETE", `${path}/${cancelled.id}`)).toMatchObject({ status: 200 });

  faults.writes = null;
  await alarmIn(61_000, coordinator(path));
  await until(async () => (await keyed(path, 3)).status === 201);
  await replicated(path);
  expect(await rowOf(reported.id)).toMatchObject({ status: "succeeded" });
  expect(await rowOf(cancelled.id)).toMatchObject({ status: "cancelled" });
});

it("takes no new run while 512 MB are not replicated", async () => {
  const { path } = await givenRun();
  await replicated(path);
  faults.writes = "down";
  await fillJournal(path, { rows: 1, isReplicated: false });
  await journal(path, "UPDATE runs SET bytes = ? WHERE action_name = 'filler'", PENDING_MAX_BYTES);
  await restart(path);
  expect(await keyed(path, 1)).toMatchObject({ status: 503, body: { code: "coordinator_overloaded" } });
  faults.writes = null;
  await until(async () => {
    // A batch that still fails may be under way when the alarm rings.
    await alarmIn(61_000, coordinator(path));
    return (await keyed(path, 2)).status === 201;
  });
});
