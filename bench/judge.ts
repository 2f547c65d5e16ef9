/** What makes the bench end with code 1. */

import { type Growth, growingStatements } from "./growth/growth.ts";
import { isBounded, type Memory } from "./memory.ts";
import type { Result } from "./result.ts";
import { fail } from "./tell.ts";

export function judgeRatios({ failures, rows, brokenOff }: Result): void {
  if (brokenOff !== null) fail(`The bench broke off, because ${brokenOff}. The tables have what was measured before.`);
  if (failures === 0) return;
  const wrong = rows.find(({ firstFailure }) => firstFailure !== null);
  fail(`${failures} responses were wrong, so their rows have no ratio. The first: ${wrong?.firstFailure}`);
}

export function judgeGrowth(growth: Growth): void {
  for (const sentence of growingStatements(growth))
    fail(`A statement reads more rows if there are more runs: ${sentence}`);
}

export function judgeMemory(memory: readonly Memory[]): void {
  if (!isBounded(memory)) fail("The service's heap still grew in the second half of the requests.");
}
