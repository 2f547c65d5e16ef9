/** What stays of a run with gates after its retention: nothing, and nothing of its group is blocked. */

import { expect, it } from "vitest";
import { alarmIn, coordinator, DAY_MS, journal, MINUTE_MS, until } from "../../support/direct.ts";
import { decide, detailsOf, startGated, storeGated } from "../../support/gated.ts";
import { replicatedRow } from "../../support/landed.ts";
import { ask, newRunsPath, rowOf } from "../../support/requests.ts";

const PAST_RETENTION_MS = 30 * DAY_MS + 61 * MINUTE_MS;
/** The tables that have rows of a run. */
const TABLES = ["runs", "events", "dispatches", "previews", "accepted_changes", "receiver_responses"];

it("a run with gates goes with its preview, its decisions and its place in its group, and the next run starts", async () => {
  const path = newRunsPath();
  await storeGated(path, { approval: { allowSelf: true }, concurrency: { group: "prod" } });
  const { body: ahead } = await startGated(path);
  await decide(path, ahead.id, "approve");
  const { body: rejected } = await startGated(path);
  await decide(path, rejected.id, "reject");
  const { body: queued } = await startGated(path);
  await decide(path, queued.id, "approve");
  expect((await detailsOf(path, queued.id)).details.waiting).toMatchObject({ behind: [ahead.id] });
  await decide(path, queued.id, "cancel");
  await decide(path, ahead.id, "cancel", { body: { graceSeconds: 0 } });
  const ids = [ahead.id, rejected.id, queued.id];
  for (const id of ids) expect(await replicatedRow(path, id)).toMatchObject({ status: "cancelled" });

  const counts = async () => {
    const each = TABLES.map((table) => journal<{ n: number }>(path, `SELECT count(*) AS n FROM ${table}`));
    return (await Promise.all(each)).map(([row]) => row?.n);
  };
  // Five decisions and cancels. The previews went with the ends of their runs.
  expect(await counts()).toMatchObject({ 0: 3, 3: 0, 4: 5 });
  await alarmIn(PAST_RETENTION_MS, coordinator(path));
  await until(async () => (await counts())[0] === 0);
  expect(await counts()).toEqual(TABLES.map(() => 0));
  for (const id of ids) {
    expect(await rowOf(id)).toBeNull();
    expect((await ask("GET", `${path}/${id}/approval`)).status).toBe(404);
  }
  const groups = path.replace(/action-runs$/, "concurrency-groups");
  expect((await ask("GET", groups)).body).toEqual([]);
  const inQueues = "SELECT 1 FROM runs WHERE concurrency_state IS NOT NULL OR occupied_until IS NOT NULL";
  expect(await journal(path, inQueues)).toEqual([]);

  const { body: next } = await startGated(path);
  expect((await decide(path, next.id, "approve")).body.details.waiting).toBeNull();
});
