/**
 * When a token and a session were last used, to the hour. The write begins when the response exists, so no response
 * waits for it, and its failure fails none. A token costs at most one row an hour: the isolate remembers what it wrote,
 * and the statement does nothing if another isolate came first. Only an accepted token gets here, so a forged one
 * writes nothing.
 */

import type { MiddlewareHandler } from "hono";
import { BoundedMap } from "../base/bounded-map.ts";
import { HOUR_MS, MINUTE_MS } from "../base/time.ts";
import type { AppEnv } from "../http/app-env.ts";
import type { Principal } from "./permissions.ts";

/** Per isolate: until when a use need not be written again, by the session's or the token's id. */
const notedUntil = new BoundedMap<number>(1000);

const note = (table: "tokens" | "sessions") => `
  UPDATE ${table} SET last_used_at = ?3
  WHERE project = ?1 AND id = ?2 AND (last_used_at IS NULL OR last_used_at < ?3)`;

/** Notes that the request's token and session were used. ROOT_TOKEN has no row. */
export const notesUse: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  const principal: Principal | undefined = c.get("principal");
  if (principal === undefined || principal.project === null) return;
  const { id, project, sessionId } = principal;
  const key = sessionId ?? id;
  const now = Date.now();
  const ahead = (notedUntil.get(key) ?? now) - now;
  // If it is further ahead, the clock has stepped back.
  if (ahead > 0 && ahead <= HOUR_MS) return;
  const hour = now - (now % HOUR_MS);
  notedUntil.set(key, hour + HOUR_MS);
  const write = async () => {
    const { DB } = c.env;
    const ofToken = DB.prepare(note("tokens")).bind(project, id, hour);
    if (sessionId === undefined) return ofToken.run();
    return DB.batch([ofToken, DB.prepare(note("sessions")).bind(project, sessionId, hour)]);
  };
  // A failure is tried again, but not by each request of an outage.
  c.executionCtx.waitUntil(write().catch(() => notedUntil.set(key, now + MINUTE_MS)));
};
