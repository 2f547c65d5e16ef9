/**
 * `action-runs/client`: a client of the action runs API. It uses only web standards, so the same code runs in Workers,
 * Node, Deno, Bun and browsers. Its types come from the OpenAPI document.
 */

import { type Api, bodyOf, type CallOptions, type CurrentToken, createApi, type Place, pages, sending } from "./api.ts";
import { type BulkOperations, createBulkOperations } from "./bulk-operations.ts";
import { type Actions, createActions, createWebhookEndpoints, type WebhookEndpoints } from "./definitions.ts";
import { type ConcurrencyGroups, createConcurrencyGroups, createPauses, type Pauses } from "./gates.ts";
import { type Audit, createAudit, createSessions, createTokens, type Sessions, type Tokens } from "./project.ts";
import { createRuns, type Runs } from "./runs.ts";
import { type ClientSettings, callerHeaders, checkedName, checkedUrl, transportSettings } from "./settings.ts";
import { createSend } from "./transport.ts";

export type {
  Action,
  ActionDefinition,
  ActionRun,
  ActionRunDetails,
  ActionRunFacets,
  ActionRunSummary,
  Api,
  ApiToken,
  AuditEntry,
  BulkItem,
  BulkOperation,
  BulkPreview,
  CallOptions,
  ChangeOptions,
  ConcurrencyGroup,
  ConsoleSession,
  CreatedActionRun,
  CreatedApiToken,
  CreateOptions,
  CurrentToken,
  DetailedActionRun,
  DetailOptions,
  EndpointDelivery,
  EndpointRecovery,
  EndpointStatus,
  EndpointTestResult,
  Heartbeat,
  HeartbeatAnswer,
  ListedAction,
  ListedVersion,
  ListedWebhookEndpoint,
  ListedWebhookEndpointVersion,
  NewActionRun,
  NewApiToken,
  NewEndpointRecovery,
  NewEndpointTest,
  NewPause,
  NewRunOfAction,
  PageQuery,
  Pause,
  Place,
  Report,
  ReportedActionRun,
  RevokedApiTokens,
  RotatedApiToken,
  RotatedSigningSecret,
  RunApproval,
  StartedActionRun,
  StoredWebhookEndpoint,
  TimelineEvent,
  WebhookEndpoint,
} from "./api.ts";
export type {
  BulkChange,
  BulkItemFilter,
  BulkItemPage,
  BulkOperations,
  BulkPage,
  WaitForBulkOptions,
} from "./bulk-operations.ts";
export { type Callback, type CallbackSettings, callback } from "./callback.ts";
export type {
  ActionPage,
  Actions,
  DeleteOptions,
  DeliveryFilter,
  DeliveryPage,
  EndpointPage,
  EndpointVersionPage,
  PutEndpoint,
  PutOptions,
  ResendOptions,
  RotateSecretOptions,
  Stored,
  StoredAction,
  StoredEndpoint,
  VersionPage,
  WebhookEndpoints,
} from "./definitions.ts";
export type { FollowOptions, RunChanges, WatchOptions } from "./follow.ts";
export type { ConcurrencyGroups, DecisionOptions, Decisions, GroupFilter, GroupPage } from "./gates.ts";
export { type Pauses, WHOLE_ENVIRONMENT } from "./gates.ts";
export type { components, paths } from "./openapi.ts";
export type {
  Audit,
  AuditFilter,
  AuditPage,
  RotateOptions,
  SessionPage,
  Sessions,
  TokenPage,
  Tokens,
} from "./project.ts";
export type {
  CancelOptions,
  FollowedList,
  GetOptions,
  ReadOptions,
  RetryOptions,
  RunFilter,
  RunPage,
  Runs,
  WaitOptions,
} from "./runs.ts";
export type { CallSettings, ClientSettings, Credentials } from "./settings.ts";
export { ActionRunsError } from "./transport.ts";
export {
  verifyWebhook,
  type WebhookHeaders,
  type WebhookMessage,
  WebhookVerificationError,
} from "./verify-webhook.ts";

/** Requests further pages as you read on. */
export type Places = (options?: CallOptions) => AsyncIterable<Place>;

export type Whoami = (options?: CallOptions) => Promise<CurrentToken>;

export interface Client {
  /** The stored actions of the environment. */
  readonly actions: Actions;
  readonly runs: Runs;
  /** Cancels and retries of many runs at once. */
  readonly bulkOperations: BulkOperations;
  /** The concurrency groups of the environment, in which runs take turns. */
  readonly concurrencyGroups: ConcurrencyGroups;
  /** What holds back the runs of a group or of the environment, such as a deploy freeze. */
  readonly pauses: Pauses;
  /** The webhook endpoints of the environment, which hear when a run ends or waits for approval. */
  readonly webhookEndpoints: WebhookEndpoints;
  readonly tokens: Tokens;
  /** Who is signed in to the project's console. */
  readonly sessions: Sessions;
  /** The project's audit log. */
  readonly audit: Audit;
  /** What the client's own token is and opens. It also answers for a token of another project or environment. */
  readonly whoami: Whoami;
  /** The environments that the client's token opens and that have runs, actions or webhook endpoints, by name. */
  readonly places: Places;
  /** openapi-fetch with the API's types, for everything else. It tries once and returns errors as values. */
  readonly api: Api;
}

/** A client for one environment. Throws a TypeError that names an invalid setting. */
export function createClient(settings: ClientSettings): Client {
  const baseUrl = checkedUrl("baseUrl", settings.baseUrl);
  const transport = transportSettings(settings);
  const project = { o: checkedName("org", settings.org), p: checkedName("project", settings.project) };
  const environment = { ...project, envName: checkedName("env", settings.env) };
  const api = createApi(baseUrl, callerHeaders(settings), transport.fetch);
  const send = createSend(transport);
  return {
    actions: createActions(api, environment, send),
    runs: createRuns(api, environment, transport, send),
    bulkOperations: createBulkOperations(api, environment, send),
    concurrencyGroups: createConcurrencyGroups(api, environment, send),
    pauses: createPauses(api, environment, send),
    webhookEndpoints: createWebhookEndpoints(api, environment, send),
    tokens: createTokens(api, project, send),
    sessions: createSessions(api, project, send),
    audit: createAudit(api, project, send),
    places: ({ signal } = {}) =>
      pages((cursor) => {
        const params = { query: cursor === undefined ? {} : { cursor } };
        return api.GET("/places", { params, fetch: sending(send, { signal }) });
      }),
    whoami: async ({ signal } = {}) => bodyOf(await api.GET("/whoami", { fetch: sending(send, { signal }) })),
    api,
  };
}
