/** Measures growth and tells of it: tables on the terminal, everything as JSON in a file. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { machine } from "../machine.ts";
import { quantile } from "../result.ts";
import { growth } from "./growth.ts";
import { layoutsOf, overOf, ratioOf } from "./limits.ts";
import type { Progress } from "./phases.ts";
import { toTables } from "./tables.ts";

/** Below this, an environment has no full page for every filter. */
const LEAST = 2000;
const SIZES = "10000,100000,1000000";

export interface GrowthOptions {
  /** Numbers of runs, separated by commas. */
  readonly runs: string | undefined;
  readonly json: string;
  readonly startedAt: Date;
  readonly onProgress: Progress;
}

/** True if everything is within its limit. Throws where any answer is wrong. */
export async function tellGrowth({ runs, json, startedAt, onProgress }: GrowthOptions): Promise<boolean> {
  const measured = await growth(parseSizes(runs ?? SIZES), onProgress);
  onProgress("");
  const over = overOf(measured);
  const requests = layoutsOf(measured).map(([where, series]) => ({
    operation: series[0]?.operation,
    callers: series[0]?.callers,
    where,
    ...ratioOf(series),
    sizes: series.map(({ latenciesMs }) => ({
      p50Ms: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
    })),
  }));
  const { operations: _, ...rest } = measured;
  const tookMs = Date.now() - startedAt.getTime();
  const told = { startedAt, tookMs, machine: machine(), over, requests, ...rest };
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify(told, null, 2)}\n`);
  console.log(toTables(measured));
  console.log(`\n${told.machine}. Took ${Math.round(tookMs / 1000)} s. The same as JSON: ${json}`);
  for (const sentence of over) console.error(`over its limit: ${sentence}`);
  return over.length === 0;
}

/** Throws a sentence where `text` is no list of sizes that can be compared. */
function parseSizes(text: string): number[] {
  const sizes = text.split(",").map(Number);
  if (sizes.length < 2 || sizes.some((runs) => !Number.isInteger(runs) || runs < LEAST)) {
    throw new Error(`--runs takes at least two numbers of runs, from ${LEAST} on, such as ${SIZES}`);
  }
  return sizes.toSorted((a, b) => a - b);
}
