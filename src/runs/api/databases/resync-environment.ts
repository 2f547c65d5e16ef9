/** Begins the resync of one environment, after the entry in the audit log is written. */

import { type AuditEntry, auditStatement, logAudit } from "../../../auth/audit.ts";
import { readD1 } from "../../../database/read-d1.ts";
import { register } from "../../d1/registration.ts";
import type { Home } from "../../home.ts";
import { ask, type RunEnvironment } from "../run-environment.ts";
import { repairsRow } from "./placement.ts";

/**
 * Returns how many runs are left. Repairs what a restore of the control database has lost: the registration, and the
 * row that says where the environment lives. `home`: the newest that is known; null with one database. Throws `database_unavailable`, or `coordinator_unavailable`.
 */
export async function resyncEnvironment(
  environment: RunEnvironment,
  home: Home | null,
  entry: AuditEntry,
  requestId: string,
): Promise<number> {
  const { env, hops, scope } = environment;
  // First, so that no resync starts without an entry in the audit log.
  await readD1(hops, () =>
    env.DB.batch([auditStatement(env.DB, entry), register(env.DB, scope, entry.at), ...repairsRow(environment, home)]),
  );
  logAudit(entry, requestId);
  return ask(environment, (coordinator) => coordinator.upkeep.resync(home));
}
