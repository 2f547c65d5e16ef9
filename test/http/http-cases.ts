/** At least one request for each route and each status. */

import { encodeCursor } from "../../src/http/paging.ts";
import { faults } from "../support/faults.ts";
import type { Ask, CreatedRun } from "../support/requests.ts";
import { OWN_PAGE } from "../support/sessions.ts";
import { changed } from "../support/settings.ts";

/** A text that must never appear in a log. */
export const SECRET = "hush-hush-9f27";

const RUNS = "/:o/:p/envs/:envName/action-runs";
const ACTIONS = "/:o/:p/envs/:envName/actions";
const BULK = "/:o/:p/envs/:envName/bulk-operations";
const PAUSES = "/:o/:p/envs/:envName/pauses";
const ENDPOINTS = "/:o/:p/envs/:envName/webhook-endpoints";
const SCHEDULES = "/:o/:p/envs/:envName/schedules";

export interface Case {
  readonly name: string;
  readonly status: number;
  readonly route: string;
  readonly code?: string;
  /** Where the error points to. */
  readonly pointer?: string;
  readonly method: string;
  /** The path of the request, from the path of the runs and a run. */
  readonly path: (runs: string, run: CreatedRun) => string;
  readonly ask?: (run: CreatedRun) => Ask;
  readonly given?: () => void;
}

const environment = (runs: string) => runs.replace(/\/action-runs$/, "");
const actions = (runs: string) => `${environment(runs)}/actions`;
const endpoints = (runs: string) => `${environment(runs)}/webhook-endpoints`;
const bulkCancel = { operation: "cancel", reason: SECRET, filter: { labels: [SECRET] }, maxRuns: 1 };
const withSecret = (headers: Readonly<Record<string, string | null>>) => ({
  trigger: { type: "webhook", url: `https://ci.example.com/${SECRET}`, headers },
});
const token = (name: string) => ({ body: { name, role: "viewer" } });

/**
 * A case of a route. `path`: what follows the route's own path, or another path. The route's own path has the run's id,
 * and SECRET for each other name.
 */
function on(
  method: string,
  route: string,
  status: number,
  name: string,
  path: string | Case["path"] = "",
  more: Pick<Case, "code" | "pointer" | "ask" | "given"> = {},
): Case {
  const own = (runs: string, { id }: CreatedRun) =>
    route
      .replace(RUNS, runs)
      .replace(/^\/:o\/:p\/envs\/:envName/, environment(runs))
      .replace("/:o/:p", "/acme/shop")
      .replace(":id", route.startsWith(RUNS) ? id : SECRET)
      .replace(/:\w+/g, SECRET);
  return { name, status, route, method, path: typeof path === "string" ? (...of) => own(...of) + path : path, ...more };
}

/** An issuer at which people sign in. */
function withSignIn(): void {
  const issuers = [{ issuer: "https://id.example", kind: "people", projects: "acme/*", clientId: "console" }];
  changed.OIDC_ISSUERS = JSON.stringify(issuers);
}

export const CASES: readonly Case[] = [
  on("GET", "/", 200, "the description of the service"),
  on("GET", "/healthz", 200, "alive"),
  on("GET", "/readyz", 200, "ready"),
  on("GET", "/openapi.json", 200, "the document"),
  on("GET", "/docs", 200, "the explorer"),
  on("GET", "/whoami", 200, "who asks"),
  on("GET", "/console", 200, "the console"),
  on("GET", "/console/-/*", 200, "a page of the console", () => `/console/-/acme/shop/prod/runs?actionName=${SECRET}`),
  on("GET", "/console/sign-in", 200, "what a sign-in opens", "", { given: withSignIn }),
  on("GET", "/console/cli", 200, "a session for the command line", `?challenge=${SECRET}`, { given: withSignIn }),
  on("GET", RUNS, 200, "a list with filters", `?actionName=${SECRET}`),
  on("GET", `${RUNS}/summary`, 200, "a summary", `?label=${SECRET}`),
  on("GET", `${RUNS}/facets`, 200, "facets", `?field=label&contains=${SECRET}`),
  on("GET", `${RUNS}/newest`, 200, "the newest runs", `?actionName=${SECRET}`),
  on("GET", `${RUNS}/changes`, 200, "the feed of changes", `?after=0&label=${SECRET}`),
  on("GET", RUNS, 200, "a list by label with details", `?label=${SECRET}&include=details`),
  on("GET", `${RUNS}/:id`, 200, "a run"),
  on("POST", RUNS, 201, "a create", "", {
    ask: () => ({
      body: { actionName: SECRET, parameters: { password: SECRET } },
      headers: { "Idempotency-Key": SECRET },
    }),
  }),
  on("POST", RUNS, 403, "a create by a token that may not act for others", "", {
    code: "may_not_act_for_others",
    ask: () => ({ body: { actionName: SECRET }, headers: { "On-Behalf-Of": SECRET } }),
  }),
  on("POST", `${RUNS}/:id/callback`, 200, "a callback", (_, run) => run.callback.url, {
    ask: (run) => ({ token: run.callback.token, body: { status: "failed", error: SECRET, output: { s: SECRET } } }),
  }),
  on("POST", `${RUNS}/:id/heartbeat`, 200, "a heartbeat", "", {
    ask: (run) => ({
      token: run.callback.token,
      body: { message: SECRET, progress: 0.5, externalUrl: `https://ci.example/${SECRET}` },
    }),
  }),
  on("GET", `${RUNS}/:id/events`, 200, "a timeline"),
  on("DELETE", `${RUNS}/:id`, 200, "a cancel"),
  on("POST", `${RUNS}/:id/cancel`, 200, "a cancel with a reason", "", {
    ask: () => ({ body: { reason: SECRET, graceSeconds: 30 }, headers: { "Idempotency-Key": SECRET } }),
  }),
  on("POST", `${RUNS}/:id/retry`, 409, "a retry of an open run", "", {
    code: "run_open",
    ask: () => ({ body: { parameters: { password: SECRET } } }),
  }),
  ...["approve", "reject"].map((what) =>
    on("POST", `${RUNS}/:id/${what}`, 409, `a request to ${what} a run without gates`, "", {
      code: "not_waiting",
      ask: () => ({ body: { reason: SECRET }, headers: { "Idempotency-Key": SECRET } }),
    }),
  ),
  on("POST", `${RUNS}/:id/release`, 409, "a release of a run without gates", "", {
    code: "not_waiting",
    ask: () => ({ body: { throughPause: true, reason: SECRET } }),
  }),
  on("POST", `${RUNS}/:id/erase`, 403, "an erasure of one's own run", "", {
    code: "own_run",
    ask: () => ({ body: { reason: SECRET } }),
  }),
  on("GET", `${RUNS}/:id/erase`, 404, "no erasure", `?${SECRET}`, { code: "erasure_not_found" }),
  on("GET", `${RUNS}/:id/approval`, 404, "the approval of a run without gates", `?${SECRET}`, {
    code: "approval_not_found",
  }),
  on("GET", "/:o/:p/envs/:envName/concurrency-groups", 200, "the concurrency groups", `?group=${SECRET}`),
  on("PUT", `${PAUSES}/:group`, 200, "a pause", (runs) => `${environment(runs)}/pauses/prod`, {
    ask: () => ({ body: { reason: SECRET } }),
  }),
  on("GET", PAUSES, 200, "the pauses", `?${SECRET}`),
  on("DELETE", `${PAUSES}/:group`, 404, "the end of no pause", "", { code: "pause_not_found" }),
  on("POST", BULK, 202, "a bulk operation", "", {
    ask: () => ({ body: bulkCancel, headers: { "Idempotency-Key": SECRET } }),
  }),
  on("POST", BULK, 200, "a dry run of a bulk operation", "", {
    ask: () => ({ body: { ...bulkCancel, dryRun: true } }),
  }),
  on("POST", BULK, 422, "a bulk operation on all runs", "", {
    code: "empty_filter",
    pointer: "/filter",
    ask: () => ({ body: { ...bulkCancel, filter: {} } }),
  }),
  on("POST", BULK, 400, "a bulk operation with a bad filter", "", {
    code: "invalid_body",
    pointer: "/filter/status/0",
    ask: () => ({ body: { ...bulkCancel, filter: { status: [SECRET] } } }),
  }),
  on("GET", BULK, 200, "the bulk operations"),
  ...[
    ["GET", ""],
    ["GET", "/items"],
    ["POST", "/cancel"],
  ].map(([method = "", rest = ""]) =>
    on(method, `${BULK}/:id${rest}`, 404, `${method} of an unknown bulk operation${rest}`, "", {
      code: "bulk_operation_not_found",
    }),
  ),
  on("PUT", `${ACTIONS}/:name`, 201, "a stored action", (runs) => `${actions(runs)}/deploy`, {
    ask: () => ({ body: { description: SECRET, ...withSecret({ Authorization: SECRET }) } }),
  }),
  on("GET", ACTIONS, 200, "the actions"),
  on("GET", `${ACTIONS}/:name`, 404, "an unknown action", "", { code: "action_not_found" }),
  on("DELETE", `${ACTIONS}/:name`, 404, "an unknown action to delete", "", { code: "action_not_found" }),
  on("POST", `${ACTIONS}/:name/runs`, 404, "a run of an unknown action", "", {
    code: "action_not_found",
    ask: () => ({ body: { parameters: { password: SECRET } } }),
  }),
  on("POST", `${ACTIONS}/:name/preview`, 200, "a preview of a definition", "", {
    ask: () => ({ body: { definition: withSecret({ Authorization: SECRET }), parameters: { password: SECRET } } }),
  }),
  on("POST", `${ACTIONS}/:name/test`, 400, "a test of a bad definition", "", {
    code: "invalid_body",
    pointer: "/definition/trigger/headers/X-Key",
    ask: () => ({ body: { definition: withSecret({ "X-Key": `${SECRET}\n` }) } }),
  }),
  on("GET", `${ACTIONS}/:name/inbound`, 404, "the URL for events of an unknown action", "", {
    code: "action_not_found",
  }),
  on("POST", `${ACTIONS}/:name/inbound/rotate-secret`, 404, "a rotation for an unknown action", "", {
    code: "action_not_found",
    ask: () => ({ body: {}, headers: { "Idempotency-Key": SECRET } }),
  }),
  on("POST", `${ACTIONS}/:name/inbound/try`, 404, "a try of an unknown action", "", {
    code: "action_not_found",
    ask: () => ({ body: { headers: { "X-Event": SECRET }, body: { password: SECRET } } }),
  }),
  on(
    "POST",
    `${ACTIONS}/:name/inbound/:inboundId`,
    404,
    "an event to a URL that nobody made",
    (runs) => `${actions(runs)}/${SECRET}/inbound/${SECRET.padEnd(43, "x")}`,
    {
      code: "not_found",
      ask: () => ({ token: SECRET, body: { password: SECRET }, headers: { "X-Gitlab-Token": SECRET } }),
    },
  ),
  on("PUT", `${ACTIONS}/:name`, 412, "an action that is not there to be replaced", "", {
    code: "precondition_failed",
    ask: () => ({ body: { description: SECRET }, headers: { "If-Match": `"${SECRET}"` } }),
  }),
  on("PUT", `${ACTIONS}/:name`, 422, "a secret that was never stored", "", {
    code: "secret_required",
    pointer: "/trigger/headers/Authorization",
    ask: () => ({ body: withSecret({ Authorization: null, "X-Other": SECRET }) }),
  }),
  on("PUT", `${ACTIONS}/:name`, 400, "a bad action", "", {
    code: "invalid_body",
    pointer: "/trigger/headers/X-Key",
    ask: () => ({ body: { ...withSecret({ "X-Key": `${SECRET}\n` }), [SECRET]: SECRET } }),
  }),
  ...(["GET", "DELETE"] as const).map((method) =>
    on(
      method,
      `${ACTIONS}/:name/versions/:version`,
      404,
      `${method} of an unknown version`,
      (runs) => `${actions(runs)}/${SECRET}/versions/1`,
      { code: "version_not_found" },
    ),
  ),
  on("GET", `${ACTIONS}/:name/versions`, 404, "the versions of an unknown action", "", { code: "action_not_found" }),
  on("PUT", `${ENDPOINTS}/:name`, 201, "a webhook endpoint", (runs) => `${endpoints(runs)}/chat`, {
    ask: () => ({
      body: {
        url: `https://hooks.example.com/${SECRET}`,
        headers: { Authorization: SECRET },
        payload: SECRET,
        events: ["action_run.*"],
      },
    }),
  }),
  on("GET", ENDPOINTS, 200, "the webhook endpoints"),
  on("GET", SCHEDULES, 200, "the schedules"),
  on("PUT", `${SCHEDULES}/:name`, 404, "a schedule of an unknown action", "", {
    code: "action_not_found",
    ask: () => ({ body: { action: SECRET, cron: "@daily", timezone: "UTC", parameters: { password: SECRET } } }),
  }),
  on("PUT", `${SCHEDULES}/:name`, 400, "a schedule with a bad cron", "", {
    code: "invalid_body",
    pointer: "/cron",
    ask: () => ({ body: { action: SECRET, cron: SECRET, timezone: "UTC" } }),
  }),
  ...["GET", "DELETE"].map((method) =>
    on(method, `${SCHEDULES}/:name`, 404, `${method} of an unknown schedule`, "", { code: "schedule_not_found" }),
  ),
  on("GET", `${SCHEDULES}/:name/status`, 404, "the status of an unknown schedule", "", { code: "schedule_not_found" }),
  on("GET", `${SCHEDULES}/:name/versions`, 404, "the versions of an unknown schedule", "", {
    code: "schedule_not_found",
  }),
  ...["GET", "DELETE"].map((method) =>
    on(
      method,
      `${SCHEDULES}/:name/versions/:version`,
      404,
      `${method} of an unknown version of a schedule`,
      (runs) => `${environment(runs)}/schedules/${SECRET}/versions/7`,
      { code: "version_not_found" },
    ),
  ),
  on("PUT", `${ENDPOINTS}/:name`, 422, "a webhook endpoint's secret that was never stored", "", {
    code: "secret_required",
    pointer: "/url",
    ask: () => ({ body: { url: null, headers: { "X-Key": SECRET }, events: ["action_run.*"] } }),
  }),
  on("PUT", `${ENDPOINTS}/:name`, 400, "a bad webhook endpoint", "", {
    code: "invalid_body",
    pointer: "/url",
    ask: () => ({ body: { url: `https://${SECRET}/`, events: ["action_run.*"] } }),
  }),
  ...(["GET", "DELETE"] as const).map((method) =>
    on(method, `${ENDPOINTS}/:name`, 404, `${method} of an unknown webhook endpoint`, "", {
      code: "webhook_endpoint_not_found",
    }),
  ),
  ...(["GET", "DELETE"] as const).map((method) =>
    on(
      method,
      `${ENDPOINTS}/:name/versions/:version`,
      404,
      `${method} of an unknown version of a webhook endpoint`,
      (runs) => `${endpoints(runs)}/${SECRET}/versions/1`,
      { code: "version_not_found" },
    ),
  ),
  on("GET", `${ENDPOINTS}/:name/versions`, 404, "the versions of an unknown webhook endpoint", "", {
    code: "webhook_endpoint_not_found",
  }),
  ...["status", "deliveries"].map((what) =>
    on("GET", `${ENDPOINTS}/:name/${what}`, 404, `${what} of an unknown webhook endpoint`, "", {
      code: "webhook_endpoint_not_found",
    }),
  ),
  on("POST", `${ENDPOINTS}/:name/recover`, 404, "a recovery of an unknown webhook endpoint", "", {
    code: "webhook_endpoint_not_found",
    ask: () => ({ body: { since: "2099-01-01T00:00:00Z", include: "failed" } }),
  }),
  on("POST", `${ENDPOINTS}/:name/deliveries/:id/resend`, 404, "a delivery of an unknown run", "", {
    code: "run_not_found",
    ask: () => ({ body: {} }),
  }),
  ...["enable", "rotate-secret", "test"].map((what) =>
    on("POST", `${ENDPOINTS}/:name/${what}`, 404, `${what} of an unknown webhook endpoint`, "", {
      code: "webhook_endpoint_not_found",
      ask: () => ({ body: {}, headers: { "Idempotency-Key": SECRET } }),
    }),
  ),
  ...["status", "deliveries"].map((what) =>
    on("GET", `${ENDPOINTS}/:name/${what}`, 404, `the ${what} of an unknown webhook endpoint`, "", {
      code: "webhook_endpoint_not_found",
    }),
  ),
  on(
    "POST",
    `${ENDPOINTS}/:name/deliveries/:id/resend`,
    404,
    "a delivery of an unknown run",
    (runs) => `${endpoints(runs)}/${SECRET}/deliveries/0199d2a5-1234-8001-8123-456789abcdef/resend`,
    { code: "run_not_found" },
  ),
  on("POST", `${ENDPOINTS}/:name/recover`, 400, "a recovery of what is too old", "", {
    code: "invalid_body",
    pointer: "/since",
    ask: () => ({ body: { since: "2020-01-31T12:00:00Z", include: "missing" } }),
  }),
  on("POST", `${ENDPOINTS}/:name/test`, 422, "a test of a definition whose secret was never stored", "", {
    code: "secret_required",
    pointer: "/definition/url",
    ask: () => ({ body: { definition: { url: null, headers: { "X-Key": SECRET }, events: ["action_run.*"] } } }),
  }),
  on("POST", "/:o/:p/envs/:envName/mcp", 403, "an agent with the operator's token", `?${SECRET}`, {
    code: "forbidden",
    ask: () => ({ body: { jsonrpc: "2.0", id: 1, method: "tools/list", params: { name: SECRET } } }),
  }),
  on("GET", "/:o/:p/envs/:envName/metrics", 200, "metrics", `?${SECRET}`),
  on("POST", "/:o/:p/envs/:envName/resync", 202, "a resync"),
  on("GET", "/databases", 200, "the databases"),
  on(
    "GET",
    "/databases/:database/environments",
    200,
    "the environments of a database",
    () => "/databases/0/environments",
  ),
  on(
    "POST",
    "/databases/:database/resync",
    202,
    "the resync of a database",
    () => `/databases/0/resync?cursor=${encodeCursor("zz/zz/zz")}`,
  ),
  on("GET", "/:o/:p/envs/:envName/database", 200, "the database of an environment"),
  on("PUT", "/:o/:p/envs/:envName/database", 409, "a move to a database that is not bound", "", {
    code: "database_unknown",
    ask: () => ({ body: { database: 2 } }),
  }),
  on("POST", "/:o/:p/envs/:envName/purge", 200, "what a purge would do", "", {
    ask: () => ({ body: { days: 30, dryRun: true } }),
  }),
  on("GET", "/:o/:p/envs/:envName/purge", 404, "no purge", `?${SECRET}`, { code: "not_found" }),
  ...["/:o/:p/erase", "/:o/:p/envs/:envName/erase"].flatMap((route) => [
    on("GET", route, 404, "no erasure", "", { code: "erasure_not_found" }),
    on("POST", route, 400, "an erasure of another name", "", {
      code: "invalid_body",
      pointer: "/confirm",
      ask: () => ({ body: { confirm: SECRET } }),
    }),
  ]),
  on("POST", "/:o/:p/tokens", 201, "a new token", "", { ask: () => token(SECRET) }),
  on("GET", "/:o/:p/tokens", 200, "the tokens"),
  on("GET", "/places", 200, "the places"),
  on("POST", "/session", 201, "a new session", "", {
    ask: () => ({ body: { project: "acme/shop" }, headers: OWN_PAGE }),
  }),
  on("DELETE", "/session", 401, "the end of no session", "", {
    code: "unauthorized",
    ask: () => ({ headers: { ...OWN_PAGE, "Content-Type": "application/json" } }),
  }),
  on("POST", "/session/renew", 403, "a renewal from elsewhere", "", {
    code: "forbidden",
    ask: () => ({ token: null, headers: { Cookie: SECRET, "Action-Runs-Page-Key": SECRET } }),
  }),
  ...(["sign-in", "callback"] as const).map((end) =>
    on("GET", `/session/${end}`, 404, `no issuer for a ${end}`, `?code=${SECRET}`, { code: "not_found" }),
  ),
  ...(["sign-in", "login-codes"] as const).map((end) =>
    on("POST", `/session/${end}`, 403, `a ${end} from elsewhere`, "", {
      code: "forbidden",
      ask: () => ({ token: null, body: { code: SECRET } }),
    }),
  ),
  on("POST", "/session/login", 404, "a login without an issuer", "", {
    code: "not_found",
    ask: () => ({ token: null, body: { code: SECRET } }),
  }),
  on("GET", "/:o/:p/sessions", 200, "the sessions"),
  on("DELETE", "/:o/:p/sessions/:sessionId", 404, "an unknown session id", "", { code: "session_not_found" }),
  on("POST", "/:o/:p/sign-in-codes", 201, "a new sign-in code", "", { ask: () => ({ body: {} }) }),
  on("GET", "/:o/:p/audit", 200, "the audit"),
  on("DELETE", "/:o/:p/tokens/:tokenId", 404, "an unknown token id", "", { code: "token_not_found" }),
  on("POST", "/:o/:p/tokens/:tokenId/rotate", 404, "a rotation of an unknown token", "", {
    code: "token_not_found",
    ask: () => ({ body: { overlapSeconds: 0 } }),
  }),
  on("POST", "/:o/:p/tokens/:tokenId/exchange", 404, "an exchange without OIDC_ISSUERS", "", {
    code: "not_found",
    ask: () => ({ token: null, body: { proof: SECRET } }),
  }),
  on("GET", RUNS, 400, "a bad filter", `?limit=${SECRET}`, { code: "invalid_query", pointer: "/limit" }),
  on("GET", `${RUNS}/summary`, 400, "a bad label", `?label=${SECRET.repeat(10)}`, {
    code: "invalid_query",
    pointer: "/label",
  }),
  on("GET", `${RUNS}/:id`, 400, "a bad wait", `?wait=${SECRET}`, { code: "invalid_query", pointer: "/wait" }),
  on("GET", `${RUNS}/:id/events`, 400, "a bad cursor of a timeline", `?cursor=${SECRET}`, {
    code: "invalid_query",
    pointer: "/cursor",
  }),
  on("GET", `${RUNS}/:id/events`, 400, "a bad Last-Event-ID", "", {
    code: "invalid_last_event_id",
    ask: () => ({ headers: { Accept: "text/event-stream", "Last-Event-ID": SECRET } }),
  }),
  on("POST", RUNS, 400, "a bad trigger", "", {
    code: "invalid_body",
    pointer: "/trigger/url",
    ask: () => ({
      body: {
        actionName: "deploy",
        trigger: { type: "webhook", url: `https://${SECRET}/`, headers: { "X-Key": SECRET } },
      },
    }),
  }),
  on("POST", RUNS, 400, "a bad body", "", {
    code: "invalid_body",
    pointer: "/actionName",
    ask: () => ({ body: { [SECRET]: SECRET } }),
  }),
  on("GET", RUNS, 401, "no token", "", {
    code: "unauthorized",
    ask: () => ({ token: null, headers: { Authorization: `Basic ${SECRET}` } }),
  }),
  on("GET", RUNS, 401, "an unknown token", "", {
    code: "token_invalid",
    ask: () => ({ token: `terr_${SECRET.padEnd(43, "x")}` }),
  }),
  on("POST", `${RUNS}/:id/callback/token`, 404, "a callback token without OIDC_ISSUERS", "", {
    code: "not_found",
    ask: () => ({ token: null, body: { proof: SECRET } }),
  }),
  on("POST", `${RUNS}/:id/callback`, 401, "a forged callback token", (_, run) => run.callback.url, {
    code: "token_invalid",
    ask: (run) => ({ token: `${run.id}:${SECRET}`, body: {} }),
  }),
  on("POST", `${RUNS}/:id/heartbeat`, 401, "a forged callback token for a heartbeat", "", {
    code: "token_invalid",
    ask: (run) => ({ token: `${run.id}:${SECRET}`, body: {} }),
  }),
  on("GET", "/*", 404, "an unknown path", () => `/${SECRET}?q=${SECRET}`, { code: "not_found" }),
  on("GET", `${RUNS}/:id`, 404, "an unknown run", (runs) => `${runs}/${SECRET}`, { code: "run_not_found" }),
  on("GET", `${RUNS}/:id/events`, 404, "an unknown run's timeline", (runs) => `${runs}/${SECRET}/events`, {
    code: "run_not_found",
  }),
  on("PUT", RUNS, 405, "another method", `?q=${SECRET}`, { code: "method_not_allowed", ask: () => ({ body: SECRET }) }),
  on("POST", RUNS, 413, "a body too large", "", {
    code: "body_too_large",
    ask: () => ({ raw: SECRET.padEnd(1_100_000) }),
  }),
  on("POST", RUNS, 415, "another media type", "", {
    code: "unsupported_media_type",
    ask: () => ({ raw: SECRET, headers: { "Content-Type": `text/plain; x=${SECRET}` } }),
  }),
  on("POST", RUNS, 508, "a webhook to this service", "", {
    code: "loop_detected",
    ask: () => ({ body: { actionName: SECRET }, headers: { "Action-Runs-Delivery": SECRET } }),
  }),
  on("GET", RUNS, 503, "a database that is down", `?actionName=${SECRET}`, {
    code: "database_unavailable",
    given: () => {
      faults.reads = "down";
    },
  }),
];
