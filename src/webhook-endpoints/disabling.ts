/**
 * When the service disables an endpoint (definitions/disabling.ts), and how a person enables it again. That is one batch
 * that may run twice, because the first run may have committed although its answer was lost.
 */
import { type AuditEntry, auditStatement } from "../auth/audit.ts";
import { DAY_MS } from "../base/time.ts";
import type { DefinitionRef } from "../definitions/kind.ts";
import type { EndpointHealth } from "../runs/endpoint-deliveries.ts";
import { ENDPOINT_KIND, endpointMemory } from "./kind.ts";

/** SQL: the endpoint of an audit entry. */
const TARGET = `scope = ?1 || '/' || ?3 AND kind = '${ENDPOINT_KIND.name}' AND name = ?8`;
const HERE = `scope = ?1 AND kind = '${ENDPOINT_KIND.name}' AND name = ?2`;

/** `not_disabled`: the service had not disabled it, so nothing was written. */
type Enabling = "enabled" | "not_disabled" | "missing";

/** Clears the service's switch, and not a person's. */
export async function enableEndpoint(
  db: D1Database,
  { scope, name }: DefinitionRef,
  entry: AuditEntry,
): Promise<Enabling> {
  const isDisabled = `EXISTS (SELECT 1 FROM definitions WHERE ${TARGET} AND disabled_version = version)`;
  const enable = db
    .prepare(
      `UPDATE definitions SET disabled_version = NULL, disabled_at = NULL, disabled_reason = NULL
       WHERE ${HERE} AND disabled_version = version`,
    )
    .bind(scope, name);
  const outcome = db
    .prepare(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM audit WHERE project = ?1 AND id = ?2) THEN 'enabled'
                   WHEN EXISTS (SELECT 1 FROM definitions
                                WHERE scope = ?3 AND kind = '${ENDPOINT_KIND.name}' AND name = ?4)
                   THEN 'not_disabled' ELSE 'missing' END AS enabling`,
    )
    .bind(entry.project, entry.id, scope, name);
  const writing = db.batch<{ enabling: Enabling }>([auditStatement(db, entry, isDisabled), enable, outcome]);
  const results = await writing.finally(() => endpointMemory.forget({ scope, name }));
  return results.at(-1)?.results[0]?.enabling ?? "missing";
}

/** For so long, no delivery has succeeded. */
const FAILED_MS = 5 * DAY_MS;
/** On so many days, an attempt has failed. */
const FAILED_DAYS = 3;

/**
 * Whether no delivery has succeeded for days to the version that this health is of. Failures are never counted: a busy
 * day would be enough.
 */
export function hasFailedForDays(health: EndpointHealth, now: number): boolean {
  const { failingSince, failedDays } = health;
  const latest = now - FAILED_MS;
  return (
    failedDays.length >= FAILED_DAYS && failingSince !== null && failingSince <= latest && succeededBy(health) <= latest
  );
}

/** The latest instant at which an attempt may have succeeded; -Infinity if none has. */
function succeededBy({ failingSince, succeededAt }: EndpointHealth): number {
  if (succeededAt === null) return Number.NEGATIVE_INFINITY;
  // While all succeed, a success is noted only once a day. The first failure came after the last success.
  return Math.min(succeededAt + DAY_MS, failingSince ?? Number.POSITIVE_INFINITY);
}
