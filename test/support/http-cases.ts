/** At least one request for each route and each status. */

import { faults } from "./faults.ts";
import type { Ask, CreatedRun } from "./requests.ts";

/** A text that must never appear in a log. */
export const SECRET = "hush-hush-9f27";

const RUNS = "/:o/:p/envs/:envName/action-runs";
const ACTIONS = "/:o/:p/envs/:envName/actions";

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

const project = () => "/acme/shop";
const actions = (runs: string) => runs.replace(/action-runs$/, "actions");
const withSecret = (headers: Readonly<Record<string, string | null>>) => ({
  trigger: { type: "webhook", url: `https://ci.example.com/${SECRET}`, headers },
});
const token = (name: string) => ({ body: { name, role: "viewer" } });

export const CASES: readonly Case[] = [
  { name: "the description of the service", status: 200, route: "/", method: "GET", path: () => "/" },
  { name: "alive", status: 200, route: "/healthz", method: "GET", path: () => "/healthz" },
  { name: "ready", status: 200, route: "/readyz", method: "GET", path: () => "/readyz" },
  {
    name: "the document",
    status: 200,
    route: "/openapi.json",
    method: "GET",
    path: () => "/openapi.json",
  },
  { name: "the explorer", status: 200, route: "/docs", method: "GET", path: () => "/docs" },
  { name: "who asks", status: 200, route: "/whoami", method: "GET", path: () => "/whoami" },
  { name: "the console", status: 200, route: "/console", method: "GET", path: () => "/console" },
  {
    name: "a page of the console",
    status: 200,
    route: "/console/-/*",
    method: "GET",
    path: () => `/console/-/acme/shop/prod/runs?actionName=${SECRET}`,
  },
  {
    name: "a list with filters",
    status: 200,
    route: RUNS,
    method: "GET",
    path: (runs) => `${runs}?actionName=${SECRET}`,
  },
  {
    name: "a summary",
    status: 200,
    route: `${RUNS}/summary`,
    method: "GET",
    path: (runs) => `${runs}/summary?label=${SECRET}`,
  },
  {
    name: "a list by label with details",
    status: 200,
    route: RUNS,
    method: "GET",
    path: (runs) => `${runs}?label=${SECRET}&include=details`,
  },
  {
    name: "a run",
    status: 200,
    route: `${RUNS}/:id`,
    method: "GET",
    path: (runs, run) => `${runs}/${run.id}`,
  },
  {
    name: "a create",
    status: 201,
    route: RUNS,
    method: "POST",
    path: (runs) => runs,
    ask: () => ({
      body: { actionName: SECRET, parameters: { password: SECRET } },
      headers: { "Idempotency-Key": SECRET },
    }),
  },
  {
    name: "a callback",
    status: 200,
    route: `${RUNS}/:id/callback`,
    method: "POST",
    path: (_, run) => run.callback.url,
    ask: (run) => ({
      token: run.callback.token,
      body: { status: "failed", error: SECRET, output: { s: SECRET } },
    }),
  },
  {
    name: "a heartbeat",
    status: 200,
    route: `${RUNS}/:id/heartbeat`,
    method: "POST",
    path: (runs, run) => `${runs}/${run.id}/heartbeat`,
    ask: (run) => ({
      token: run.callback.token,
      body: { message: SECRET, progress: 0.5, externalUrl: `https://ci.example/${SECRET}` },
    }),
  },
  {
    name: "a timeline",
    status: 200,
    route: `${RUNS}/:id/events`,
    method: "GET",
    path: (runs, run) => `${runs}/${run.id}/events`,
  },
  {
    name: "a cancel",
    status: 200,
    route: `${RUNS}/:id`,
    method: "DELETE",
    path: (runs, run) => `${runs}/${run.id}`,
  },
  {
    name: "a cancel with a reason",
    status: 200,
    route: `${RUNS}/:id/cancel`,
    method: "POST",
    path: (runs, run) => `${runs}/${run.id}/cancel`,
    ask: () => ({ body: { reason: SECRET, graceSeconds: 30 }, headers: { "Idempotency-Key": SECRET } }),
  },
  {
    name: "a retry of an open run",
    status: 409,
    code: "run_open",
    route: `${RUNS}/:id/retry`,
    method: "POST",
    path: (runs, run) => `${runs}/${run.id}/retry`,
    ask: () => ({ body: { parameters: { password: SECRET } } }),
  },
  {
    name: "a stored action",
    status: 201,
    route: `${ACTIONS}/:name`,
    method: "PUT",
    path: (runs) => `${actions(runs)}/deploy`,
    ask: () => ({ body: { description: SECRET, ...withSecret({ Authorization: SECRET }) } }),
  },
  {
    name: "the actions",
    status: 200,
    route: ACTIONS,
    method: "GET",
    path: (runs) => actions(runs),
  },
  {
    name: "an unknown action",
    status: 404,
    code: "action_not_found",
    route: `${ACTIONS}/:name`,
    method: "GET",
    path: (runs) => `${actions(runs)}/${SECRET}`,
  },
  {
    name: "an unknown action to delete",
    status: 404,
    code: "action_not_found",
    route: `${ACTIONS}/:name`,
    method: "DELETE",
    path: (runs) => `${actions(runs)}/${SECRET}`,
  },
  {
    name: "a run of an unknown action",
    status: 404,
    code: "action_not_found",
    route: `${ACTIONS}/:name/runs`,
    method: "POST",
    path: (runs) => `${actions(runs)}/${SECRET}/runs`,
    ask: () => ({ body: { parameters: { password: SECRET } } }),
  },
  {
    name: "an action that is not there to be replaced",
    status: 412,
    code: "precondition_failed",
    route: `${ACTIONS}/:name`,
    method: "PUT",
    path: (runs) => `${actions(runs)}/${SECRET}`,
    ask: () => ({ body: { description: SECRET }, headers: { "If-Match": `"${SECRET}"` } }),
  },
  {
    name: "a secret that was never stored",
    status: 422,
    code: "secret_required",
    pointer: "/trigger/headers/Authorization",
    route: `${ACTIONS}/:name`,
    method: "PUT",
    path: (runs) => `${actions(runs)}/${SECRET}`,
    ask: () => ({ body: withSecret({ Authorization: null, "X-Other": SECRET }) }),
  },
  {
    name: "a bad action",
    status: 400,
    code: "invalid_body",
    pointer: "/trigger/headers/X-Key",
    route: `${ACTIONS}/:name`,
    method: "PUT",
    path: (runs) => `${actions(runs)}/${SECRET}`,
    ask: () => ({ body: { ...withSecret({ "X-Key": `${SECRET}\n` }), [SECRET]: SECRET } }),
  },
  {
    name: "a resync",
    status: 202,
    route: "/:o/:p/envs/:envName/resync",
    method: "POST",
    path: (runs) => runs.replace("action-runs", "resync"),
  },
  {
    name: "a new token",
    status: 201,
    route: "/:o/:p/tokens",
    method: "POST",
    path: () => `${project()}/tokens`,
    ask: () => token(SECRET),
  },
  {
    name: "the tokens",
    status: 200,
    route: "/:o/:p/tokens",
    method: "GET",
    path: () => `${project()}/tokens`,
  },
  {
    name: "the audit",
    status: 200,
    route: "/:o/:p/audit",
    method: "GET",
    path: () => `${project()}/audit`,
  },
  {
    name: "an unknown token id",
    status: 404,
    code: "token_not_found",
    route: "/:o/:p/tokens/:tokenId",
    method: "DELETE",
    path: () => `${project()}/tokens/${SECRET}`,
  },
  {
    name: "a bad filter",
    status: 400,
    code: "invalid_query",
    pointer: "/limit",
    route: RUNS,
    method: "GET",
    path: (runs) => `${runs}?limit=${SECRET}`,
  },
  {
    name: "a bad label",
    status: 400,
    code: "invalid_query",
    pointer: "/label",
    route: `${RUNS}/summary`,
    method: "GET",
    path: (runs) => `${runs}/summary?label=${SECRET.repeat(10)}`,
  },
  {
    name: "a bad wait",
    status: 400,
    code: "invalid_query",
    pointer: "/wait",
    route: `${RUNS}/:id`,
    method: "GET",
    path: (runs, run) => `${runs}/${run.id}?wait=${SECRET}`,
  },
  {
    name: "a bad cursor of a timeline",
    status: 400,
    code: "invalid_query",
    pointer: "/cursor",
    route: `${RUNS}/:id/events`,
    method: "GET",
    path: (runs, run) => `${runs}/${run.id}/events?cursor=${SECRET}`,
  },
  {
    name: "a bad Last-Event-ID",
    status: 400,
    code: "invalid_last_event_id",
    route: `${RUNS}/:id/events`,
    method: "GET",
    path: (runs, run) => `${runs}/${run.id}/events`,
    ask: () => ({ headers: { Accept: "text/event-stream", "Last-Event-ID": SECRET } }),
  },
  {
    name: "a bad trigger",
    status: 400,
    code: "invalid_body",
    pointer: "/trigger/url",
    route: RUNS,
    method: "POST",
    path: (runs) => runs,
    ask: () => ({
      body: {
        actionName: "deploy",
        trigger: { type: "webhook", url: `https://${SECRET}/`, headers: { "X-Key": SECRET } },
      },
    }),
  },
  {
    name: "a bad body",
    status: 400,
    code: "invalid_body",
    pointer: "/actionName",
    route: RUNS,
    method: "POST",
    path: (runs) => runs,
    ask: () => ({ body: { [SECRET]: SECRET } }),
  },
  {
    name: "no token",
    status: 401,
    code: "unauthorized",
    route: RUNS,
    method: "GET",
    path: (runs) => runs,
    ask: () => ({ token: null, headers: { Authorization: `Basic ${SECRET}` } }),
  },
  {
    name: "an unknown token",
    status: 401,
    code: "token_invalid",
    route: RUNS,
    method: "GET",
    path: (runs) => runs,
    ask: () => ({ token: `terr_${SECRET.padEnd(43, "x")}` }),
  },
  {
    name: "a forged callback token",
    status: 401,
    code: "token_invalid",
    route: `${RUNS}/:id/callback`,
    method: "POST",
    path: (_, run) => run.callback.url,
    ask: (run) => ({ token: `${run.id}:${SECRET}`, body: {} }),
  },
  {
    name: "a forged callback token for a heartbeat",
    status: 401,
    code: "token_invalid",
    route: `${RUNS}/:id/heartbeat`,
    method: "POST",
    path: (runs, run) => `${runs}/${run.id}/heartbeat`,
    ask: (run) => ({ token: `${run.id}:${SECRET}`, body: {} }),
  },
  {
    name: "an unknown path",
    status: 404,
    code: "not_found",
    route: "/*",
    method: "GET",
    path: () => `/${SECRET}?q=${SECRET}`,
  },
  {
    name: "an unknown run",
    status: 404,
    code: "run_not_found",
    route: `${RUNS}/:id`,
    method: "GET",
    path: (runs) => `${runs}/${SECRET}`,
  },
  {
    name: "an unknown run's timeline",
    status: 404,
    code: "run_not_found",
    route: `${RUNS}/:id/events`,
    method: "GET",
    path: (runs) => `${runs}/${SECRET}/events`,
  },
  {
    name: "another method",
    status: 405,
    code: "method_not_allowed",
    route: RUNS,
    method: "PUT",
    path: (runs) => `${runs}?q=${SECRET}`,
    ask: () => ({ body: SECRET }),
  },
  {
    name: "a body too large",
    status: 413,
    code: "body_too_large",
    route: RUNS,
    method: "POST",
    path: (runs) => runs,
    ask: () => ({ raw: SECRET.padEnd(1_100_000) }),
  },
  {
    name: "another media type",
    status: 415,
    code: "unsupported_media_type",
    route: RUNS,
    method: "POST",
    path: (runs) => runs,
    ask: () => ({ raw: SECRET, headers: { "Content-Type": `text/plain; x=${SECRET}` } }),
  },
  {
    name: "a webhook to this service",
    status: 508,
    code: "loop_detected",
    route: RUNS,
    method: "POST",
    path: (runs) => runs,
    ask: () => ({ body: { actionName: SECRET }, headers: { "Action-Runs-Delivery": SECRET } }),
  },
  {
    name: "a database that is down",
    status: 503,
    code: "database_unavailable",
    route: RUNS,
    method: "GET",
    path: (runs) => `${runs}?actionName=${SECRET}`,
    given: () => {
      faults.reads = "down";
    },
  },
];
