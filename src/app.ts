/** The front door: middleware in order, the routes, one error handler. */

import { Hono, type MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import type { AppEnv } from "./app-env.ts";
import { auditRoutes } from "./auth/audit-routes.ts";
import { tokenRoutes } from "./auth/token-routes.ts";
import { corsOrigins } from "./config.ts";
import { docsRoutes } from "./docs/routes.ts";
import { healthRoutes } from "./health.ts";
import { ApiError, errorResponse, toApiError } from "./http/errors.ts";
import { PATH_NAME } from "./http/limits.ts";
import { refuseDeliveries } from "./http/loop-guard.ts";
import { requestLog } from "./http/request-log.ts";
import { FixedAndPatternRouter } from "./http/router.ts";
import { log } from "./log.ts";
import { callbackRoutes } from "./runs/api/callback-routes.ts";
import { resyncRoutes } from "./runs/api/resync-routes.ts";
import { runRoutes } from "./runs/api/run-routes.ts";
import { eventRoutes } from "./runs/api/timeline-routes.ts";

const PROJECT = `/:o{${PATH_NAME}}/:p{${PATH_NAME}}`;
const ENVIRONMENT = `${PROJECT}/envs/:envName{${PATH_NAME}}`;

const EXPOSED_HEADERS = [
  "Idempotent-Replayed",
  "Link",
  "Location",
  "Retry-After",
  "WWW-Authenticate",
  "X-D1-Bookmark",
  "X-Request-Id",
];

function headers(): MiddlewareHandler<AppEnv> {
  return function headers(c, next) {
    // Before the answer is made, or each would make another of it. Where a route says otherwise, that counts.
    c.header("Cache-Control", "no-store");
    c.header("X-Content-Type-Options", "nosniff");
    return next();
  };
}

/** Off unless the operator names origins; then for those alone. */
function crossOrigin(): MiddlewareHandler<AppEnv> {
  return function crossOrigin(c, next) {
    const origins = corsOrigins(c.env);
    if (origins.length === 0) return next();
    return cors({ origin: [...origins], exposeHeaders: EXPOSED_HEADERS, maxAge: 600 })(c, next);
  };
}

export function createApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ router: new FixedAndPatternRouter() });
  app.use(requestId(), requestLog(), headers(), crossOrigin(), refuseDeliveries());

  app.route("/", healthRoutes);
  app.route("/", docsRoutes);
  app.route(`${PROJECT}/tokens`, tokenRoutes);
  app.route(`${PROJECT}/audit`, auditRoutes);
  app.route(`${ENVIRONMENT}/action-runs`, runRoutes);
  app.route(`${ENVIRONMENT}/action-runs`, callbackRoutes);
  app.route(`${ENVIRONMENT}/action-runs`, eventRoutes);
  app.route(`${ENVIRONMENT}/resync`, resyncRoutes);

  refuseOtherMethods(app);
  app.notFound((c) => {
    c.set("errorCode", "not_found");
    return errorResponse(
      c,
      new ApiError("not_found", "There is nothing at this address: GET / says what there is."),
    );
  });
  app.onError((thrown, c) => {
    const error = toApiError(thrown);
    c.set("errorCode", error.code);
    if (error.cause !== undefined) {
      log("error", "request_failed", {
        requestId: c.get("requestId"),
        code: error.code,
        cause: describe(error.cause),
      });
    }
    return errorResponse(c, error);
  });
  return app;
}

/** 405 with Allow for every path that has routes, whatever routes are added. */
function refuseOtherMethods(app: Hono<AppEnv>): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === "ALL") continue;
    const allowed = methods.get(path) ?? new Set<string>();
    allowed.add(method);
    if (method === "GET") allowed.add("HEAD");
    methods.set(path, allowed);
  }
  for (const [path, allowed] of methods) {
    const allow = [...allowed].sort().join(", ");
    app.all(path, () => {
      throw new ApiError("method_not_allowed", `This address takes ${allow}.`, { Allow: allow });
    });
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? String(cause)) : String(cause);
}
