/**
 * The integer key of a run in its journal: 63 bits of its id, 48 of time and 15 random. A text key would need a second
 * b-tree. The key sorts as ids do. Two runs can want the same key. Then the second create is refused as `id_taken` and
 * creates another id. So a statement that searches by the key compares the full id as well.
 *
 * A JavaScript number can't hold 63 bits, so a key is bound in two halves and never returned.
 */

import { createdAtOf } from "../run-id.ts";

/** The key, from two bound halves. The CAST is there because numbers are bound as floats, which can't be shifted. */
export const BOUND_KEY = "(CAST(? AS INTEGER) << 15 | CAST(? AS INTEGER))";

/** Rows whose `run_key` and `id` are in the JSON that `keysJson` makes. */
export const KEYS_AND_IDS = `
  (SELECT (value ->> 0) << 15 | (value ->> 1) AS run_key, value ->> 2 AS id FROM json_each(?))`;

const RANDOM_MAX = 2 ** 15 - 1;
const MS_MAX = 2 ** 48 - 1;

/** The halves of a run id's key. A text that is no id, such as "", counts as the lowest id. */
export function keyHalves(id: string): [ms: number, random: number] {
  const ms = createdAtOf(id);
  // 12 bits after the version, and 3 after the two bits of the variant.
  const random =
    (Number.parseInt(id.slice(15, 18), 16) << 3) |
    ((Number.parseInt(id.slice(19, 20), 16) & 3) << 1) |
    (Number.parseInt(id.slice(20, 21), 16) >> 3);
  return Number.isNaN(ms) || Number.isNaN(random) ? [0, 0] : [ms, random];
}

/** The halves of the highest key that an id up to `id` can have. */
export function highestKeyHalves(id: string): [ms: number, random: number] {
  const ms = createdAtOf(id);
  return [Number.isNaN(ms) ? MS_MAX : ms, RANDOM_MAX];
}

export function keysJson(ids: readonly string[]): string {
  return JSON.stringify(ids.map((id) => [...keyHalves(id), id]));
}
