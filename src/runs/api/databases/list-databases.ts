/** What `GET /databases` shows: each database that is bound or in which an environment lives. */

import { rfc3339 } from "../../../base/time.ts";
import { type DatabaseReport, type ReportRow, readReport, SELECT_REPORT } from "../../../database/database-report.ts";
import {
  type DatabaseState,
  type DatabaseStatus,
  FULL_BYTES,
  lookAtDatabase,
} from "../../../database/database-state.ts";
import { NUMBERS_IN_USE } from "../../../database/numbers-in-use.ts";
import { readD1 } from "../../../database/read-d1.ts";
import type { Hops } from "../../../http/app-env.ts";
import { boundDatabases, databaseNumbered, databasesForNew } from "../../../settings/databases.ts";
import type { Env } from "../../../settings/env.ts";

export interface ShownDatabase {
  readonly number: number;
  /** Whether there is a binding. Its database can have another number. */
  readonly isBound: boolean;
  readonly status: DatabaseStatus;
  readonly sizeBytes: number | null;
  readonly takesNewEnvironments: boolean;
  /** When the service looked; null if it did not look at all. */
  readonly checkedAt: string | null;
}

/** In the order of their numbers. Throws `database_unavailable` if the control database does not answer. */
export async function listDatabases(env: Env, hops: Hops): Promise<readonly ShownDatabase[]> {
  const now = Date.now();
  const [used, reported] = await readD1(hops, () =>
    env.DB.batch<{ readonly number: number } | ReportRow>([
      env.DB.prepare(NUMBERS_IN_USE),
      env.DB.prepare(SELECT_REPORT),
    ]),
  );
  const report = readReport(reported?.results[0] as ReportRow | undefined);
  const inUse = ((used?.results ?? []) as readonly { readonly number: number }[]).map(({ number }) => number);
  const numbers = [...new Set([...boundDatabases(env), ...inUse])].sort((a, b) => a - b);
  const forNew = databasesForNew(env);
  const controlBytes = used?.meta.size_after ?? null;
  return Promise.all(
    numbers.map(async (number) => {
      const { status, sizeBytes, at } =
        number === 0 ? controlState(controlBytes, now) : await stateOf(env, number, report, now);
      return {
        number,
        isBound: databaseNumbered(env, number) !== null,
        status,
        sizeBytes,
        takesNewEnvironments: forNew.includes(number),
        checkedAt: rfc3339(at),
      };
    }),
  );
}

type Looked = Pick<DatabaseState, "status" | "sizeBytes"> & { readonly at: number | null };

function controlState(sizeBytes: number | null, at: number): Looked {
  return { status: (sizeBytes ?? 0) >= FULL_BYTES ? "full" : "ready", sizeBytes, at };
}

/** What the cron has seen. A database that it has not seen yet, because its binding is new, is looked at now. */
async function stateOf(env: Env, number: number, report: DatabaseReport | null, now: number): Promise<Looked> {
  const noted = report?.databases.find((state) => state.number === number);
  const isBound = databaseNumbered(env, number) !== null;
  if (report !== null && noted !== undefined && isBound === (noted.status !== "not_bound"))
    return { ...noted, at: report.lookedAt };
  return { ...(await lookAtDatabase(env, number, "")), at: isBound ? now : null };
}
