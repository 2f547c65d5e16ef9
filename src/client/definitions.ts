/** The stored definitions of an environment: actions, schedules and webhook endpoints. */
import {
  bodyOf,
  type Caller,
  type CallOptions,
  type ChangeOptions,
  type CreateOptions,
  deleting,
  keyHeader,
  type List,
  type ListOptions,
  listed,
  present,
  type QueryOf,
  type Schemas,
} from "./api.ts";
import { checkedDefinitionName, checkedId } from "./settings.ts";
import { unexpectedResponse } from "./transport.ts";

const ACTIONS = "/{o}/{p}/envs/{envName}/actions";
const SCHEDULES = "/{o}/{p}/envs/{envName}/schedules";
const ENDPOINTS = "/{o}/{p}/envs/{envName}/webhook-endpoints";
const ACTION = `${ACTIONS}/{name}` as const;
const ACTION_RUNS = `${ACTION}/runs` as const;
const INBOUND = `${ACTION}/inbound` as const;
const ENDPOINT = `${ENDPOINTS}/{name}` as const;
const DELIVERIES = `${ENDPOINT}/deliveries` as const;

export interface Stored<T> {
  readonly name: string;
  /** Grows with each change, and never repeats for a name. */
  readonly version: number;
  /** With all defaults, and null in the place of each secret. You can put it again. */
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

export type DeliveryFilter = QueryOf<"listDeliveries">;

export interface ResendOptions extends CallOptions {
  /** Which event of the run. Default: its end. */
  readonly type?: Schemas["Delivery"]["type"] | undefined;
}

export interface RotateSecretOptions extends ChangeOptions {
  /** How long the replaced secret still counts beside the new one: 0 to 604800. Default: 86400. */
  readonly gracePeriodSeconds?: number | undefined;
}

/** The parameters of the path of one definition. `noun`: what the kind is called in errors. */
function naming({ scope }: Caller, noun: string) {
  return (name: string) => ({ ...scope, name: checkedDefinitionName(`The ${noun}'s name`, name) });
}

/** The operations of all kinds. `Definition`: what a PUT takes. `Put`: what it answers. `Shown`: what a GET answers. */
function definitionsOf<Definition, Put, Shown, Listed, Version>(
  caller: Caller,
  path: typeof ACTIONS | typeof SCHEDULES | typeof ENDPOINTS,
  noun: string,
) {
  const { api, scope, sent } = caller;
  // The paths of all kinds take the same parameters, so the types of one stand for both.
  const root = path as typeof ACTIONS;
  const one = `${root}/{name}` as const;
  const of = naming(caller, noun);
  const gone = `${noun.replace(" ", "_")}_not_found`;
  return {
    /**
     * Creates or replaces a definition. null in the place of a secret keeps the stored value. With `ifVersion`, only
     * 429 is retried: a repeat would get 412. After `unreachable`, read the version with `get`.
     */
    async put(name: string, definition: Definition, options: PutOptions = {}): Promise<Stored<Put>> {
      const { ifVersion } = options;
      const header = ifVersion === null ? { "If-None-Match": "*" } : ifMatch(ifVersion);
      const body = definition as Schemas["ActionDefinition"];
      const how = sent(options, { isRepeatable: ifVersion === undefined });
      return stored(name, await api.PUT(one, { params: { path: of(name), header }, body, ...how }));
    },
    /** What `put` would store, or its error. Nothing is stored. `version`: 0 if there is no such definition. */
    async check(name: string, definition: Definition, options?: CallOptions): Promise<Stored<Shown>> {
      const params = { path: of(name), query: { dryRun: "true" } } as const;
      const body = definition as Schemas["ActionDefinition"];
      return stored(name, await api.PUT(one, { params, body, ...sent(options) }));
    },
    async get(name: string, options?: CallOptions): Promise<Stored<Shown>> {
      return stored(name, await api.GET(one, { params: { path: of(name) }, ...sent(options) }));
    },
    /** By name. */
    list: (query: ListOptions = {}, options?: CallOptions): List<Listed> =>
      listed(query, async (query) => {
        const params = { path: scope, query };
        return (await api.GET(root, { params, ...sent(options) })) as { data?: Listed[]; response: Response };
      }),
    /** Deletes a definition. A retry succeeds if a try before it deleted the definition. */
    async delete(name: string, options: DeleteOptions = {}): Promise<void> {
      const params = { path: of(name), header: ifMatch(options.ifVersion) };
      await deleting(gone, (onRetry) => api.DELETE(one, { params, ...sent(options, { onRetry }) }));
    },
    /** Newest first, the current one included. */
    versions: (name: string, query: ListOptions = {}, options?: CallOptions): List<Version> =>
      listed(query, async (query) => {
        const params = { path: of(name), query };
        const result = await api.GET(`${one}/versions`, { params, ...sent(options) });
        return result as { data?: Version[]; response: Response };
      }),
    /** The definition of a version. To restore it, put it with the `ifVersion` of the current version. */
    async getVersion(name: string, version: number, options?: CallOptions): Promise<Shown> {
      const params = { path: { ...of(name), version } };
      return bodyOf(await api.GET(`${one}/versions/{version}`, { params, ...sent(options) })) as Shown;
    },
    /** Deletes a version that a later one replaced. A retry succeeds if a try before it deleted the version. */
    async deleteVersion(name: string, version: number, options?: CallOptions): Promise<void> {
      const params = { path: { ...of(name), version } };
      await deleting("version_not_found", (onRetry) =>
        api.DELETE(`${one}/versions/{version}`, { params, ...sent(options, { onRetry }) }),
      );
    },
  };
}

function ifMatch(version: number | undefined): { "If-Match"?: string } {
  return version === undefined ? {} : { "If-Match": `"${version}"` };
}

/** The version is the ETag. A proxy that compresses the response may put `W/` before it. */
function stored<T>(name: string, result: { readonly data?: unknown; readonly response: Response }): Stored<T> {
  const definition = bodyOf(result) as T;
  const [, version] = /^(?:W\/)?"(\d+)"$/.exec(result.response.headers.get("ETag") ?? "") ?? [];
  if (version === undefined) throw unexpectedResponse(result.response, "The response has no version");
  return { name, version: Number(version), definition };
}

/** The parts of a rotation's request. A retry uses the same key, so it makes no second secret. */
function rotation(path: Caller["scope"] & { readonly name: string }, options: RotateSecretOptions) {
  const body = present({ gracePeriodSeconds: options.gracePeriodSeconds });
  return { params: { path, header: keyHeader(options) }, body };
}

/** A put action, with the secret for its events that the API made. Only this result has it. null if it made none. */
export interface PutAction extends Stored<Schemas["Action"]> {
  readonly inboundSecret: string | null;
}

export interface Actions extends ReturnType<typeof createActions> {}

export function createActions(caller: Caller) {
  const { api, sent } = caller;
  const of = naming(caller, "action");
  const actions = definitionsOf<
    Schemas["ActionDefinition"],
    Schemas["Action"],
    Schemas["Action"],
    Schemas["ListedAction"],
    Schemas["ListedVersion"]
  >(caller, ACTIONS, "action");
  return {
    ...actions,
    /**
     * Like `put` of other definitions. A new `inbound` without a secret gets one, as `inboundSecret` of the result. If
     * the first response gets lost, it is null after the retry: get another secret with `rotateInboundSecret`.
     */
    async put(name: string, definition: Schemas["ActionDefinition"], options?: PutOptions): Promise<PutAction> {
      const put = await actions.put(name, definition, options);
      const { inbound } = put.definition;
      if (inbound === undefined) return { ...put, inboundSecret: null };
      const shown = { ...put.definition, inbound: { ...inbound, secret: null } };
      return { ...put, definition: shown, inboundSecret: inbound.secret };
    },
    /** A retry creates no second run. No `callback` if the action has a trigger: only the receiver gets the token. */
    async run(
      name: string,
      body: Schemas["NewRunOfAction"] = {},
      options: CreateOptions = {},
    ): Promise<Schemas["StartedActionRun"]> {
      const params = { path: of(name), query: present({ include: options.include }), header: keyHeader(options) };
      return bodyOf(await api.POST(ACTION_RUNS, { params, body, ...sent(options) }));
    },
    /** The request that a run would send, with null for secrets. `definition`: of this one, not the stored one. */
    preview: async (
      name: string,
      body: Schemas["ActionTest"] = {},
      options?: CallOptions,
    ): Promise<Schemas["ActionPreview"]> =>
      bodyOf(await api.POST(`${ACTION}/preview`, { params: { path: of(name) }, body, ...sent(options) })),
    /**
     * Sends the request of the trigger once, for real, and says what the receiver answered. The job that it starts is
     * real. `definition`: tries this one without storing it. The client retries only after 429.
     */
    async test(
      name: string,
      body: Schemas["ActionTest"] = {},
      options?: CallOptions,
    ): Promise<Schemas["WebhookTestResult"]> {
      const params = { path: of(name) };
      return bodyOf(await api.POST(`${ACTION}/test`, { params, body, ...sent(options, { isRepeatable: false }) }));
    },
    /** The URL to which another product sends the events that start the action. */
    inbound: async (name: string, options?: CallOptions): Promise<Schemas["InboundOfAction"]> =>
      bodyOf(await api.GET(INBOUND, { params: { path: of(name) }, ...sent(options) })),
    /** Whether an event would start a run, with which parameters. `inbound`: tries this one, not the stored one. */
    tryInbound: async (
      name: string,
      body: Schemas["SampleEvent"],
      options?: CallOptions,
    ): Promise<Schemas["TriedEvent"]> =>
      bodyOf(await api.POST(`${INBOUND}/try`, { params: { path: of(name) }, body, ...sent(options) })),
    /** After a retry, `secret` can be null because only the lost response had it: rotate again. */
    async rotateInboundSecret(
      name: string,
      options: RotateSecretOptions = {},
    ): Promise<Schemas["RotatedInboundSecret"]> {
      const request = { ...rotation(of(name), options), ...sent(options) };
      return bodyOf(await api.POST(`${INBOUND}/rotate-secret`, request));
    },
  };
}

export interface Schedules extends ReturnType<typeof createSchedules> {}

export function createSchedules(caller: Caller) {
  const { api, sent } = caller;
  const of = naming(caller, "schedule");
  return {
    ...definitionsOf<
      Schemas["ScheduleDefinition"],
      Schemas["Schedule"],
      Schemas["Schedule"],
      Schemas["ListedSchedule"],
      Schemas["ListedScheduleVersion"]
    >(caller, SCHEDULES, "schedule"),
    /** The next times, what became of the last one, who changed it, and whether the service has disabled it. */
    status: async (name: string, options?: CallOptions): Promise<Schemas["ScheduleStatus"]> =>
      bodyOf(await api.GET(`${SCHEDULES}/{name}/status`, { params: { path: of(name) }, ...sent(options) })),
  };
}

/** A put endpoint, with the signing secret that the API made for a new one. Only this result has it. null if it made none. */
export interface PutEndpoint extends Stored<Schemas["StoredWebhookEndpoint"]> {
  readonly signingSecret: string | null;
}

export interface WebhookEndpoints extends ReturnType<typeof createWebhookEndpoints> {}

export function createWebhookEndpoints(caller: Caller) {
  const { api, sent } = caller;
  const of = naming(caller, "webhook endpoint");
  const endpoints = definitionsOf<
    Schemas["WebhookEndpoint"],
    Schemas["StoredWebhookEndpoint"] | Schemas["CreatedWebhookEndpoint"],
    Schemas["StoredWebhookEndpoint"],
    Schemas["ListedWebhookEndpoint"],
    Schemas["ListedWebhookEndpointVersion"]
  >(caller, ENDPOINTS, "webhook endpoint");
  return {
    ...endpoints,
    /**
     * Like `put` of other definitions. null for `url` keeps the stored URL; only then null keeps headers and secrets. A
     * new endpoint gets a signing secret, as `signingSecret` of the result. If the first response gets lost, it is null
     * after the retry: get another secret with `rotateSecret`.
     */
    async put(name: string, definition: Schemas["WebhookEndpoint"], options?: PutOptions): Promise<PutEndpoint> {
      const put = await endpoints.put(name, definition, options);
      const { signingSecret, ...shown } = put.definition;
      return { ...put, definition: { ...shown, signingSecret: null }, signingSecret };
    },
    /** Health, who changed it, how far a recovery is, and the newest delivery. */
    status: async (name: string, options?: CallOptions): Promise<Schemas["EndpointStatus"]> =>
      bodyOf(await api.GET(`${ENDPOINT}/status`, { params: { path: of(name) }, ...sent(options) })),
    /** Newest run first. */
    deliveries: (name: string, filter: DeliveryFilter = {}, options?: CallOptions): List<Schemas["Delivery"]> =>
      listed(filter, (query) => api.GET(DELIVERIES, { params: { path: of(name), query }, ...sent(options) })),
    /** Sends the delivery about a run again, with the same `webhook-id` as before. */
    async resend(name: string, runId: string, options: ResendOptions = {}): Promise<void> {
      const params = { path: { ...of(name), id: checkedId(runId) } };
      const body = present({ type: options.type });
      await api.POST(`${DELIVERIES}/{id}/resend`, { params, body, ...sent(options) });
    },
    /** Sends again what `failed`, or what was never a delivery of this endpoint (`missing`). The same body resumes. */
    recover: async (
      name: string,
      body: Schemas["RecoveryRequest"],
      options?: CallOptions,
    ): Promise<Schemas["Recovery"]> =>
      bodyOf(await api.POST(`${ENDPOINT}/recover`, { params: { path: of(name) }, body, ...sent(options) })),
    /** Sends one delivery now. `definition`: tries this one. Retried only after 429: another try sends another one. */
    async test(
      name: string,
      body: Schemas["EndpointTest"] = {},
      options?: CallOptions,
    ): Promise<Schemas["WebhookTestResult"]> {
      const params = { path: of(name) };
      return bodyOf(await api.POST(`${ENDPOINT}/test`, { params, body, ...sent(options, { isRepeatable: false }) }));
    },
    /** Enables an endpoint that the service disabled. The member `disabled` of its definition stays. */
    async enable(name: string, options?: CallOptions): Promise<void> {
      await api.POST(`${ENDPOINT}/enable`, { params: { path: of(name) }, ...sent(options) });
    },
    /** After a retry, `signingSecret` can be null because only the lost response had it: rotate again. */
    async rotateSecret(name: string, options: RotateSecretOptions = {}): Promise<Schemas["RotatedSigningSecret"]> {
      const request = { ...rotation(of(name), options), ...sent(options) };
      return bodyOf(await api.POST(`${ENDPOINT}/rotate-secret`, request));
    },
  };
}
