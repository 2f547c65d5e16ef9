/**
 * One line a request: what was asked, what came of it, and how many round trips it made. The route is a pattern, for a
 * path may hold what a caller typed.
 *
 * A line costs more than most of what is done for a request, and on Cloudflare it costs money. So an isolate writes at
 * most so many a second, and a flood, of forged tokens for one, stays cheap; its next line says how many were left out.
 * What went wrong on our side is always written.
 */

import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { AppEnv } from "../app-env.ts";
import { log } from "../log.ts";
import { PATH_NAME } from "./limits.ts";

const SECOND_MS = 1000;
const LINES_PER_SECOND = 100;

/** Per isolate: lines written in this second, and those left out since the last one that was written. */
const written = { second: 0, lines: 0, leftOut: 0 };

export function requestLog(): MiddlewareHandler<AppEnv> {
  return async function requestLog(c, next) {
    const startedAt = Date.now();
    const hops = { d1: 0, coordinator: 0 };
    c.set("hops", hops);
    await next();
    const now = Date.now();
    if (c.res.status < 500 && !mayWrite(now)) return;
    log("info", "request", {
      requestId: c.get("requestId"),
      // Who asked: undefined, and so no field, until an API token was found good.
      token: (c.get("principal") as { readonly id: string } | undefined)?.id,
      method: c.req.method,
      route: routePath(c, -1).replaceAll(`{${PATH_NAME}}`, ""),
      status: c.res.status,
      durationMs: now - startedAt,
      d1: hops.d1,
      coordinator: hops.coordinator,
      code: c.get("errorCode"),
      leftOut: takeLeftOut(),
    });
  };
}

function mayWrite(now: number): boolean {
  const second = Math.floor(now / SECOND_MS);
  if (second !== written.second) Object.assign(written, { second, lines: 0 });
  if (written.lines < LINES_PER_SECOND) {
    written.lines++;
    return true;
  }
  written.leftOut++;
  return false;
}

/** undefined, and so no field, where there are none. */
function takeLeftOut(): number | undefined {
  const { leftOut } = written;
  written.leftOut = 0;
  return leftOut === 0 ? undefined : leftOut;
}
