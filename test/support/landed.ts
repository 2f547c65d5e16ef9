/** D1 follows a coordinator a moment after it answers. What a test says of D1 must wait for that. */

import { direct, until } from "./direct.ts";
import { rowOf } from "./requests.ts";

/** Waits until D1 has every change of this environment. */
export async function landed(path: string): Promise<void> {
  await until(async () => !(await direct(path).upkeep.settle()).isBehind);
}

/** A run's row, with everything in it that was answered before. */
export async function landedRow(path: string, id: string): ReturnType<typeof rowOf> {
  await landed(path);
  return rowOf(id);
}
