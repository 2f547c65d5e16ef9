import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { Permission, Role } from "../../src/auth/principal.ts";
import { ROUTES } from "../support/bindings.ts";
import { direct, journal, until } from "../support/direct.ts";
import { replicated } from "../support/replicated.ts";
import { ask, type CreatedRun, createRun, ROOT, report } from "../support/requests.ts";
import { bulk, bulkEnded, type Operation } from "../support/runs/bulk.ts";
import { gatedRun, LATER } from "../support/runs/gated.ts";
import { beginSession } from "../support/sessions.ts";
import { grantToken, newProject, type Refusal, type TokenOnWire } from "../support/tokens.ts";

/** The table of roles, written again, because the code's own table is under test. */
const HAS: Readonly<Record<Role, readonly Permission[]>> = {
  owner: ["data:read", "data:write", "actions:manage", "webhooks:manage", "tokens:manage"],
  admin: ["data:read", "data:write", "actions:manage", "webhooks:manage", "tokens:manage"],
  member: ["data:read", "data:write"],
  viewer: ["data:read"],
};

interface Rule {
  readonly opensTo: Permission | "anyone" | "any API token" | "root" | "callback token" | "own pages";
  /** For a token of another project or environment: 404 for reading, 403 for writing. */
  readonly outside?: 404 | 403;
  readonly success: number;
  /** The error of those to whom it opens, because the others still need what it would erase. */
  readonly error?: { readonly code: string; readonly pointer?: string };
  readonly body?: unknown;
  /** Of those with the permission, only a token with the flag may. Only the operator has it here. */
  readonly onlyApprovers?: true;
  /** Of those with the permission, only a token with the role owner may, and none that created the run, as root has. */
  readonly onlyOtherOwners?: true;
  /** Of those with the permission, only the operator may, because no caller here is above the token. */
  readonly onlyAbove?: true;
  /** Of those with the permission, only a token that an agent may have: nobody who decides, and not the operator. */
  readonly onlyAgents?: true;
  /** The run's own callback token opens it too. */
  readonly opensToJob?: true;
  /** What the route can't do without. */
  readonly query?: string;
}

const UNKNOWN = "0199d2a5-0000-8000-8000-000000000000";
const RUNS = "/:o/:p/envs/:envName/action-runs";
const PAUSES = "/:o/:p/envs/:envName/pauses";
const GROUPS = "/:o/:p/envs/:envName/concurrency-groups";
const BULK = "/:o/:p/envs/:envName/bulk-operations";
const ACTIONS = "/:o/:p/envs/:envName/actions";
const ENDPOINTS = "/:o/:p/envs/:envName/webhook-endpoints";
const SCHEDULES = "/:o/:p/envs/:envName/schedules";
const SCHEDULE = { action: "scheduled", cron: "@daily", timezone: "UTC" };
const ENDPOINT = { url: "https://hooks.example.com/x", events: ["action_run.*"] };
const ACTION = { trigger: { type: "webhook", url: ENDPOINT.url }, inbound: { verify: "token" } };

/** Every route of the app. A new route without a rule makes this file fail. */
const RULES: Readonly<Record<string, Rule>> = {
  "GET /": { opensTo: "anyone", success: 200 },
  "GET /healthz": { opensTo: "anyone", success: 200 },
  "GET /readyz": { opensTo: "anyone", success: 200 },
  "GET /openapi.json": { opensTo: "anyone", success: 200 },
  "GET /docs": { opensTo: "anyone", success: 200 },
  "GET /console": { opensTo: "anyone", success: 200 },
  "GET /console/-/*": { opensTo: "anyone", success: 200 },
  "GET /console/sign-in": { opensTo: "anyone", success: 404, error: { code: "not_found" } },
  "GET /console/cli": { opensTo: "anyone", success: 404, error: { code: "not_found" } },
  [`GET ${RUNS}`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`GET ${RUNS}/summary`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`GET ${RUNS}/facets`]: { opensTo: "data:read", outside: 404, success: 200, query: "field=label&contains=de" },
  [`GET ${RUNS}/changes`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`POST ${RUNS}`]: { opensTo: "data:write", outside: 403, success: 201, body: { actionName: "deploy" } },
  [`GET ${RUNS}/newest`]: { opensTo: "data:read", outside: 404, success: 200, query: "actionName=deploy" },
  [`GET ${RUNS}/:id`]: { opensTo: "data:read", outside: 404, success: 200, opensToJob: true },
  [`DELETE ${RUNS}/:id`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`POST ${RUNS}/:id/cancel`]: { opensTo: "data:write", outside: 403, success: 200, body: { reason: "no" } },
  [`POST ${RUNS}/:id/retry`]: { opensTo: "data:write", outside: 403, success: 201 },
  [`POST ${RUNS}/:id/callback`]: { opensTo: "callback token", success: 200, body: { status: "succeeded" } },
  // OIDC_ISSUERS is not set here. test/identity/ has jobs with proofs.
  [`POST ${RUNS}/:id/callback/token`]: {
    opensTo: "anyone",
    success: 404,
    error: { code: "not_found" },
    body: { proof: "x" },
  },
  [`POST ${RUNS}/:id/heartbeat`]: { opensTo: "callback token", success: 200, body: { message: "building" } },
  [`GET ${RUNS}/:id/events`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`POST ${RUNS}/:id/approve`]: { opensTo: "data:read", outside: 404, success: 200, onlyApprovers: true },
  [`POST ${RUNS}/:id/reject`]: { opensTo: "data:read", outside: 404, success: 200, onlyApprovers: true },
  [`POST ${RUNS}/:id/release`]: { opensTo: "actions:manage", outside: 403, success: 200 },
  [`POST ${RUNS}/:id/erase`]: {
    opensTo: "tokens:manage",
    outside: 403,
    success: 200,
    body: { reason: "asked" },
    onlyOtherOwners: true,
  },
  [`GET ${RUNS}/:id/erase`]: { opensTo: "tokens:manage", outside: 404, success: 200 },
  [`GET ${RUNS}/:id/approval`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`GET ${PAUSES}`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`PUT ${PAUSES}/:group`]: { opensTo: "actions:manage", outside: 403, success: 200, body: { reason: "freeze" } },
  [`DELETE ${PAUSES}/:group`]: { opensTo: "actions:manage", outside: 403, success: 204 },
  [`GET ${GROUPS}`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`GET ${BULK}`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`POST ${BULK}`]: {
    opensTo: "data:write",
    outside: 403,
    success: 202,
    body: { operation: "cancel", runIds: [UNKNOWN] },
  },
  [`GET ${BULK}/:id`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`GET ${BULK}/:id/items`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`POST ${BULK}/:id/cancel`]: { opensTo: "data:write", outside: 403, success: 200 },
  [`GET ${ACTIONS}`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`GET ${ACTIONS}/:name`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`PUT ${ACTIONS}/:name`]: { opensTo: "actions:manage", outside: 403, success: 200, body: { timeout: 5 } },
  [`DELETE ${ACTIONS}/:name`]: { opensTo: "actions:manage", outside: 403, success: 204 },
  [`GET ${ACTIONS}/:name/versions`]: { opensTo: "actions:manage", outside: 404, success: 200 },
  [`GET ${ACTIONS}/:name/versions/:version`]: { opensTo: "actions:manage", outside: 404, success: 200 },
  [`DELETE ${ACTIONS}/:name/versions/:version`]: { opensTo: "actions:manage", outside: 403, success: 204 },
  [`POST ${ACTIONS}/:name/runs`]: { opensTo: "data:write", outside: 403, success: 201, body: {} },
  [`POST ${ACTIONS}/:name/preview`]: { opensTo: "actions:manage", outside: 403, success: 200, body: {} },
  [`POST ${ACTIONS}/:name/test`]: {
    opensTo: "actions:manage",
    outside: 403,
    success: 200,
    body: { definition: { trigger: { type: "webhook", url: ENDPOINT.url } } },
  },
  [`GET ${ACTIONS}/:name/inbound`]: { opensTo: "actions:manage", outside: 404, success: 200 },
  [`POST ${ACTIONS}/:name/inbound/rotate-secret`]: { opensTo: "actions:manage", outside: 403, success: 200, body: {} },
  [`POST ${ACTIONS}/:name/inbound/try`]: {
    opensTo: "actions:manage",
    outside: 403,
    success: 200,
    body: { body: { ref: "main" } },
  },
  // Nobody here knows the URL, and test/starts/ has those who do.
  [`POST ${ACTIONS}/:name/inbound/:inboundId`]: {
    opensTo: "anyone",
    success: 404,
    error: { code: "not_found" },
    body: { ref: "main" },
  },
  [`GET ${ENDPOINTS}`]: { opensTo: "webhooks:manage", outside: 404, success: 200 },
  [`GET ${ENDPOINTS}/:name`]: { opensTo: "webhooks:manage", outside: 404, success: 200 },
  [`PUT ${ENDPOINTS}/:name`]: { opensTo: "webhooks:manage", outside: 403, success: 200, body: ENDPOINT },
  [`DELETE ${ENDPOINTS}/:name`]: { opensTo: "webhooks:manage", outside: 403, success: 204 },
  [`GET ${ENDPOINTS}/:name/versions`]: { opensTo: "webhooks:manage", outside: 404, success: 200 },
  [`GET ${ENDPOINTS}/:name/versions/:version`]: { opensTo: "webhooks:manage", outside: 404, success: 200 },
  [`DELETE ${ENDPOINTS}/:name/versions/:version`]: { opensTo: "webhooks:manage", outside: 403, success: 204 },
  [`POST ${ENDPOINTS}/:name/enable`]: { opensTo: "webhooks:manage", outside: 403, success: 204 },
  [`POST ${ENDPOINTS}/:name/rotate-secret`]: { opensTo: "webhooks:manage", outside: 403, success: 200, body: {} },
  [`GET ${ENDPOINTS}/:name/status`]: { opensTo: "webhooks:manage", outside: 404, success: 200 },
  [`POST ${ENDPOINTS}/:name/test`]: { opensTo: "webhooks:manage", outside: 403, success: 200, body: {} },
  [`GET ${ENDPOINTS}/:name/deliveries`]: { opensTo: "webhooks:manage", outside: 404, success: 200 },
  [`POST ${ENDPOINTS}/:name/deliveries/:id/resend`]: {
    opensTo: "webhooks:manage",
    outside: 403,
    success: 202,
    body: {},
  },
  [`POST ${ENDPOINTS}/:name/recover`]: {
    opensTo: "webhooks:manage",
    outside: 403,
    success: 202,
    body: { since: "2099-01-01T00:00:00Z", include: "failed" },
  },
  [`GET ${SCHEDULES}`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`GET ${SCHEDULES}/:name`]: { opensTo: "data:read", outside: 404, success: 200 },
  [`PUT ${SCHEDULES}/:name`]: { opensTo: "actions:manage", outside: 403, success: 200, body: SCHEDULE },
  [`DELETE ${SCHEDULES}/:name`]: { opensTo: "actions:manage", outside: 403, success: 204 },
  [`GET ${SCHEDULES}/:name/versions`]: { opensTo: "actions:manage", outside: 404, success: 200 },
  [`GET ${SCHEDULES}/:name/versions/:version`]: { opensTo: "actions:manage", outside: 404, success: 200 },
  [`DELETE ${SCHEDULES}/:name/versions/:version`]: { opensTo: "actions:manage", outside: 403, success: 204 },
  [`GET ${SCHEDULES}/:name/status`]: { opensTo: "data:read", outside: 404, success: 200 },
  "GET /whoami": { opensTo: "any API token", success: 200 },
  "GET /places": { opensTo: "any API token", success: 200 },
  "POST /session": { opensTo: "own pages", success: 201, body: {} },
  "POST /session/renew": { opensTo: "own pages", success: 200 },
  "DELETE /session": { opensTo: "own pages", success: 204 },
  // Nobody can sign in here. test/identity/ has those who can.
  "GET /session/sign-in": { opensTo: "anyone", success: 404, error: { code: "not_found" } },
  "GET /session/callback": { opensTo: "anyone", success: 404, error: { code: "not_found" } },
  "POST /session/sign-in": { opensTo: "own pages", success: 200, body: {} },
  "POST /session/login-codes": { opensTo: "own pages", success: 201, body: {} },
  "POST /session/login": { opensTo: "anyone", success: 404, error: { code: "not_found" }, body: {} },
  "GET /:o/:p/tokens": { opensTo: "tokens:manage", outside: 404, success: 200 },
  "POST /:o/:p/tokens": {
    opensTo: "tokens:manage",
    outside: 403,
    success: 201,
    body: { name: "made", role: "viewer", envName: "prod" },
  },
  "DELETE /:o/:p/tokens/:tokenId": { opensTo: "tokens:manage", outside: 403, success: 200 },
  "POST /:o/:p/tokens/:tokenId/rotate": { opensTo: "tokens:manage", outside: 403, success: 200, onlyAbove: true },
  // OIDC_ISSUERS is not set here. test/identity/ has programs with proofs.
  "POST /:o/:p/tokens/:tokenId/exchange": {
    opensTo: "anyone",
    success: 404,
    error: { code: "not_found" },
    body: { proof: "x" },
  },
  "GET /:o/:p/sessions": { opensTo: "tokens:manage", outside: 404, success: 200 },
  "DELETE /:o/:p/sessions/:sessionId": { opensTo: "tokens:manage", outside: 403, success: 204 },
  "POST /:o/:p/sign-in-codes": { opensTo: "root", success: 201, body: {} },
  "GET /:o/:p/audit": { opensTo: "tokens:manage", outside: 404, success: 200 },
  "POST /:o/:p/envs/:envName/mcp": {
    opensTo: "data:read",
    outside: 404,
    success: 200,
    onlyAgents: true,
    body: { jsonrpc: "2.0", id: 1, method: "initialize" },
  },
  "GET /:o/:p/envs/:envName/metrics": { opensTo: "data:read", outside: 404, success: 200 },
  "POST /:o/:p/envs/:envName/resync": { opensTo: "root", success: 202 },
  "GET /databases": { opensTo: "root", success: 200 },
  "GET /databases/:database/environments": { opensTo: "root", success: 200 },
  "POST /databases/:database/resync": { opensTo: "root", success: 202 },
  "GET /:o/:p/envs/:envName/database": { opensTo: "root", success: 200 },
  ...Object.fromEntries(
    ["/:o/:p/erase", "/:o/:p/envs/:envName/erase"].flatMap((path): [string, Rule][] => [
      [`GET ${path}`, { opensTo: "root", success: 404, error: { code: "erasure_not_found" } }],
      [
        `POST ${path}`,
        {
          opensTo: "root",
          success: 400,
          error: { code: "invalid_body", pointer: "/confirm" },
          body: { confirm: "acme/another" },
        },
      ],
    ]),
  ),
  "PUT /:o/:p/envs/:envName/database": { opensTo: "root", success: 200, body: { database: 0 } },
  "GET /:o/:p/envs/:envName/purge": { opensTo: "root", success: 200 },
  "POST /:o/:p/envs/:envName/purge": { opensTo: "root", success: 202, body: { days: 3650 } },
};

interface Credential {
  /** The error code of a missing, unknown, expired or revoked token. */
  readonly bad?: "unauthorized" | "token_invalid" | "token_expired";
  readonly role?: Role;
  readonly project?: "another" | "another organization's";
  readonly envName?: "prod" | "dev";
  readonly root?: true;
  readonly callback?: "its own" | "another run's";
}

/** All kinds of callers. The runs and tokens are in the environment prod of one project. */
const CREDENTIALS: Readonly<Record<string, Credential>> = {
  "no token": { bad: "unauthorized" },
  "an unknown token": { bad: "token_invalid" },
  "an expired token": { bad: "token_expired", role: "owner" },
  "a revoked token": { bad: "token_invalid", role: "owner" },
  "the owner of another project": { role: "owner", project: "another" },
  "a viewer of another project": { role: "viewer", project: "another" },
  "the owner of another organization's project": { role: "owner", project: "another organization's" },
  "the project's viewer": { role: "viewer" },
  "the project's member": { role: "member" },
  "the project's admin": { role: "admin" },
  "the project's owner": { role: "owner" },
  "the environment's viewer": { role: "viewer", envName: "prod" },
  "the environment's member": { role: "member", envName: "prod" },
  "the environment's admin": { role: "admin", envName: "prod" },
  "another environment's viewer": { role: "viewer", envName: "dev" },
  "another environment's admin": { role: "admin", envName: "dev" },
  root: { root: true },
  "the run's callback token": { callback: "its own" },
  "another run's callback token": { callback: "another run's" },
};

interface Expected {
  readonly status: number;
  readonly code?: string;
  /** Only a body that names another environment has a member that is wrong. */
  readonly pointer?: string;
}

function expectedOf(route: string, rule: Rule, who: Credential): Expected {
  const success = { status: rule.success, ...rule.error };
  if (rule.opensTo === "anyone") return success;
  // No caller here is a page of the service.
  if (rule.opensTo === "own pages") return { status: 403, code: "forbidden" };
  if (who.callback === "its own" && rule.opensTo === "callback token") return success;
  // A callback refuses every API token alike.
  if (rule.opensTo === "callback token")
    return { status: 401, code: who.bad === "unauthorized" ? who.bad : "token_invalid" };
  if (who.callback === "its own" && rule.opensToJob) return success;
  if (who.callback !== undefined) return { status: 401, code: "token_invalid" };
  if (who.bad !== undefined) return { status: 401, code: who.bad };
  // The operator created the run.
  if (who.root === true && rule.onlyOtherOwners === true) return { status: 403, code: "own_run" };
  const isAgent = who.role === "member" || who.role === "viewer";
  const mayDecide = rule.onlyAgents === true && !isAgent;
  if (who.root === true && mayDecide) return { status: 403, code: "forbidden" };
  if (who.root === true || rule.opensTo === "any API token") return success;
  if (rule.opensTo === "root") return { status: 403, code: "forbidden" };

  const otherEnvironment = who.envName === "dev";
  if (who.project !== undefined || (otherEnvironment && route.includes(":envName"))) {
    if (rule.outside === 403) return { status: 403, code: "forbidden" };
    const ofId = route.includes(BULK) ? "bulk_operation_not_found" : "run_not_found";
    return { status: 404, code: route.includes(":id") ? ofId : "not_found" };
  }
  if (who.role === undefined || !HAS[who.role].includes(rule.opensTo)) return { status: 403, code: "forbidden" };
  // The tokens and sessions here belong to prod, out of the scope of a token of dev.
  if (otherEnvironment && route.includes(":sessionId")) return { status: 404, code: "session_not_found" };
  if (otherEnvironment && route.includes(":tokenId")) return { status: 404, code: "token_not_found" };
  if (otherEnvironment && rule.onlyApprovers === undefined && route.startsWith("POST")) {
    return { status: 403, code: "forbidden", pointer: "/envName" };
  }
  if (rule.onlyApprovers === true) return { status: 403, code: "may_not_approve" };
  if (rule.onlyOtherOwners === true && who.role !== "owner") return { status: 403, code: "forbidden" };
  if (rule.onlyAbove === true || mayDecide) return { status: 403, code: "forbidden" };
  return success;
}

const project = newProject();
const scope = `${project.slice(1)}/prod`;
const runsPath = `${project}/envs/prod/action-runs`;
const tokens = new Map<string, string | null>();

/** The project where `who` has its token. */
function homeOf(who: Credential): string {
  if (who.project === "another") return newProject();
  if (who.project === "another organization's") return project.replace("/acme/", "/umbrella/");
  return project;
}

async function tokenOf(name: string, who: Credential): Promise<string | null> {
  if (who.bad === "unauthorized") return null;
  if (who.root === true) return ROOT;
  if (who.callback !== undefined) return (await createRun(runsPath)).callback.token;
  if (who.role === undefined) return `terr_${"A".repeat(43)}`;
  const home = homeOf(who);
  const { id, token } = await grantToken(home, { role: who.role, envName: who.envName ?? null, name });
  if (who.bad === "token_expired") {
    await env.DB.prepare("UPDATE tokens SET expires_at = ? WHERE id = ?")
      .bind(Date.now() - 1, id)
      .run();
  } else if (who.bad === "token_invalid") {
    // Known to the isolate when it is revoked.
    expect((await ask("GET", runsPath, { token })).status).toBe(200);
    expect((await ask("DELETE", `${home}/tokens/${id}`)).status).toBe(200);
  }
  return token;
}

interface Definition {
  readonly name: string;
  readonly replaced: string;
}

type Targets = {
  readonly run: CreatedRun | null;
  /** The id of a run that waits at a gate. */
  readonly gated: string | null;
  /** The id of a bulk operation. */
  readonly bulk: string | null;
  readonly doomed: TokenOnWire | null;
  readonly session: string | null;
  readonly action: Definition | null;
  readonly endpoint: Definition | null;
  readonly schedule: Definition | null;
};
let unchanged: Targets;

let definitions = 0;

/** A definition with a version that a later one replaced. */
async function newDefinition(
  kind: "actions" | "webhook-endpoints" | "schedules",
  more: object = {},
): Promise<Definition> {
  const name = `deploy-${++definitions}`;
  const path = `${project}/envs/prod/${kind}/${name}`;
  const body = (text: string) => {
    if (kind === "schedules") return { ...SCHEDULE, labels: [text] };
    return kind === "actions" ? { ...more, description: text } : { ...ENDPOINT, payload: text };
  };
  const first = await ask("PUT", path, { body: body("first") });
  expect(first.status).toBe(201);
  expect((await ask("PUT", path, { body: body("before") })).status).toBe(200);
  return { name, replaced: JSON.parse(first.headers.get("ETag") ?? "") };
}

/** The endpoint of the last request that changed one. An environment holds few, so the next one takes it away. */
let used: string | null = null;

async function newEndpoint() {
  const endpoints = `${project}/envs/prod/webhook-endpoints`;
  if (used !== null) await ask("DELETE", `${endpoints}/${used}`);
  const made = await newDefinition("webhook-endpoints");
  used = made.name;
  return made;
}

/** The same for schedules. */
let usedSchedule: string | null = null;

async function newSchedule() {
  const base = `${project}/envs/prod`;
  if (usedSchedule === null)
    await ask("PUT", `${base}/actions/${SCHEDULE.action}`, { body: { trigger: ACTION.trigger } });
  else await ask("DELETE", `${base}/schedules/${usedSchedule}`);
  const made = await newDefinition("schedules");
  usedSchedule = made.name;
  return made;
}

const OF_BULK = /\/bulk-operations\/:id/;
const OF_GATED = /\/(approve|reject|release|approval)$/;

async function newTargets(pattern: string): Promise<Targets> {
  const doomed = { role: "viewer", envName: "prod", name: "doomed" } as const;
  const run = pattern.includes(":id") ? await createRun(runsPath) : null;
  // Only a run that has ended can be retried, or has a delivery.
  if (run !== null && /\/(retry|resend)$/.test(pattern)) await report(run, { status: "succeeded" });
  // The operator approves, and created the run.
  const ofGated = async () => {
    const notBefore = pattern.endsWith("/release") ? { notBefore: LATER } : {};
    return (await gatedRun(runsPath, { approval: { allowSelf: true } }, notBefore)).id;
  };
  if (pattern.endsWith("/pauses/:group")) {
    await ask("PUT", `${project}/envs/prod/pauses/prod`, { body: { reason: "freeze" } });
  }
  // It has ended, because few can be under way at a time.
  const ofBulk = async () => {
    const { id } = await bulk(runsPath, { operation: "cancel", runIds: [UNKNOWN] });
    return id;
  };
  const ofSession = async () => (await beginSession((await grantToken(project, doomed)).token)).id;
  return {
    run,
    gated: OF_GATED.test(pattern) ? await ofGated() : null,
    bulk: OF_BULK.test(pattern) ? await ofBulk() : null,
    session: pattern.includes(":sessionId") ? await ofSession() : null,
    doomed: pattern.includes(":tokenId") ? await grantToken(project, doomed) : null,
    // Only a run would send the webhook.
    action: pattern.includes("/actions/:name")
      ? await newDefinition("actions", pattern.endsWith("/runs") ? {} : ACTION)
      : null,
    endpoint: pattern.includes("/webhook-endpoints/:name") ? await newEndpoint() : null,
    schedule: pattern.includes("/schedules/:name") ? await newSchedule() : null,
  };
}

beforeAll(async () => {
  for (const [name, who] of Object.entries(CREDENTIALS)) tokens.set(name, await tokenOf(name, who));
  unchanged = await newTargets(
    "/bulk-operations/:id/:tokenId/:sessionId/actions/:name/webhook-endpoints/:name/schedules/:name/approval",
  );
  const other = { tokenId: "other", tokenName: "other", parents: [], person: null };
  await replicated(runsPath);
  await direct(runsPath).purges.begin(3650);
  await direct(runsPath).runs.erase(unchanged.run?.id ?? "", other);
  used = null;
  usedSchedule = null;
});

/** A run and a token for one request, or for all requests that change nothing, and the route's path to them. */
async function target(pattern: string, changesNothing: boolean) {
  const { run, gated, bulk, doomed, session, action, endpoint, schedule } = changesNothing
    ? unchanged
    : await newTargets(pattern);
  const ofOthers = pattern.includes("/schedules/") ? schedule : action;
  const definition = pattern.includes("/webhook-endpoints/") ? endpoint : ofOthers;
  const [, o, p] = project.split("/");
  const values: Record<string, string | undefined> = {
    o,
    p,
    envName: "prod",
    id: (OF_BULK.test(pattern) ? bulk : OF_GATED.test(pattern) ? gated : run?.id) ?? undefined,
    group: "prod",
    database: "0",
    tokenId: doomed?.id,
    sessionId: session ?? undefined,
    name: definition?.name,
    inboundId: "A".repeat(43),
    version: definition?.replaced,
  };
  const path = pattern.replace("/*", "/:o/:p/:envName/runs").replaceAll(/:(\w+)/g, (_match, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`this test has no value for :${name}`);
    return value;
  });
  return { path, run };
}

const UNAUDITED = "SELECT 1 FROM bulk_operations WHERE completed_at IS NOT NULL AND is_audited = 0";

/** All rows that a request could change, as one text for each table: there are many, and they are read often. */
async function stored() {
  await replicated(runsPath);
  // The audit entry of a bulk operation that has ended follows its end.
  await until(async () => (await journal(runsPath, UNAUDITED)).length === 0);
  const tables = await env.DB.batch<{ rows: string }>([
    rowsOf("id, version, status", "runs WHERE scope = ? ORDER BY id", scope),
    rowsOf("id, hash, role, env_name", "tokens WHERE project = ? ORDER BY id", project.slice(1)),
    rowsOf("id", "audit WHERE project = ? ORDER BY id", project.slice(1)),
    rowsOf(
      "kind, name, version, definition, disabled_version",
      "definitions WHERE scope = ? ORDER BY kind, name",
      scope,
    ),
    rowsOf("kind, name, version", "definition_versions WHERE scope = ? ORDER BY seq", scope),
    rowsOf("id, expires_at", "sessions WHERE project = ? ORDER BY id", project.slice(1)),
  ]);
  return tables.map(({ results }) => results[0]?.rows);
}

function rowsOf(columns: string, from: string, value: string): D1PreparedStatement {
  const sql = `SELECT json_group_array(json_array(${columns})) AS rows FROM (SELECT ${columns} FROM ${from})`;
  return env.DB.prepare(sql).bind(value);
}

/** What the test before has read; null if it changed something. */
let known: Awaited<ReturnType<typeof stored>> | null = null;

it("has a rule for exactly the routes of the app", () => {
  expect(Object.keys(RULES).sort()).toEqual(ROUTES);
});

describe.each(ROUTES)("%s", (route) => {
  const [method = "", pattern = ""] = route.split(" ");
  const rule = RULES[route];
  // An address may send only some unknown tokens a minute, so each route has its own.
  const from = { "CF-Connecting-IP": `192.0.2.${ROUTES.indexOf(route)}` };

  it.each(Object.entries(CREDENTIALS))("with %s", async (name, who) => {
    if (rule === undefined) throw new Error("this route has no rule in the table above");
    const expected = expectedOf(route, rule, who);
    const changesNothing = expected.status >= 400 || method === "GET";
    const { path: address, run } = await target(pattern, changesNothing);
    const path = `${address}?${rule.query ?? ""}`;
    const token = who.callback === "its own" && run !== null ? run.callback.token : (tokens.get(name) ?? null);
    const before = changesNothing ? (known ?? (await stored())) : null;
    known = null;
    const answer = await ask<Refusal>(method, path, {
      token,
      headers: from,
      ...(rule.body === undefined ? {} : { body: rule.body }),
    });
    const { status, code, pointer } = expected;
    // A sign-in code is called so, too.
    const refused = answer.status >= 400 ? answer.body?.code : undefined;
    expect({ status: answer.status, code: refused }).toEqual({ status, code });
    expect(answer.headers.get("WWW-Authenticate")).toBe(status === 401 ? "Bearer" : null);
    if (answer.status >= 400) {
      expect(answer.body).toEqual({ error: expect.stringMatching(/\S/), code, pointer });
    }
    if (route === `POST ${BULK}` && status === 202) {
      await bulkEnded(runsPath, (answer.body as unknown as Operation).id);
    }
    if (changesNothing) {
      known = await stored();
      expect(known).toEqual(before);
    }
    if (method === "GET") expect((await ask("HEAD", path, { token, headers: from })).status).toBe(expected.status);
    if (method === "GET" && answer.status >= 400) {
      const headers = { ...from, Accept: "text/event-stream" };
      const watching = await ask<Refusal>("GET", `${path}&wait=1`, { token, headers });
      expect({ status: watching.status, code: watching.body?.code }).toEqual(expected);
    }
  });
});

/** The requests that need only `data:read`. */
const READS = [
  { method: "GET", suffix: "" },
  { method: "GET", suffix: "?wait=1" },
  { method: "GET", suffix: "/events" },
  { method: "GET", suffix: "/approval" },
  { method: "DELETE", suffix: "" },
  { method: "GET", suffix: "?include=details" },
] as const;

/** The requests that change a run and need `data:write`. */
const CHANGES = ["/cancel", "/retry", "/approve", "/reject", "/release"] as const;

describe("a run under another tenant's path", () => {
  const elsewhere = {
    "another environment": runsPath.replace("/prod/", "/dev/"),
    "another project": runsPath.replace(project, newProject()),
    "another organization": runsPath.replace("/acme/", "/umbrella/"),
  };

  it.each(Object.entries(elsewhere))("is 404 even for root: %s", async (_name, path) => {
    const run = await createRun(runsPath);
    const absent = await ask<Refusal>("GET", `${runsPath}/${crypto.randomUUID()}`);
    for (const { method, suffix } of READS) {
      const answer = await ask<Refusal>(method, `${path}/${run.id}${suffix}`);
      expect([answer.status, answer.body]).toEqual([404, absent.body]);
    }
    for (const suffix of CHANGES) {
      const answer = await ask<Refusal>("POST", `${path}/${run.id}${suffix}`);
      expect([answer.status, answer.body]).toEqual([404, absent.body]);
    }
    const { token } = run.callback;
    for (const [suffix, body] of [
      ["callback", { status: "succeeded" }],
      ["heartbeat", { message: "alive" }],
    ] as const) {
      expect((await ask("POST", `${path}/${run.id}/${suffix}`, { token, body })).status).toBe(401);
    }
    expect((await ask("GET", `${path}/${run.id}`, { token })).status).toBe(401);
    expect((await ask<{ id: string }[]>("GET", path)).body.map(({ id }) => id)).not.toContain(run.id);
    const counts = Object.values((await ask<Record<string, unknown>>("GET", `${path}/summary`)).body);
    expect(counts).toEqual(counts.map(() => 0));
    expect((await ask("GET", `${runsPath}/${run.id}`)).body.status).toBe("pending");
  });

  it("gets the same response as a missing run, for a token from outside", async () => {
    const run = await createRun(runsPath);
    const { token } = await grantToken(newProject(), { role: "owner" });
    for (const { method, suffix } of READS) {
      const there = await ask<Refusal>(method, `${runsPath}/${run.id}${suffix}`, { token });
      const absent = await ask<Refusal>(method, `${runsPath}/${crypto.randomUUID()}${suffix}`, { token });
      expect([there.status, there.body]).toEqual([absent.status, absent.body]);
    }
  });

  it("is 404 for others even if the isolate remembers it as ended", async () => {
    const run = await createRun(runsPath);
    await ask("DELETE", `${runsPath}/${run.id}`);
    for (let read = 0; read < 2; read++) expect((await ask("GET", `${runsPath}/${run.id}`)).status).toBe(200);
    const strangers = [
      await grantToken(newProject(), { role: "owner" }),
      await grantToken(project, { role: "admin", envName: "dev" }),
    ];
    for (const suffix of ["", "?wait=1", "/events"]) {
      for (const { token } of strangers) {
        expect((await ask("GET", `${runsPath}/${run.id}${suffix}`, { token })).status).toBe(404);
      }
      for (const path of Object.values(elsewhere)) {
        expect((await ask("GET", `${path}/${run.id}${suffix}`)).status).toBe(404);
      }
    }
  });
});
