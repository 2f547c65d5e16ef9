/** The HTTP app: the middleware in order, the routes, and the one error handler. */

import { Hono, type MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { requestId } from "hono/request-id";
import { inboundRoutes } from "./actions/inbound-routes.ts";
import { actionRoutes } from "./actions/kind.ts";
import { auditRoutes } from "./auth/audit-routes.ts";
import { notesUse } from "./auth/credential-memory.ts";
import { commandLineRoutes } from "./auth/identity/command-line-login.ts";
import { exchangeRoutes } from "./auth/identity/proving.ts";
import { signInRoutes } from "./auth/identity/sign-in-routes.ts";
import { sessionListRoutes, sessionRoutes, signInCodeRoutes } from "./auth/session-routes.ts";
import { tokenRoutes } from "./auth/token-routes.ts";
import { whoamiRoutes } from "./auth/whoami.ts";
import { PATH_NAME } from "./base/limits.ts";
import { LogLimit, log } from "./base/log.ts";
import { ApiError, errorResponse, toApiError } from "./http/errors.ts";
import { refuseDeliveries } from "./http/headers.ts";
import { type AppEnv, requestLog } from "./http/request-context.ts";
import { FixedAndPatternRouter } from "./http/router.ts";
import { mcpRoutes } from "./mcp/routes.ts";
import { actionTestRoutes } from "./runs/api/action-test-routes.ts";
import { bulkRoutes } from "./runs/api/bulk-routes.ts";
import { callbackRoutes } from "./runs/api/callback-routes.ts";
import {
  databaseRoutes,
  environmentDatabaseRoutes,
  purgeRoutes,
  resyncRoutes,
} from "./runs/api/databases/database-routes.ts";
import { environmentEraseRoutes, projectEraseRoutes } from "./runs/api/databases/erasing.ts";
import { followingRoutes } from "./runs/api/following.ts";
import { decisionRoutes, groupRoutes, notifyLimit, pauseRoutes } from "./runs/api/gate-routes.ts";
import { inboundEventRoutes } from "./runs/api/inbound-events.ts";
import { metricsRoutes } from "./runs/api/metrics-routes.ts";
import { actionRunsRoutes, runRoutes } from "./runs/api/run-routes.ts";
import { scheduleRoutes } from "./schedules/kind.ts";
import { healthRoutes } from "./service/health-routes.ts";
import { consolePages, docsRoutes } from "./service/page-routes.ts";
import { corsOrigins } from "./settings/config.ts";
import { deliveryRoutes } from "./webhook-endpoints/delivery-routes.ts";
import { endpointRoutes } from "./webhook-endpoints/kind.ts";

const PROJECT = `/:o{${PATH_NAME}}/:p{${PATH_NAME}}`;
const ENVIRONMENT = `${PROJECT}/envs/:envName{${PATH_NAME}}`;

const EXPOSED_HEADERS = [
  "Action-Runs-Searched-To",
  "Action-Runs-Stale",
  "ETag",
  "Idempotent-Replayed",
  "Link",
  "Location",
  "Retry-After",
  "WWW-Authenticate",
  "X-Request-Id",
];

const headers: MiddlewareHandler<AppEnv> = (c, next) => {
  // Set headers before the response exists, because setting a header afterwards clones the response. A route may set
  // another value.
  c.header("Cache-Control", "no-store");
  c.header("X-Content-Type-Options", "nosniff");
  return next();
};

/** Sends CORS headers only to the origins that the operator lists. */
const crossOrigin: MiddlewareHandler<AppEnv> = (c, next) => {
  const origins = corsOrigins(c.env);
  if (origins.length === 0) return next();
  return cors({ origin: origins, exposeHeaders: EXPOSED_HEADERS, maxAge: 600 })(c, next);
};

const ROUTES: readonly (readonly [path: string, routes: readonly Hono<AppEnv>[]])[] = [
  ["/", [healthRoutes, docsRoutes, consolePages, whoamiRoutes]],
  ["/", [sessionRoutes, signInRoutes, commandLineRoutes, databaseRoutes]],
  [`${PROJECT}/tokens`, [tokenRoutes, exchangeRoutes]],
  [`${PROJECT}/sessions`, [sessionListRoutes]],
  [`${PROJECT}/sign-in-codes`, [signInCodeRoutes]],
  [`${PROJECT}/audit`, [auditRoutes]],
  [`${PROJECT}/erase`, [projectEraseRoutes]],
  [`${ENVIRONMENT}/actions`, [actionRoutes(notifyLimit), actionRunsRoutes, actionTestRoutes]],
  [`${ENVIRONMENT}/actions`, [inboundRoutes, inboundEventRoutes]],
  [`${ENVIRONMENT}/action-runs`, [runRoutes, followingRoutes, callbackRoutes, decisionRoutes]],
  [`${ENVIRONMENT}/bulk-operations`, [bulkRoutes]],
  [`${ENVIRONMENT}/concurrency-groups`, [groupRoutes]],
  [`${ENVIRONMENT}/pauses`, [pauseRoutes]],
  [`${ENVIRONMENT}/webhook-endpoints`, [endpointRoutes, deliveryRoutes]],
  [`${ENVIRONMENT}/schedules`, [scheduleRoutes]],
  [`${ENVIRONMENT}/mcp`, [mcpRoutes]],
  [`${ENVIRONMENT}/metrics`, [metricsRoutes]],
  [`${ENVIRONMENT}/resync`, [resyncRoutes]],
  [`${ENVIRONMENT}/database`, [environmentDatabaseRoutes]],
  [`${ENVIRONMENT}/purge`, [purgeRoutes]],
  [`${ENVIRONMENT}/erase`, [environmentEraseRoutes]],
];

/** Per isolate: anybody can cause a failure again and again while a database or an issuer is down. */
const causes = new LogLimit();

export function createApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ router: new FixedAndPatternRouter() });
  app.use(requestId(), requestLog, notesUse, headers, crossOrigin, refuseDeliveries);

  for (const [path, all] of ROUTES) for (const routes of all) app.route(path, routes);
  refuseOtherMethods(app);
  app.notFound((c) => errorResponse(c, new ApiError("not_found")));
  app.onError((thrown, c) => {
    const error = toApiError(thrown);
    const { code, cause } = error;
    const line = cause === undefined ? null : causes.next(Date.now());
    if (line !== null) {
      const text = (cause instanceof Error && cause.stack) || String(cause);
      log("error", "request_failed", { requestId: c.get("requestId"), code, cause: text, ...line });
    }
    return errorResponse(c, error);
  });
  return app;
}

/**
 * Adds a response 405 with Allow for every other method of a path that has routes. Not by Hono's `methodNotAllowed`,
 * because it matches paths again in a trie. There `…/action-runs/summary` is also a run's id, so a DELETE would be 404.
 */
function refuseOtherMethods(app: Hono<AppEnv>): void {
  const routes = app.routes.filter(({ method }) => method !== "ALL");
  for (const [path, those] of Map.groupBy(routes, (route) => route.path)) {
    const methods = new Set(those.map(({ method }) => method));
    if (methods.has("GET")) methods.add("HEAD");
    const allow = [...methods].sort().join(", ");
    app.all(path, () => {
      throw new ApiError("method_not_allowed", `This endpoint accepts only ${allow}.`, { headers: { Allow: allow } });
    });
  }
}
