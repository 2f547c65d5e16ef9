/** The work of every minute. The steps run side by side, because D1 may hang on one of them. */

import { purgeAudit } from "./auth/audit.ts";
import { purgeSessions } from "./auth/session-store.ts";
import { resealDefinitions } from "./definitions/sealing.ts";
import { driveErasures } from "./runs/api/databases/erasing.ts";
import { archiveStatus } from "./runs/api/run-archive.ts";
import { sweep } from "./runs/d1/sweep.ts";
import { noteDatabases } from "./service/health-routes.ts";
import { daysOf } from "./settings/config.ts";

import type { Env } from "./settings/env.ts";
import { issuersOf, signInIssuer } from "./settings/issuers.ts";

export async function everyMinute(env: Env, now: number): Promise<void> {
  await Promise.all([
    sweep(env, now),
    driveErasures(env, now),
    noteDatabases(env, now, () => archiveStatus(env)),
    purgeAudit(env.DB, daysOf(env, "AUDIT_RETENTION_DAYS"), now),
    purgeSessions(env.DB, now, issuersOf(env).ok ? (signInIssuer(env)?.issuer ?? "") : null),
    resealDefinitions(env.DB, env.CALLBACK_SIGNING_KEYS, now),
  ]);
}
