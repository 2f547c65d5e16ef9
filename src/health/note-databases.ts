/** Notes every minute what state the other databases are in, for the readiness check and for `GET /databases`. */

import { logFailure } from "../base/log.ts";
import { type ArchiveStatus, hasReport, writeReport } from "../database/database-report.ts";
import { lookAtDatabase } from "../database/database-state.ts";
import { numbersInUse } from "../database/numbers-in-use.ts";
import { boundDatabases } from "../settings/databases.ts";
import type { Env } from "../settings/env.ts";
import { keyRing } from "../settings/key-ring.ts";

/** `lookAtArchive`: must not throw, and answers soon; null without an archive. Never throws. */
export async function noteDatabases(
  env: Env,
  now: number,
  lookAtArchive: () => Promise<ArchiveStatus | null>,
): Promise<void> {
  if (!hasReport(env)) return;
  try {
    const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
    const [keyId = ""] = ring.ok ? await ring.value.keyIds("webhooks") : [];
    const archiving = lookAtArchive();
    const numbers = new Set([...boundDatabases(env), ...(await numbersInUse(env.DB))]);
    numbers.delete(0);
    const inOrder = [...numbers].sort((a, b) => a - b);
    const databases = await Promise.all(inOrder.map((number) => lookAtDatabase(env, number, keyId)));
    await writeReport(env.DB, { lookedAt: now, keyId, databases, archive: await archiving }).run();
  } catch (error) {
    logFailure("sweep_failed", error, { step: "note_databases" });
  }
}
