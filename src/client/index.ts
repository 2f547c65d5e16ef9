/**
 * `action-runs/client`: a client of the action runs API. It uses only web standards, so the same code runs in Workers,
 * Node, Deno, Bun and browsers. Its types come from the OpenAPI document.
 */

import { type Actions, createActions } from "./actions.ts";
import { type Api, bodyOf, type CallOptions, type CurrentToken, createApi, type Place, sending } from "./api.ts";
import { type Audit, createAudit } from "./audit.ts";
import { type BulkOperations, createBulkOperations } from "./bulk-operations.ts";
import { type ConcurrencyGroups, createConcurrencyGroups } from "./concurrency-groups.ts";
import { pages } from "./paging.ts";
import { createPauses, type Pauses } from "./pauses.ts";
import { createRuns, type Runs } from "./runs.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import { type ClientSettings, callerHeaders, checkedName, checkedUrl, transportSettings } from "./settings.ts";
import { createTokens, type Tokens } from "./tokens.ts";
import { createSend } from "./transport.ts";
import { createWebhookEndpoints, type WebhookEndpoints } from "./webhook-endpoints.ts";

export type { ActionPage, Actions, StoredAction, VersionPage } from "./actions.ts";
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
export type { Audit, AuditFilter, AuditPage } from "./audit.ts";
export type {
  BulkChange,
  BulkItemFilter,
  BulkItemPage,
  BulkOperations,
  BulkPage,
} from "./bulk-operations.ts";
export type { WaitForBulkOptions } from "./bulk-wait.ts";
export { type Callback, type CallbackSettings, callback } from "./callback.ts";
export type { ConcurrencyGroups, GroupFilter, GroupPage } from "./concurrency-groups.ts";
export type { DecisionOptions, Decisions } from "./decisions.ts";
export type { DeleteOptions, PutOptions, Stored } from "./definitions.ts";
export { ActionRunsError } from "./errors.ts";
export type { FollowOptions, RunChanges } from "./follow.ts";
export type { components, paths } from "./openapi.ts";
export type { PageQuery } from "./paging.ts";
export { type Pauses, WHOLE_ENVIRONMENT } from "./pauses.ts";
export type {
  CancelOptions,
  FollowedList,
  GetOptions,
  ReadOptions,
  RetryOptions,
  RunFilter,
  RunPage,
  Runs,
} from "./runs.ts";
export type { SessionPage, Sessions } from "./sessions.ts";
export type { CallSettings, ClientSettings, Credentials } from "./settings.ts";
export type { RotateOptions, TokenPage, Tokens } from "./tokens.ts";
export {
  verifyWebhook,
  type WebhookHeaders,
  type WebhookMessage,
  WebhookVerificationError,
} from "./verify-webhook.ts";
export type { WaitOptions } from "./wait.ts";
export type { WatchOptions } from "./watch.ts";
export type {
  DeliveryFilter,
  DeliveryPage,
  EndpointPage,
  EndpointVersionPage,
  PutEndpoint,
  ResendOptions,
  RotateSecretOptions,
  StoredEndpoint,
  WebhookEndpoints,
} from "./webhook-endpoints.ts";

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
