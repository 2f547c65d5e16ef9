/** A project's tokens, sessions and audit log. And for the operator: databases, and where environments live. */
import {
  bodyOf,
  type Caller,
  type CallOptions,
  deleting,
  type List,
  type ListOptions,
  listed,
  present,
  type QueryOf,
  type Schemas,
} from "./api.ts";
import type { operations } from "./openapi.ts";
import { checkedId, checkedName, type Environment } from "./settings.ts";

const TOKENS = "/{o}/{p}/tokens";
const TOKEN = `${TOKENS}/{tokenId}` as const;
const SESSIONS = "/{o}/{p}/sessions";

export interface RotateOptions extends CallOptions {
  /**
   * How long the old secret still works: 0 to 604800, and not longer than the token. Default: 86400. If an earlier old
   * secret still works, this can only end it sooner.
   */
  readonly overlapSeconds?: number | undefined;
}

export type TokenFilter = QueryOf<"listApiTokens">;

/** A token that proofs open has no secret. */
type Created<B> = Schemas["CreatedApiToken"] & ("trust" extends keyof B ? object : { readonly token: string });

export interface Tokens extends ReturnType<typeof createTokens> {}

export function createTokens({ api, scope, sent }: Caller) {
  const of = (id: string) => ({ ...scope, tokenId: checkedId(id) });
  return {
    /**
     * Creates a token. Only this response holds it. The client retries only after 429, because the API can't recognise a
     * repeat. After `unreachable` a token may exist that nobody has seen: find it with `list` and revoke it.
     */
    async create<B extends Schemas["NewApiToken"]>(body: B, options?: CallOptions): Promise<Created<B>> {
      const params = { path: scope };
      const created = await api.POST(TOKENS, { params, body, ...sent(options, { isRepeatable: false }) });
      return bodyOf(created) as Created<B>;
    },
    /** Exchanges a program's proof, which the token's trust must accept. The client's own token is not needed. */
    exchange: async (id: string, proof: string, options?: CallOptions): Promise<Schemas["ExchangedToken"]> =>
      bodyOf(await api.POST(`${TOKEN}/exchange`, { params: { path: of(id) }, body: { proof }, ...sent(options) })),
    /** Newest first. */
    list: (query: TokenFilter = {}, options?: CallOptions): List<Schemas["ApiToken"]> =>
      listed(query, (query) => api.GET(TOKENS, { params: { path: scope, query }, ...sent(options) })),
    /**
     * Gives a token a new secret. Only this response holds it. `oldSecretExpiresAt` says until when the old one works.
     * The client retries only after 429. After `unreachable` the token may have a new secret that nobody has seen: rotate
     * it again, with another token if it was this client's own.
     */
    async rotate(id: string, options: RotateOptions = {}): Promise<Schemas["RotatedApiToken"]> {
      const params = { path: of(id) };
      const body = present({ overlapSeconds: options.overlapSeconds });
      return bodyOf(await api.POST(`${TOKEN}/rotate`, { params, body, ...sent(options, { isRepeatable: false }) }));
    },
    /** Revokes a token and all that it created, within 30 s. If a response got lost, it resolves with the given id. */
    async revoke(id: string, options?: CallOptions): Promise<Schemas["RevokedApiTokens"]> {
      const params = { path: of(id) };
      const result = await deleting("token_not_found", (onRetry) =>
        api.DELETE(TOKEN, { params, ...sent(options, { onRetry }) }),
      );
      if (result !== null) return bodyOf(result);
      // Only the lost response had these, so there may be some.
      return {
        revoked: [id],
        webhookEndpoints: [],
        moreWebhookEndpoints: true,
        actions: [],
        moreActions: true,
        schedules: [],
        moreSchedules: true,
        waitingRuns: { atLeast: 0 },
        approvedRuns: [],
        moreApprovedRuns: true,
      };
    },
  };
}

export interface Sessions extends ReturnType<typeof createSessions> {}

export function createSessions({ api, scope, sent }: Caller) {
  return {
    /** Newest first. */
    list: (query: ListOptions = {}, options?: CallOptions): List<Schemas["Session"]> =>
      listed(query, (query) => api.GET(SESSIONS, { params: { path: scope, query }, ...sent(options) })),
    /** Ends a session within 30 s. Also resolves if an earlier try ended it and its response was lost. */
    async end(id: string, options?: CallOptions): Promise<void> {
      const params = { path: { ...scope, sessionId: checkedId(id) } };
      await deleting("session_not_found", (onRetry) =>
        api.DELETE(`${SESSIONS}/{sessionId}`, { params, ...sent(options, { onRetry }) }),
      );
    },
  };
}

export type AuditFilter = QueryOf<"listAudit">;

export interface Audit extends ReturnType<typeof createAudit> {}

export function createAudit({ api, scope, sent }: Caller) {
  return {
    /** Newest first. */
    list: (filter: AuditFilter = {}, options?: CallOptions): List<Schemas["AuditEntry"]> =>
      listed(filter, (query) => api.GET("/{o}/{p}/audit", { params: { path: scope, query }, ...sent(options) })),
  };
}

const ENVIRONMENT = "/{o}/{p}/envs/{envName}";
const PLACE = `${ENVIRONMENT}/database` as const;
const PURGE = `${ENVIRONMENT}/purge` as const;

export type Readiness = operations["isReady"]["responses"][200]["content"]["application/json"];

export interface ResyncOptions extends CallOptions {
  /** The `next` of the request before. */
  readonly cursor?: string | undefined;
}

export interface PurgeOptions extends CallOptions {
  /** Only counts the runs. */
  readonly dryRun?: boolean | undefined;
}

export interface EraseOptions extends CallOptions {
  /** One line. The record of the erasure keeps it. */
  readonly reason?: string | undefined;
}

/** Needs ROOT_TOKEN. */
export interface Operator extends ReturnType<typeof createOperator> {}

export function createOperator({ api, scope, sent }: Caller) {
  const at = (environment: Schemas["Place"] | undefined): Environment => {
    if (environment === undefined) return scope;
    const [o = "", p = ""] = environment.project.split("/");
    return { o, p, envName: environment.envName };
  };
  return {
    /** Everybody may ask. Throws `not_ready` or `storage_full`, and does not try again then. */
    readiness: async (options?: CallOptions): Promise<Readiness> =>
      bodyOf(await api.GET("/readyz", sent(options, { isRepeatable: false }))),
    /** By number. */
    databases: (query: ListOptions = {}, options?: CallOptions): List<Schemas["Database"]> =>
      listed(query, (query) => api.GET("/databases", { params: { query }, ...sent(options) })),
    /** The environments that live in a database, by name. */
    environments: (
      database: number,
      query: ListOptions = {},
      options?: CallOptions,
    ): List<Schemas["PlacedEnvironment"]> =>
      listed(query, (query) => {
        const params = { path: { database }, query };
        return api.GET("/databases/{database}/environments", { params, ...sent(options) });
      }),
    /** Where an environment lives, and what its database lacks. `environment`: another one than the client's own. */
    place: async (environment?: Schemas["Place"], options?: CallOptions): Promise<Schemas["EnvironmentDatabase"]> =>
      bodyOf(await api.GET(PLACE, { params: { path: at(environment) }, ...sent(options) })),
    /** Begins to move the client's environment. The number of the database where it lives cancels a move. */
    move: async (database: number, options?: CallOptions): Promise<Schemas["EnvironmentDatabase"]> =>
      bodyOf(await api.PUT(PLACE, { params: { path: scope }, body: { database }, ...sent(options) })),
    /** Rebuilds the runs of the client's environment in its database. Repeat it to see how many remain. */
    resync: async (options?: CallOptions): Promise<Schemas["Resync"]> =>
      bodyOf(await api.POST(`${ENVIRONMENT}/resync`, { params: { path: scope }, ...sent(options) })),
    /** Keeps the runs of the client's environment that have ended for so many days, and begins to remove the others. */
    async purge(days: number, options: PurgeOptions = {}): Promise<Schemas["Purge"]> {
      const body = { days, ...present({ dryRun: options.dryRun }) };
      return bodyOf(await api.POST(PURGE, { params: { path: scope }, body, ...sent(options) }));
    },
    /** How far the newest purge is. Throws `not_found` if nobody asked for one. */
    newestPurge: async (options?: CallOptions): Promise<Schemas["Purge"]> =>
      bodyOf(await api.GET(PURGE, { params: { path: scope }, ...sent(options) })),
    /** Rebuilds 25 environments of a database. Go on with `next` as the `cursor` until it is null. */
    async resyncDatabase(database: number, options: ResyncOptions = {}): Promise<Schemas["DatabaseResync"]> {
      const params = { path: { database }, query: present({ cursor: options.cursor }) };
      return bodyOf(await api.POST("/databases/{database}/resync", { params, ...sent(options) }));
    },
    /** Begins to erase `{org}/{project}/{env}`, or `{org}/{project}`. You can't undo it. You can repeat it. */
    async erase(erased: string, { reason, ...options }: EraseOptions = {}): Promise<Schemas["Erasure"]> {
      const { path, names } = erasePathOf(erased);
      const body = { confirm: erased, ...present({ reason }) };
      return bodyOf(await api.POST(path, { params: { path: names }, body, ...sent(options) }));
    },
    /** How far the last erasure of this name is. */
    async erasure(erased: string, options?: CallOptions): Promise<Schemas["Erasure"]> {
      const { path, names } = erasePathOf(erased);
      return bodyOf(await api.GET(path, { params: { path: names }, ...sent(options) }));
    },
  };
}

/** Of an environment or a project. Throws a TypeError that names what is no name. */
function erasePathOf(erased: string) {
  const [o = "", p = "", env] = erased.split("/");
  const envName = env === undefined ? "" : checkedName("env", env);
  // Both take and answer the same, so the types of one stand for both.
  const path = (env === undefined ? "/{o}/{p}/erase" : `${ENVIRONMENT}/erase`) as `${typeof ENVIRONMENT}/erase`;
  return { path, names: { o: checkedName("org", o), p: checkedName("project", p), envName } };
}
