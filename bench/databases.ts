/**
 * `npm run bench -- --only databases`: an environment in DB_3 beside one in DB, on a site with four databases. The one in
 * DB is where every environment of a deployment with one database is.
 */

import type { OperationName } from "./load/operations.ts";
import { DATABASES } from "./rates/comparisons.ts";
import type { Plan } from "./rates/measure.ts";
import { measureRatios } from "./rates/ratios.ts";
import type { Result } from "./report/result.ts";
import { markdown, toTable } from "./report/table.ts";
import { withLoad } from "./servers/loaded.ts";
import { FEW_SEEDS } from "./servers/seeds.ts";
import { measureDatabaseWrites, type Rows, rowsTable } from "./writes.ts";

const SEVERAL = 4;

interface BetweenDatabases {
  readonly result: Result;
  readonly writes: readonly Rows[];
}

/** `isTrial`: as little as possible, to try the bench itself. */
export async function measureDatabases(
  plan: Plan,
  isTrial: boolean,
  onProgress: (text: string) => void,
): Promise<BetweenDatabases> {
  const writes = await measureDatabaseWrites(isTrial, onProgress);
  const logged: string[] = [];
  const onLog = (line: string) => logged.push(line);
  onProgress("making runs to read");
  const options = { onLog, peers: [], databases: SEVERAL, ...(isTrial && { seeds: FEW_SEEDS }) };
  const result = await withLoad(options, (loaded) => measureRatios(loaded, plan, logged, onProgress, DATABASES));
  return { result, writes };
}

export function databasesTable({ result, writes }: BetweenDatabases): string {
  const hops = DATABASES.counted.map((operation) => [operation, ...hopsOf(result, operation)]);
  return [toTable(result), markdown([["hops of a request", "D1", "object"], ...hops]), rowsTable(writes)].join("\n\n");
}

function hopsOf({ rows }: Result, operation: OperationName): [string, string] {
  const hops = rows.find((row) => row.operation === operation)?.hops;
  return [String(hops?.d1 ?? ""), String(hops?.coordinator ?? "")];
}
