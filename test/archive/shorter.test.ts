/** A shorter retention of runs that have ended, with an archive: all of them go there, whatever was deleted in D1 before. */

import { expect, it } from "vitest";
import { DAY_MS, direct, HOUR_MS, journal, restart, until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { ask, createRun, newRunsPath, rowOf } from "../support/requests.ts";
import {
  archivedIds,
  archiveUntil,
  deletedUpTo,
  ended,
  keptIds,
  NOON,
  pass,
  RETENTION_MS,
  ring,
  useArchive,
} from "./environment.ts";

useArchive();

it("removes runs that are due before those whose rows in D1 are deleted already", async () => {
  const path = newRunsPath();
  const old = await ended(path, 3);
  const young = await ended(path, 1200, { endedAt: NOON + 25 * DAY_MS });
  pass(RETENTION_MS);
  await deletedUpTo(path, old.at(-1));
  // The rows of the younger ones are there, as ever.
  const { purges } = direct(path);
  expect(await purges.preview(1)).toEqual({ shortened: 1200, remaining: 1203 });
  await purges.begin(1);
  await archiveUntil(path, 3);
  expect(await purges.state()).toMatchObject({ remaining: 3, completedAt: null });
  expect((await archivedIds(path)).toSorted()).toEqual(young.toSorted());
  // The rest waits for others, as ever.
  pass(DAY_MS);
  await archiveUntil(path, 0);
  await until(async () => (await purges.state())?.completedAt != null);
  expect(await purges.state()).toMatchObject({ shortened: 1200, remaining: 0 });
});

it("deletes D1's rows of runs that became due while a later deletion was under way", async () => {
  const path = newRunsPath();
  const [young, old] = [await createRun(path), await createRun(path)];
  for (const { id } of [young, old]) await ask("DELETE", `${path}/${id}`);
  await replicated(path);
  await journal(path, "UPDATE runs SET due_at = ?1, purge_at = ?1 WHERE id = ?2", NOON + HOUR_MS, young.id);
  await journal(path, "UPDATE runs SET completed_at = ?1 WHERE id = ?2", NOON - 25 * HOUR_MS, old.id);
  await restart(path);
  pass(2 * HOUR_MS);
  const deletion = holdWrites(/DELETE/);
  await ring(path);
  await until(async () => faults.gatedCalls === 1);
  await direct(path).purges.begin(1);
  await until(async () => {
    await ring(path);
    return (await direct(path).purges.state())?.shortened === 1;
  });
  deletion.open();
  await deletedUpTo(path, young.id);
  expect([await rowOf(young.id), await rowOf(old.id)]).toEqual([null, null]);
  expect(await keptIds(path)).toHaveLength(2);
});
