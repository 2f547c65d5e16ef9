/** The webhook endpoints of one environment: put, get, list, delete and test them, and see and repeat their deliveries. */

import {
  type Api,
  bodyOf,
  type CallOptions,
  type ChangeOptions,
  type EndpointDelivery,
  type EndpointRecovery,
  type EndpointStatus,
  type EndpointTestResult,
  type ListedWebhookEndpoint,
  type ListedWebhookEndpointVersion,
  type NewEndpointRecovery,
  type NewEndpointTest,
  present,
  type RotatedSigningSecret,
  type StoredWebhookEndpoint,
  sending,
  type WebhookEndpoint,
} from "./api.ts";
import {
  conditionOf,
  type DeleteOptions,
  deleting,
  ifMatch,
  type PutOptions,
  type Stored,
  stored,
} from "./definitions.ts";
import { listOf, nextOf, type PageQuery, pages } from "./paging.ts";
import { checkedDefinitionName, checkedId, type Environment } from "./settings.ts";
import type { Send } from "./transport.ts";

const ENDPOINTS = "/{o}/{p}/envs/{envName}/webhook-endpoints";
const ENDPOINT = `${ENDPOINTS}/{name}` as const;
const VERSIONS = `${ENDPOINT}/versions` as const;
const VERSION = `${VERSIONS}/{version}` as const;
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
        api.GET(VERSIONS, { params: { path: of(name), query: present({ cursor }) }, fetch: sending(send, { signal }) }),
      ),
    async versionPage(name, query = {}, { signal } = {}) {
      const params = { path: of(name), query: present(query) };
      const result = await api.GET(VERSIONS, { params, fetch: sending(send, { signal }) });
      return { versions: listOf(result), next: nextOf(result) };
    },
    async getVersion(name, version, { signal } = {}) {
      const params = { path: { ...of(name), version } };
      return bodyOf(await api.GET(VERSION, { params, fetch: sending(send, { signal }) }));
    },
    async deleteVersion(name, version, { signal } = {}) {
      const params = { path: { ...of(name), version } };
      await deleting("version_not_found", (onRetry) =>
        api.DELETE(VERSION, { params, fetch: sending(send, { signal, onRetry }) }),
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
