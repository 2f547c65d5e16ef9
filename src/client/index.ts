/**
 * `action-runs/client`: a client of the action runs API. It uses only web standards, so the same code runs in Workers,
 * Node, Deno, Bun and browsers. Its types come from the OpenAPI document.
 */

import * as administration from "./administration.ts";
import {
  type Api,
  bodyOf,
  type Caller,
  type CallOptions,
  createApi,
  type List,
  type ListOptions,
  listed,
  type Schemas,
} from "./api.ts";
import * as definitions from "./definitions.ts";
import * as runs from "./runs.ts";
import { type ClientSettings, callerHeaders, checkedName, checkedUrl, transportSettings } from "./settings.ts";
import { createSend } from "./transport.ts";

export type * from "./administration.ts";
export type {
  Api,
  CallOptions,
  ChangeOptions,
  CreateOptions,
  DetailOptions,
  List,
  ListOptions,
  Page,
  Schemas,
} from "./api.ts";
export { type Callback, type CallbackSettings, callback } from "./callback.ts";
export type * from "./definitions.ts";
export type { FollowOptions, RunChanges, RunTail, WatchOptions } from "./follow.ts";
export type { components, paths } from "./openapi.ts";
export type * from "./runs.ts";
export { WHOLE_ENVIRONMENT } from "./runs.ts";
export type { CallSettings, ClientSettings, Credentials } from "./settings.ts";
export { ActionRunsError } from "./transport.ts";
export {
  verifyWebhook,
  type WebhookHeaders,
  type WebhookMessage,
  WebhookVerificationError,
} from "./verify-webhook.ts";

export interface Client {
  readonly actions: definitions.Actions;
  readonly runs: runs.Runs;
  /** Cancels and retries of many runs at once. */
  readonly bulkOperations: runs.BulkOperations;
  /** The concurrency groups of the environment, in which runs take turns. */
  readonly concurrencyGroups: runs.ConcurrencyGroups;
  /** What holds back the runs of a group or of the environment, such as a deploy freeze. */
  readonly pauses: runs.Pauses;
  /** The schedules of the environment, which run actions. */
  readonly schedules: definitions.Schedules;
  /** The webhook endpoints of the environment, which hear when a run ends or waits for approval. */
  readonly webhookEndpoints: definitions.WebhookEndpoints;
  readonly tokens: administration.Tokens;
  /** Who is signed in to the project's console. */
  readonly sessions: administration.Sessions;
  readonly audit: administration.Audit;
  /** The databases, and where environments live. Needs ROOT_TOKEN. */
  readonly operator: administration.Operator;
  readonly baseUrl: string;
  /** The client's environment, as `{org}/{project}/{env}`. */
  readonly scope: string;
  /** What the client's own token is and opens. It also answers for a token of another project or environment. */
  whoami(options?: CallOptions): Promise<Schemas["CurrentToken"]>;
  /** The environments that the client's token opens and that have runs or definitions, by name. */
  places(query?: ListOptions, options?: CallOptions): List<Schemas["Place"]>;
  /** openapi-fetch with the API's types, for everything else. It tries once and returns errors as values. */
  readonly api: Api;
}

/** A client for one environment. Throws a TypeError that names an invalid setting. */
export function createClient(settings: ClientSettings): Client {
  const baseUrl = checkedUrl("baseUrl", settings.baseUrl);
  const transport = transportSettings(settings);
  const scope = {
    o: checkedName("org", settings.org),
    p: checkedName("project", settings.project),
    envName: checkedName("env", settings.env),
  };
  const api = createApi(baseUrl, callerHeaders(settings), transport.fetch);
  const send = createSend(transport);
  const sent: Caller["sent"] = ({ signal } = {}, how = {}) => ({
    fetch: (request) => send(request, { ...how, signal }),
  });
  const caller = { api, scope, sent };
  return {
    actions: definitions.createActions(caller),
    runs: runs.createRuns(caller, transport),
    bulkOperations: runs.createBulkOperations(caller),
    concurrencyGroups: runs.createConcurrencyGroups(caller),
    pauses: runs.createPauses(caller),
    schedules: definitions.createSchedules(caller),
    webhookEndpoints: definitions.createWebhookEndpoints(caller),
    tokens: administration.createTokens(caller),
    sessions: administration.createSessions(caller),
    audit: administration.createAudit(caller),
    operator: administration.createOperator(caller),
    baseUrl,
    scope: `${scope.o}/${scope.p}/${scope.envName}`,
    whoami: async (options) => bodyOf(await api.GET("/whoami", sent(options))),
    places: (query = {}, options) =>
      listed(query, (query) => api.GET("/places", { params: { query }, ...sent(options) })),
    api,
  };
}
