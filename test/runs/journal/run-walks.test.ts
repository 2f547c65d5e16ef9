/** Events and ends keep their places, whatever changes their runs later, and that costs an end no row. */

import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { EndedRunCounts, RunsWithEvents, walkBy } from "../../../src/runs/journal/run-walks.ts";

import { change, coordinator, createAged, journal } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";

const FAILED = { type: "failed", error: "no", output: null } as const;

/** Runs that have ended, in this order, between two that are open. */
async function ended(path: string, n: number): Promise<string[]> {
  await createAged(path);
  const ids = await Promise.all(Array.from({ length: n }, () => createAged(path)));
  for (const id of ids) await change(path, id, FAILED);
  await createAged(path);
  return ids;
}

/** Gives the run a later change that is no end, as an erasure does. */
const changeLater = (path: string, id = "") =>
  journal(
    path,
    "UPDATE runs SET change_seq = (SELECT max(change_seq) + 1 FROM runs), version = version + 1 WHERE id = ?",
    id,
  );

const sequence = async (path: string) =>
  (await journal<{ last: number }>(path, "SELECT max(change_seq) AS last FROM runs"))[0]?.last ?? 0;

it("meets each event once and in its place, although runs have changed since", async () => {
  const path = newRunsPath();
  const ids = await ended(path, 5);
  await changeLater(path, ids[3]);
  await changeLater(path, ids[0]);
  const last = await sequence(path);
  await runInDurableObject(coordinator(path), (_, { storage }) => {
    const walk = new RunsWithEvents(storage.sql);
    const idsOf = ({ runs }: { runs: readonly { id: string }[] }) => runs.map(({ id }) => id);
    expect(idsOf(walk.after(0, last, 50))).toEqual(ids);
    expect(idsOf(walk.before(last + 1, 0, 50))).toEqual([...ids].reverse());
    const first = walk.after(0, last, 2);
    const rest = walk.after(first.walkedTo, last, 50);
    expect([...idsOf(first), ...idsOf(rest)]).toEqual(ids);
    expect(rest.walkedTo).toBe(last);
  });
});

it("counts each end once, although its run has changed since", async () => {
  const path = newRunsPath();
  const ids = await ended(path, 3);
  const last = await sequence(path);
  await changeLater(path, ids[1]);
  const counted = await runInDurableObject(coordinator(path), (_, { storage }) => {
    const counts = new EndedRunCounts(storage.sql);
    counts.countBatch(last - 1);
    const before = counts.isAnyUncounted(ids);
    counts.countBatch(last + 1);
    counts.countBatch(last + 5);
    return [before, counts.isAnyUncounted(ids), JSON.stringify(counts.counts)];
  });
  expect(counted.slice(0, 2)).toEqual([false, false]);
  expect(counted[2]).toContain('{"failed/callback":3}');
});

it.each(["event_seq", "ended_seq"] as const)("walks by %s along two indexes, without sorting", async (by) => {
  const path = newRunsPath();
  await ended(path, 1);
  const query = walkBy(by, "id", { bounds: "$ > ?1 AND $ <= ?2" });
  const plan = await runInDurableObject(coordinator(path), (_, { storage }) =>
    [...storage.sql.exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, 0, 9)].map(({ detail }) => detail),
  );
  const index = by === "event_seq" ? "runs_by_event" : "runs_by_end";
  expect(plan).toEqual([
    "MERGE (UNION ALL)",
    "LEFT",
    "SEARCH runs USING INDEX runs_by_change (change_seq>? AND change_seq<?)",
    "RIGHT",
    `SEARCH runs USING INDEX ${index} (${by}>? AND ${by}<?)`,
  ]);
});

it("an end writes no row into the indexes of later changes", async () => {
  const path = newRunsPath();
  await ended(path, 2);
  const numbers = await journal(
    path,
    "SELECT change_seq, event_seq, ended_seq FROM runs WHERE completed_at IS NOT NULL ORDER BY change_seq",
  );
  expect(numbers.map(({ change_seq, event_seq, ended_seq }) => [event_seq, ended_seq, change_seq])).toEqual(
    numbers.map(({ change_seq }) => [change_seq, change_seq, change_seq]),
  );
  expect(await journal(path, "SELECT 1 FROM runs WHERE event_seq <> change_seq OR ended_seq <> change_seq")).toEqual(
    [],
  );
});
