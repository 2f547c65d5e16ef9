/**
 * What a coordinator asks the Worker about bulk operations: which runs match, and to change a page of them. Each call is
 * a Worker invocation of its own.
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import { auditStatement, derivedAuditId, logAudit, SERVICE } from "../../../auth/audit.ts";
import { tokenState } from "../../../auth/token-state.ts";
import { logFailure } from "../../../base/log.ts";
import { MINUTE_MS, msSinceOrJustNow, within } from "../../../base/time.ts";
import { firstIdAt } from "../../../base/uuid.ts";
import { readD1 } from "../../../database/read-d1.ts";
import type { Env } from "../../../settings/env.ts";
import { keyRing } from "../../../settings/key-ring.ts";
import {
  type BulkItem,
  type BulkOperation,
  type BulkOrder,
  type EndedRuns,
  endsOf,
  NO_ENDED_RUNS,
  PAGE_RUNS,
} from "../../bulk.ts";
import type { BulkRunner, Collected, Decided, Stopper } from "../../bulk-calls.ts";
import { databaseOf } from "../../placement/database-of.ts";
import { isOpen, type Status } from "../../run.ts";
import { createdAtOf } from "../../run-id.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { decideRun } from "./decide-run.ts";
import { matchingIds, matchingPage, settledDatabase } from "./matching.ts";
import { bulkFilter, runFiltersOf } from "./request-schemas.ts";
import { auditedEnd } from "./shown-operation.ts";

/** How many runs are changed at the same time: as many calls as an invocation may have open. */
const AT_ONCE = 6;
/**
 * For how long a set waits for runs that D1 has refused. A coordinator tries them again every 10 minutes at least. One
 * that D1 never takes must not hold up operations for ever, so after that the set lacks it, as a list does.
 */
const REFUSED_MAX_MS = 15 * MINUTE_MS;
/** A run that takes longer is undecided. If each run of a page hangs, the page is still answered within its lease. */
const RUN_MAX_MS = 8000;
/** How much the clocks of two Workers may differ. The set must have each run that was there before the request. */
const CLOCKS_DIFFER_MS = 1000;

export class BulkOperations extends WorkerEntrypoint<Env> implements BulkRunner {
  async collect(scope: string, order: BulkOrder, below: string | null, limit: number): Promise<Collected> {
    const environment = this.#environment(scope);
    // Later pages are below ids of that time, so they need not wait for what came since.
    const isPatient = msSinceOrJustNow(createdAtOf(order.id), Date.now()) < REFUSED_MAX_MS;
    const db =
      below === null ? await settledDatabase(environment, { isPatient }) : (await databaseOf(environment)).db;
    if (db === null) return { type: "not_settled" };
    const filters = runFiltersOf(bulkFilter.parse(order.filter));
    const { runs, behind } = await matchingPage(environment, db, filters, below ?? newestIdOf(order), limit);
    return { type: "collected", runs: runs.map(({ id, isWaiting }) => [id, isWaiting]), behind };
  }

  /** A run that D1 does not have stays in the set. It has its turn, and is refused then. */
  async sort(scope: string, runIds: readonly string[]): Promise<Collected> {
    const environment = this.#environment(scope);
    const db = await settledDatabase(environment);
    if (db === null) return { type: "not_settled" };
    const known = await matchingIds(environment, db, runIds);
    const waiting = new Set(known.flatMap(({ id, isWaiting }) => (isWaiting ? [id] : [])));
    return { type: "collected", runs: runIds.map((id) => [id, waiting.has(id)]), behind: null };
  }

  async decide(scope: string, order: BulkOrder, runIds: readonly string[]): Promise<Decided> {
    const [o, p] = scope.split("/");
    const ring = keyRing(this.env.CALLBACK_SIGNING_KEYS);
    const environment = this.#environment(scope);
    const asking = () => tokenState(this.env.DB, `${o}/${p}`, order.asker.tokenId, Date.now());
    const state = await readD1(environment.hops, asking).catch((error: unknown) => {
      logFailure("bulk_not_begun", error, { scope, operation: order.id });
      return null;
    });
    if (state === null || !ring.ok) return { type: "not_begun" };
    if (state !== "living") return { type: "refused", reason: state };
    const waitUntil = (work: Promise<unknown>) => this.ctx.waitUntil(work);
    const items: (BulkItem | null)[] = [];
    const turns = runIds.entries();
    const takeTurns = async () => {
      for (const [i, runId] of turns) {
        const deciding = { environment, ring: ring.value, order, waitUntil };
        items[i] = await within(RUN_MAX_MS, decideRun(deciding, runId)).catch((error: unknown) => {
          logFailure("bulk_run_undecided", error, { operation: order.id, run: runId });
          return null;
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, takeTurns));
    return { type: "decided", items };
  }

  async conclude(scope: string, operation: BulkOperation, by: Stopper | null): Promise<void> {
    const [o, p, envName = ""] = scope.split("/");
    const at = operation.completedAt ?? Date.now();
    const { id: actor, name: actorName } = by ?? SERVICE;
    const { id: target } = operation.order;
    const entry = {
      id: await derivedAuditId(at, ["bulk_ended", target]),
      ...{ project: `${o}/${p}`, envName, at, actor, actorName, sessionId: by?.sessionId ?? null },
      ...{ person: by?.person ?? null, reason: null, asker: null },
      ...({ action: "bulk_ended", target, targetName: target } as const),
      bulk: JSON.stringify(auditedEnd(operation)),
    };
    await auditStatement(this.env.DB, entry).run();
    logAudit(entry, undefined);
  }

  async ended(scope: string, runIds: readonly string[]): Promise<EndedRuns | null> {
    if (runIds.length === 0) return NO_ENDED_RUNS;
    const environment = this.#environment(scope);
    const db = await settledDatabase(environment);
    if (db === null) return null;
    const runs = await matchingIds(environment, db, runIds);
    const open = runs.filter(isOpen);
    // D1 can refuse a run's end for ever. So the coordinators have the last word on the few that D1 shows as open.
    if (open.length > PAGE_RUNS) return null;
    const statuses = await Promise.all(open.map(({ id }) => statusOf(environment, id)));
    if (statuses.some((status) => status !== null && isOpen({ status }))) return null;
    return endsOf([...runs.map(({ status }) => status), ...statuses]);
  }

  #environment(scope: string): RunEnvironment {
    const ring = keyRing(this.env.CALLBACK_SIGNING_KEYS);
    return {
      ...{ env: this.env, hops: { d1: 0, coordinator: 0 }, scope },
      ...{ ring: ring.ok ? ring.value : null, genuineIds: new Set() },
      waitUntil: (work) => this.ctx.waitUntil(work),
    };
  }
}

/** As its coordinator has it; null if it is not kept. Throws `coordinator_unavailable`. */
async function statusOf(environment: RunEnvironment, id: string): Promise<Status | null> {
  const reply = await ask(environment, (coordinator) => coordinator.runs.read(id));
  return reply.ok ? (JSON.parse(reply.actionRun) as { readonly status: Status }).status : null;
}

/** Sorts after each run that the request may be about, and before later ones: collecting can wait long for D1. */
function newestIdOf({ id }: BulkOrder): string {
  const createdAt = createdAtOf(id);
  return firstIdAt(Math.min(Date.now(), createdAt + CLOCKS_DIFFER_MS) + 1);
}
