/** The numbers of the databases in which environments live. They can be more or fewer than those that are bound. */

import type { Hops } from "../http/app-env.ts";
import { type Databases, databaseNumbered } from "../settings/databases.ts";
import { readD1 } from "./read-d1.ts";

/** Seeks the next number in the index, so its cost does not depend on how many environments there are. */
export const NUMBERS_IN_USE = `
  SELECT number FROM (
    WITH RECURSIVE used (number) AS (
      SELECT min(database) FROM environments
      UNION ALL
      SELECT (SELECT min(database) FROM environments WHERE database > used.number) FROM used
      WHERE used.number IS NOT NULL
    )
    SELECT number FROM used WHERE number IS NOT NULL)`;

export async function numbersInUse(control: D1Database): Promise<readonly number[]> {
  const rows = await control.prepare(NUMBERS_IN_USE).raw<[number: number]>();
  return rows.map(([number]) => number);
}

/** Those of these numbers that are not bound. */
export function unboundAmong(env: Databases, inUse: readonly number[]): readonly number[] {
  return inUse.filter((number) => databaseNumbered(env, number) === null);
}

/**
 * Per isolate; null until it has asked. Bindings never change while an isolate lives, and only a bound number comes into
 * use, so one question is enough.
 */
let isLacking: boolean | null = null;

/** Whether an environment lives in a database that is not bound. Throws `database_unavailable`. */
export async function lacksDatabase(env: Databases, hops: Hops): Promise<boolean> {
  isLacking ??= unboundAmong(env, await readD1(hops, () => numbersInUse(env.DB))).length > 0;
  return isLacking;
}

/** For tests, which have several deployments in one isolate. */
export function forgetLacking(): void {
  isLacking = null;
}
