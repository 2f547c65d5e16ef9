/** D1 follows the coordinators a moment after they answer. What a test says of D1 must wait for that. */

import { COORDINATORS } from "../../src/runs/run-id.ts";
import { direct, until } from "./direct.ts";
import { rowOf } from "./requests.ts";

/** Waits until D1 has every change that the coordinators of this environment have made. */
export async function landed(path: string): Promise<void> {
  for (let n = 0; n < COORDINATORS; n++) await until(async () => !(await direct(path, n).settle()).isBehind);
}

/** A run's row, with everything in it that was answered before. */
export async function landedRow(path: string, id: string): ReturnType<typeof rowOf> {
  await landed(path);
  return rowOf(id);
}
