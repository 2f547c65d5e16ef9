/**
 * The audit entry of a change that a coordinator made. The entry comes after the change: before it, nobody knows
 * whether the coordinator refuses, and an entry about an approval that never was is worse than a late one. And D1 must
 * not be able to prevent an approval or a freeze, which people need most while something is down.
 *
 * Nothing that was answered is lost: the journal keeps the change with who made it, and the log has the entry at once.
 * The row in D1 is tried for as long as the platform lets work go on after a response. A caller who got no answer
 * repeats the request, and the repetition writes the same row, because its id is made of the change.
 */

import type { Context } from "hono";
import { logFailure } from "../base/log.ts";
import { msSinceOrJustNow, within } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { type AuditEntry, auditStatement, derivedAuditId, logAudit, newAuditEntry } from "./audit.ts";

/** How long the response waits for the row, so that a list right after it has the row. */
const WAIT_MAX_MS = 1000;
/** A try can take 10 s, and the platform ends the work 30 s after the response. */
const TRIES_END_AFTER_MS = 18_000;

/**
 * `changedAt`: when the coordinator made the change. A repetition has the same one. `isAwaited` false: nobody needs the
 * row right after the response.
 */
export async function auditAfterwards(
  c: Context<AppEnv>,
  what: Pick<AuditEntry, "action" | "target"> & { readonly reason?: string | null },
  changedAt: number,
  { isAwaited = true } = {},
): Promise<void> {
  const { o, p, envName } = c.req.param() as Record<"o" | "p" | "envName", string>;
  const { reason = null } = what;
  const created = newAuditEntry(c, { project: `${o}/${p}`, envName, ...what, reason }, changedAt);
  const { actor, action, target, person } = created;
  const change = [envName, actor, person, action, target];
  // The change is made, so its entry has no condition any more: `requireNewestSecret` came before the change.
  const entry = { ...created, asker: null, id: await derivedAuditId(changedAt, change) };
  logAudit(entry, c.get("requestId"));
  const written = write(c, entry);
  c.executionCtx.waitUntil(written);
  if (isAwaited) await within(WAIT_MAX_MS, written).catch(() => {});
}

/** Never throws. */
async function write(c: Context<AppEnv>, entry: AuditEntry): Promise<void> {
  const startedAt = Date.now();
  for (let pauseMs = 1000; ; pauseMs *= 2) {
    try {
      await readD1(c.get("hops"), () => auditStatement(c.env.DB, entry).run());
      return;
    } catch (error) {
      if (msSinceOrJustNow(startedAt, Date.now()) + pauseMs > TRIES_END_AFTER_MS) {
        logFailure("audit_failed", error, { requestId: c.get("requestId"), audit: entry.id });
        return;
      }
    }
    await scheduler.wait(pauseMs);
  }
}
