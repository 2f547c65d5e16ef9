/** The work of every minute. The steps run side by side, because D1 may hang on one of them. */

import { resealActions } from "./actions/reseal.ts";
import { purgeAudit } from "./auth/audit.ts";
import { purgeSessions } from "./auth/session/store.ts";
import { sweep } from "./runs/d1/sweep.ts";
import { retentionDays } from "./settings/config.ts";
import type { Env } from "./settings/env.ts";

export async function everyMinute(env: Env, now: number): Promise<void> {
  await Promise.all([
    sweep(env, now),
    purgeAudit(env.DB, retentionDays(env), now),
    purgeSessions(env.DB, now),
    resealActions(env.DB, env.CALLBACK_SIGNING_KEYS, now),
  ]);
}
