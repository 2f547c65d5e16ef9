/** What stored actions and webhook endpoints have in common: versions as ETags, and deletes that can be repeated. */
import {
  type Action,
  type ActionDefinition,
  type Api,
  bodyOf,
  type CallOptions,
  type ChangeOptions,
  type CreateOptions,
  creatingHeader,
  type EndpointDelivery,
  type EndpointRecovery,
  type EndpointStatus,
  type EndpointTestResult,
  type ListedAction,
  type ListedVersion,
  type ListedWebhookEndpoint,
  type ListedWebhookEndpointVersion,
  listOf,
  type NewEndpointRecovery,
  type NewEndpointTest,
  type NewRunOfAction,
  nextOf,
  type PageQuery,
  pages,
  present,
  type RotatedSigningSecret,
  type StartedActionRun,
  type StoredWebhookEndpoint,
  sending,
  type WebhookEndpoint,
} from "./api.ts";
import { checkedDefinitionName, checkedId, type Environment } from "./settings.ts";
import { ActionRunsError, type Send, unexpectedResponse } from "./transport.ts";

/** A definition as the API stored it. */
export interface Stored<T> {
  readonly name: string;
  /** Grows with each change, and never repeats for a name. */
  readonly version: number;
  /** null in the place of each secret. You can put it again. */
  readonly definition: T;
}

export interface PutOptions extends CallOptions {
  /** A number replaces the definition only if it has this version. null only creates it. Otherwise 412. */
  readonly ifVersion?: number | null | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Deletes the definition only if it has this version. Otherwise 412. */
  readonly ifVersion?: number | undefined;
}

/** The condition of a put. */
export function conditionOf(ifVersion: number | null | undefined) {
  return ifVersion === null ? { "If-None-Match": "*" } : ifMatch(ifVersion);
}

export function ifMatch(version: number | undefined): { "If-Match"?: string } {
  return version === undefined ? {} : { "If-Match": `"${version}"` };
}

/** The version is the ETag. A proxy that compresses the response may put `W/` before it. */
export function stored<T>(name: string, definition: T, response: Response): Stored<T> {
  const [, version] = /^(?:W\/)?"(\d+)"$/.exec(response.headers.get("ETag") ?? "") ?? [];
  if (version === undefined) throw unexpectedResponse(response, "The response has no version");
  return { name, version: Number(version), definition };
}

/** `gone`: the code of a repeat whose earlier try deleted, if the response to that try was lost. */
export async function deleting(gone: string, ask: (onRetry: () => void) => Promise<unknown>): Promise<void> {
  let isRepeat = false;
  try {
    await ask(() => {
      isRepeat = true;
    });
  } catch (error) {
    if (!(error instanceof ActionRunsError && error.code === gone && isRepeat)) throw error;
  }
}

/* SECTION: The stored actions of one environment: put, get, list, delete and run them, and their versions. */

const ACTIONS = "/{o}/{p}/envs/{envName}/actions";
const ACTION = `${ACTIONS}/{name}` as const;
const RUNS = `${ACTION}/runs` as const;
const ACTION_VERSIONS = `${ACTION}/versions` as const;
const ACTION_VERSION = `${ACTION_VERSIONS}/{version}` as const;

/** An action as the API stored it. */
export type StoredAction = Stored<Action>;

/** One page of a list. It can be short and still have a next one. */
export interface ActionPage {
  readonly actions: readonly ListedAction[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

/** One page of an action's versions. It can be short and still have a next one. */
export interface VersionPage {
  readonly versions: readonly ListedVersion[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

export interface Actions {
  /**
   * Creates or replaces an action. null in the place of a secret keeps the stored value. With `ifVersion` the client
   * retries only after 429, because a repeat would be refused with 412: after `unreachable`, read the version with
   * `get`.
   */
  put(name: string, definition: ActionDefinition, options?: PutOptions): Promise<StoredAction>;
  get(name: string, options?: CallOptions): Promise<StoredAction>;
  /** By name. Requests further pages as you read on. */
  list(options?: CallOptions): AsyncIterable<ListedAction>;
  /** One page, by name. Its `cursor` is the `next` of the page before it. */
  page(query?: PageQuery, options?: CallOptions): Promise<ActionPage>;
  /** Deletes an action. Runs that have begun continue. A retry succeeds if a try before it deleted the action. */
  delete(name: string, options?: DeleteOptions): Promise<void>;
  /** Newest first, the current one included. Requests further pages as you read on. */
  versions(name: string, options?: CallOptions): AsyncIterable<ListedVersion>;
  /** One page, newest first. Its `cursor` is the `next` of the page before it. */
  versionPage(name: string, query?: PageQuery, options?: CallOptions): Promise<VersionPage>;
  /** The definition of a version. To restore it, put it with the `ifVersion` of the current version. */
  getVersion(name: string, version: number, options?: CallOptions): Promise<Action>;
  /** Deletes a version that a later one replaced. A retry succeeds if a try before it deleted the version. */
  deleteVersion(name: string, version: number, options?: CallOptions): Promise<void>;
  /** Creates a run of an action. A retry uses the same key, so it creates no second run. */
  run(name: string, body?: NewRunOfAction, options?: CreateOptions): Promise<StartedActionRun>;
}

export function createActions(api: Api, scope: Environment, send: Send): Actions {
  const of = (name: string) => ({ ...scope, name: checkedDefinitionName("action", name) });
  return {
    async put(name, definition, { signal, ifVersion } = {}) {
      const result = await api.PUT(ACTION, {
        params: { path: of(name), header: conditionOf(ifVersion) },
        body: definition,
        fetch: sending(send, { signal, isRepeatable: ifVersion === undefined }),
      });
      return stored(name, bodyOf(result), result.response);
    },
    async get(name, { signal } = {}) {
      const result = await api.GET(ACTION, { params: { path: of(name) }, fetch: sending(send, { signal }) });
      return stored(name, bodyOf(result), result.response);
    },
    list: ({ signal } = {}) =>
      pages((cursor) =>
        api.GET(ACTIONS, { params: { path: scope, query: present({ cursor }) }, fetch: sending(send, { signal }) }),
      ),
    async page(query = {}, { signal } = {}) {
      const params = { path: scope, query: present(query) };
      const result = await api.GET(ACTIONS, { params, fetch: sending(send, { signal }) });
      return { actions: listOf(result), next: nextOf(result) };
    },
    async delete(name, { signal, ifVersion } = {}) {
      const params = { path: of(name), header: ifMatch(ifVersion) };
      await deleting("action_not_found", (onRetry) =>
        api.DELETE(ACTION, { params, fetch: sending(send, { signal, onRetry }) }),
      );
    },
    versions: (name, { signal } = {}) =>
      pages((cursor) =>
        api.GET(ACTION_VERSIONS, {
          params: { path: of(name), query: present({ cursor }) },
          fetch: sending(send, { signal }),
        }),
      ),
    async versionPage(name, query = {}, { signal } = {}) {
      const params = { path: of(name), query: present(query) };
      const result = await api.GET(ACTION_VERSIONS, { params, fetch: sending(send, { signal }) });
      return { versions: listOf(result), next: nextOf(result) };
    },
    async getVersion(name, version, { signal } = {}) {
      const params = { path: { ...of(name), version } };
      return bodyOf(await api.GET(ACTION_VERSION, { params, fetch: sending(send, { signal }) }));
    },
    async deleteVersion(name, version, { signal } = {}) {
      const params = { path: { ...of(name), version } };
      await deleting("version_not_found", (onRetry) =>
        api.DELETE(ACTION_VERSION, { params, fetch: sending(send, { signal, onRetry }) }),
      );
    },
    async run(name, body = {}, options = {}) {
      const { signal, include } = options;
      const params = { path: of(name), query: present({ include }), header: creatingHeader(options) };
      return bodyOf(await api.POST(RUNS, { params, body, fetch: sending(send, { signal }) }));
    },
  };
}

/* SECTION: The webhook endpoints of one environment: put, get, list, delete and test them, and see and repeat their deliveries. */

const ENDPOINTS = "/{o}/{p}/envs/{envName}/webhook-endpoints";
const ENDPOINT = `${ENDPOINTS}/{name}` as const;
const ENDPOINT_VERSIONS = `${ENDPOINT}/versions` as const;
const ENDPOINT_VERSION = `${ENDPOINT_VERSIONS}/{version}` as const;
const DELIVERIES = `${ENDPOINT}/deliveries` as const;

/** An endpoint as the API stored it. */
export type StoredEndpoint = Stored<StoredWebhookEndpoint>;

export interface PutEndpoint extends StoredEndpoint {
  /** The signing secret that the API made for a new endpoint. Only this result has it. null if it made none. */
  readonly signingSecret: string | null;
}

/** One page of a list. It can be short and still have a next one. */
export interface EndpointPage {
  readonly endpoints: readonly ListedWebhookEndpoint[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

/** One page of an endpoint's versions. It can be short and still have a next one. */
export interface EndpointVersionPage {
  readonly versions: readonly ListedWebhookEndpointVersion[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

/** One page of an endpoint's deliveries. It can be short and still have a next one. */
export interface DeliveryPage {
  readonly deliveries: readonly EndpointDelivery[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

export interface DeliveryFilter {
  readonly state?: EndpointDelivery["state"] | undefined;
}

export interface ResendOptions extends CallOptions {
  /** Which event of the run. Default: its end. */
  readonly type?: EndpointDelivery["type"] | undefined;
}

export interface RotateSecretOptions extends ChangeOptions {
  /** How long the replaced secret still signs beside the new one: 0 to 604800. Default: 86400. */
  readonly gracePeriodSeconds?: number | undefined;
}

export interface WebhookEndpoints {
  /**
   * Creates or replaces an endpoint. null for `url` keeps the stored URL, and then null keeps headers and secrets, too.
   * A new endpoint without a signing secret gets one, as `signingSecret` of the result. If the first response gets lost,
   * a retry finds the endpoint, and `signingSecret` is null: get another secret with `rotateSecret`. With `ifVersion` the
   * client retries only after 429, because a repeat would be refused with 412.
   */
  put(name: string, definition: WebhookEndpoint, options?: PutOptions): Promise<PutEndpoint>;
  get(name: string, options?: CallOptions): Promise<StoredEndpoint>;
  /** By name. Requests further pages as you read on. */
  list(options?: CallOptions): AsyncIterable<ListedWebhookEndpoint>;
  /** One page, by name. Its `cursor` is the `next` of the page before it. */
  page(query?: PageQuery, options?: CallOptions): Promise<EndpointPage>;
  /** Deletes an endpoint and its messages that wait. A retry succeeds if a try before it deleted the endpoint. */
  delete(name: string, options?: DeleteOptions): Promise<void>;
  /** Newest first, the current one included. Requests further pages as you read on. */
  versions(name: string, options?: CallOptions): AsyncIterable<ListedWebhookEndpointVersion>;
  /** One page, newest first. Its `cursor` is the `next` of the page before it. */
  versionPage(name: string, query?: PageQuery, options?: CallOptions): Promise<EndpointVersionPage>;
  /** The definition of a version. To restore it, put it with the `ifVersion` of the current version. */
  getVersion(name: string, version: number, options?: CallOptions): Promise<StoredWebhookEndpoint>;
  /** Deletes a version that a later one replaced. A retry succeeds if a try before it deleted the version. */
  deleteVersion(name: string, version: number, options?: CallOptions): Promise<void>;
  /** Health, who changed it, how far a recovery is, and the newest delivery. */
  status(name: string, options?: CallOptions): Promise<EndpointStatus>;
  /** Newest run first. Requests further pages as you read on. */
  deliveries(name: string, filter?: DeliveryFilter, options?: CallOptions): AsyncIterable<EndpointDelivery>;
  /** One page, newest run first. Its `cursor` is the `next` of the page before it. */
  deliveryPage(name: string, query?: DeliveryFilter & PageQuery, options?: CallOptions): Promise<DeliveryPage>;
  /** Sends the message about a run again, with the same `webhook-id` as before. */
  resend(name: string, runId: string, options?: ResendOptions): Promise<void>;
  /** Sends again what `failed`, or what was never a message of this endpoint (`missing`). The same body resumes. */
  recover(name: string, recovery: NewEndpointRecovery, options?: CallOptions): Promise<EndpointRecovery>;
  /**
   * Sends one message now, and says what the receiver answered. `definition`: tries this one without storing it. The
   * client retries only after 429, because a repeat would send a second message.
   */
  test(name: string, test?: NewEndpointTest, options?: CallOptions): Promise<EndpointTestResult>;
  /** Enables an endpoint that the service disabled. The member `disabled` of its definition stays. */
  enable(name: string, options?: CallOptions): Promise<void>;
  /**
   * Gives the endpoint a new signing secret. A retry uses the same key, so it makes no second one, but then
   * `signingSecret` is null because only the lost response had it: rotate again.
   */
  rotateSecret(name: string, options?: RotateSecretOptions): Promise<RotatedSigningSecret>;
}

export function createWebhookEndpoints(api: Api, scope: Environment, send: Send): WebhookEndpoints {
  const of = (name: string) => ({ ...scope, name: checkedDefinitionName("webhook endpoint", name) });
  return {
    async put(name, definition, { signal, ifVersion } = {}) {
      const result = await api.PUT(ENDPOINT, {
        params: { path: of(name), header: conditionOf(ifVersion) },
        body: definition,
        fetch: sending(send, { signal, isRepeatable: ifVersion === undefined }),
      });
      const { signingSecret, ...shown } = bodyOf(result);
      return { ...stored(name, { ...shown, signingSecret: null }, result.response), signingSecret };
    },
    async get(name, { signal } = {}) {
      const result = await api.GET(ENDPOINT, { params: { path: of(name) }, fetch: sending(send, { signal }) });
      return stored(name, bodyOf(result), result.response);
    },
    list: ({ signal } = {}) =>
      pages((cursor) =>
        api.GET(ENDPOINTS, { params: { path: scope, query: present({ cursor }) }, fetch: sending(send, { signal }) }),
      ),
    async page(query = {}, { signal } = {}) {
      const params = { path: scope, query: present(query) };
      const result = await api.GET(ENDPOINTS, { params, fetch: sending(send, { signal }) });
      return { endpoints: listOf(result), next: nextOf(result) };
    },
    async delete(name, { signal, ifVersion } = {}) {
      const params = { path: of(name), header: ifMatch(ifVersion) };
      await deleting("webhook_endpoint_not_found", (onRetry) =>
        api.DELETE(ENDPOINT, { params, fetch: sending(send, { signal, onRetry }) }),
      );
    },
    versions: (name, { signal } = {}) =>
      pages((cursor) =>
        api.GET(ENDPOINT_VERSIONS, {
          params: { path: of(name), query: present({ cursor }) },
          fetch: sending(send, { signal }),
        }),
      ),
    async versionPage(name, query = {}, { signal } = {}) {
      const params = { path: of(name), query: present(query) };
      const result = await api.GET(ENDPOINT_VERSIONS, { params, fetch: sending(send, { signal }) });
      return { versions: listOf(result), next: nextOf(result) };
    },
    async getVersion(name, version, { signal } = {}) {
      const params = { path: { ...of(name), version } };
      return bodyOf(await api.GET(ENDPOINT_VERSION, { params, fetch: sending(send, { signal }) }));
    },
    async deleteVersion(name, version, { signal } = {}) {
      const params = { path: { ...of(name), version } };
      await deleting("version_not_found", (onRetry) =>
        api.DELETE(ENDPOINT_VERSION, { params, fetch: sending(send, { signal, onRetry }) }),
      );
    },
    async status(name, { signal } = {}) {
      const params = { path: of(name) };
      return bodyOf(await api.GET(`${ENDPOINT}/status`, { params, fetch: sending(send, { signal }) }));
    },
    deliveries: (name, filter = {}, { signal } = {}) =>
      pages((cursor) =>
        api.GET(DELIVERIES, {
          params: { path: of(name), query: present({ ...filter, cursor }) },
          fetch: sending(send, { signal }),
        }),
      ),
    async deliveryPage(name, query = {}, { signal } = {}) {
      const params = { path: of(name), query: present(query) };
      const result = await api.GET(DELIVERIES, { params, fetch: sending(send, { signal }) });
      return { deliveries: listOf(result), next: nextOf(result) };
    },
    async resend(name, runId, { signal, type } = {}) {
      const params = { path: { ...of(name), id: checkedId(runId) } };
      await api.POST(`${DELIVERIES}/{id}/resend`, {
        params,
        body: present({ type }),
        fetch: sending(send, { signal }),
      });
    },
    async recover(name, recovery, { signal } = {}) {
      const params = { path: of(name) };
      const fetch = sending(send, { signal });
      return bodyOf(await api.POST(`${ENDPOINT}/recover`, { params, body: recovery, fetch }));
    },
    async test(name, test = {}, { signal } = {}) {
      const params = { path: of(name) };
      const fetch = sending(send, { signal, isRepeatable: false });
      return bodyOf(await api.POST(`${ENDPOINT}/test`, { params, body: test, fetch }));
    },
    async enable(name, { signal } = {}) {
      await api.POST(`${ENDPOINT}/enable`, { params: { path: of(name) }, fetch: sending(send, { signal }) });
    },
    async rotateSecret(name, { signal, gracePeriodSeconds, idempotencyKey = crypto.randomUUID() } = {}) {
      const params = { path: of(name), header: { "Idempotency-Key": idempotencyKey } };
      const body = present({ gracePeriodSeconds });
      const fetch = sending(send, { signal });
      return bodyOf(await api.POST(`${ENDPOINT}/rotate-secret`, { params, body, fetch }));
    },
  };
}
