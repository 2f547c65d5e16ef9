/**
 * Counts the rows that bulk operations write, in the build of the service that counts its statements: while the set is
 * collected, for each page, and for each run that is cancelled or retried. Nothing here is timed.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Count } from "./growth/count.ts";
import { markdown } from "./report/table.ts";
import { replicated } from "./servers/replicated.ts";
import { asker, times } from "./servers/seeds.ts";
import { open, type Site } from "./servers/site.ts";

const PROJECT = "bulk";
const ENVIRONMENT = `/bench/${PROJECT}/envs/env-0`;
const BATCH_RUNS = 25;
/** As many as a request without `actions:manage` may mean. At 20 a second, an operation takes 25 s. */
const RUNS = 500;
/** Makes the tables of all coordinators. */
const WARM_UP = 100;
const REST_MS = 1500;
/** When the runs of a cancel without a grace have ended for sure, the operation notes how. */
const ENDS_NOTED_MS = 12_000;
const POLL_MS = 200;
const ENDS_WITHIN_MS = 120_000;

/** Rows written for one run of an operation, by their cause. */
interface Rows {
  readonly name: string;
  readonly parts: Readonly<Record<"operation" | "change" | "replication", number>>;
  /** The part of them that the platform charges for setting alarms. */
  readonly alarms: number;
  /** Rows that the operation's own tables and the audit got, for each page of runs. */
  readonly aBatch: number;
}

export interface BulkWrites {
  readonly runs: number;
  readonly rows: readonly Rows[];
}

/** `isTrial`: with one page of runs, for a try of the bench itself. */
export async function measureBulkWrites(isTrial: boolean, onProgress: (text: string) => void): Promise<BulkWrites> {
  const runs = isTrial ? BATCH_RUNS : RUNS;
  const site = await open({ counted: true });
  try {
    onProgress("rows written by bulk operations");
    await createRuns(site, WARM_UP, "warm-up");
    await createRuns(site, runs, "deploy");
    await replicated(site, [{ project: PROJECT, status: "pending", runs: WARM_UP + runs }]);
    const cancel = { operation: "cancel", graceSeconds: 0 };
    const cancelled = await operate(site, cancel, runs, isTrial ? REST_MS : ENDS_NOTED_MS);
    const retried = await operate(site, { operation: "retry" }, runs, REST_MS);
    return { runs, rows: [...rowsOf("cancel", cancelled, runs), ...rowsOf("retry", retried, runs)] };
  } finally {
    await site.stop();
  }
}

export function bulkWritesTable({ runs, rows }: BulkWrites): string {
  const head = `rows written for each of ${runs} runs|operation|change|replication|all|of these setAlarm|a batch of ${BATCH_RUNS}`;
  const lines = rows.map(({ name, parts: { operation, change, replication }, alarms, aBatch }) => [
    name,
    ...[operation, change, replication, operation + change + replication, alarms].map((n) => n.toFixed(2)),
    aBatch.toFixed(1),
  ]);
  return markdown([head.split("|"), ...lines]);
}

async function createRuns(site: Site, runs: number, actionName: string): Promise<void> {
  const ask = asker(site);
  await times(runs, () =>
    ask("POST", `${ENVIRONMENT}/action-runs`, site.secrets.ROOT_TOKEN, { actionName, entityId: crypto.randomUUID() }),
  );
}

/** Runs an operation on the runs `deploy`, and returns what was counted meanwhile. */
async function operate(site: Site, order: object, runs: number, restMs: number): Promise<readonly Count[]> {
  const { ROOT_TOKEN } = site.secrets;
  const ask = asker(site);
  await delay(REST_MS);
  await site.counts();
  const path = `${ENVIRONMENT}/bulk-operations`;
  const body = { ...order, filter: { actionName: "deploy" }, maxRuns: runs };
  const { id } = JSON.parse(await ask("POST", path, ROOT_TOKEN, body));
  const until = performance.now() + ENDS_WITHIN_MS;
  const isOver = async () => {
    const [newest] = JSON.parse(await ask("GET", `${path}?limit=1`, ROOT_TOKEN));
    if (newest.id !== id || newest.abortReason !== null) throw new Error(`operation ${id} was aborted`);
    return newest.status === "completed" && newest.counts.accepted === runs;
  };
  while (!(await isOver())) {
    if (performance.now() > until) throw new Error(`operation ${id} has not ended`);
    await delay(POLL_MS);
  }
  await delay(restMs);
  return site.counts();
}

function rowsOf(operation: string, counts: readonly Count[], runs: number): Rows[] {
  return (["object", "D1"] as const).map((store) => {
    const each = (isIt: (count: Count) => boolean) =>
      counts.reduce((sum, c) => sum + (c.sql.startsWith(store) && isIt(c) ? c.rowsWritten : 0), 0) / runs;
    const parts = {
      operation: each(isOwn),
      change: each((count) => !isOwn(count) && !isReplication(count)),
      replication: each((count) => !isOwn(count) && isReplication(count)),
    };
    const alarms = each(({ sql }) => sql.endsWith("setAlarm"));
    return { name: `${operation}, ${store}`, parts, alarms, aBatch: parts.operation * BATCH_RUNS };
  });
}

/** Whether the statement is about the operation itself, and not about one of its runs. */
function isOwn({ sql }: Count): boolean {
  return /\b(bulk_operations|bulk_items|audit)\b/.test(sql);
}

/** Whether the statement writes runs to D1, or notes in the journal what is replicated and when to check again. */
function isReplication({ sql, values }: Count): boolean {
  return /^D1|quarantined_runs/.test(sql) || values.some((value) => /^(replica:|replication_retry_at)/.test(value));
}
