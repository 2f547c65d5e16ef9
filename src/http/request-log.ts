/**
 * One log line a request. Its route is a pattern, because a path may contain text that a caller typed. A line costs
 * more than most of a request's work. So an isolate writes a bounded number a second, which keeps a flood of forged
 * tokens cheap. The next line counts the lines that were left out. Errors of the service (5xx) are always written.
 */

import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { log } from "../base/log.ts";
import type { AppEnv } from "./app-env.ts";

const LINES_PER_SECOND = 100;
/** The regular expressions of a route's parameters. */
const PATTERNS = /\{[^/]*\}/g;

/** Per isolate: lines written in this second, and lines left out since the last one written. */
const written = { second: 0, lines: 0, leftOut: 0 };

export const requestLog: MiddlewareHandler<AppEnv> = async (c, next) => {
  const startedAt = Date.now();
  const hops = { d1: 0, coordinator: 0 };
  c.set("hops", hops);
  await next();
  const now = Date.now();
  if (c.res.status < 500 && !mayWrite(now)) return;
  const { leftOut } = written;
  written.leftOut = 0;
  // JSON leaves out a field that is undefined.
  log("info", "request", {
    requestId: c.get("requestId"),
    token: c.get("tokenId"),
    session: c.get("sessionId"),
    method: c.req.method,
    route: routePath(c, -1).replaceAll(PATTERNS, ""),
    status: c.res.status,
    durationMs: now - startedAt,
    d1: hops.d1,
    coordinator: hops.coordinator,
    code: c.get("errorCode"),
    leftOut: leftOut === 0 ? undefined : leftOut,
  });
};

function mayWrite(now: number): boolean {
  const second = Math.floor(now / 1000);
  if (second !== written.second) Object.assign(written, { second, lines: 0 });
  if (written.lines >= LINES_PER_SECOND) {
    written.leftOut++;
    return false;
  }
  written.lines++;
  return true;
}
