/** What the operator of the service asks: the databases, and where environments live. Needs ROOT_TOKEN. */

import {
  bodyOf,
  type Caller,
  type CallOptions,
  type List,
  type ListOptions,
  listed,
  present,
  type Schemas,
} from "./api.ts";
import type { operations } from "./openapi.ts";
import { checkedName, type Environment } from "./settings.ts";

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
    async move(database: number, options?: CallOptions): Promise<Schemas["EnvironmentDatabase"]> {
      const params = { path: scope };
      return bodyOf(await api.PUT(PLACE, { params, body: { database }, ...sent(options) }));
    },
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
      const { cursor } = options;
      const params = { path: { database }, query: cursor === undefined ? {} : { cursor } };
      return bodyOf(await api.POST("/databases/{database}/resync", { params, ...sent(options) }));
    },
    /**
     * Begins to erase `{org}/{project}/{env}`, or a whole project, `{org}/{project}`. You can't undo this. You can repeat
     * it at any time.
     */
    async erase(erased: string, { reason, ...options }: EraseOptions = {}): Promise<Schemas["Erasure"]> {
      const body = { confirm: erased, ...present({ reason }) };
      const { envName, ...ofProject } = placeOf(erased);
      return bodyOf(
        envName === undefined
          ? await api.POST("/{o}/{p}/erase", { params: { path: ofProject }, body, ...sent(options) })
          : await api.POST(`${ENVIRONMENT}/erase`, {
              params: { path: { ...ofProject, envName } },
              body,
              ...sent(options),
            }),
      );
    },
    /** How far the last erasure of this name is. */
    async erasure(erased: string, options?: CallOptions): Promise<Schemas["Erasure"]> {
      const { envName, ...ofProject } = placeOf(erased);
      return bodyOf(
        envName === undefined
          ? await api.GET("/{o}/{p}/erase", { params: { path: ofProject }, ...sent(options) })
          : await api.GET(`${ENVIRONMENT}/erase`, { params: { path: { ...ofProject, envName } }, ...sent(options) }),
      );
    },
  };
}

/** The names of a scope. Throws a TypeError that names what is no name. */
function placeOf(scope: string) {
  const [o = "", p = "", envName] = scope.split("/");
  return {
    o: checkedName("org", o),
    p: checkedName("project", p),
    envName: envName === undefined ? undefined : checkedName("env", envName),
  };
}
