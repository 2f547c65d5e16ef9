/** The stored actions of one environment: put, get, list, delete and run them, and their versions. */

import {
  type Action,
  type ActionDefinition,
  type Api,
  bodyOf,
  type CallOptions,
  type CreateOptions,
  creatingHeader,
  type ListedAction,
  type ListedVersion,
  type NewRunOfAction,
  present,
  type StartedActionRun,
  sending,
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
import { checkedDefinitionName, type Environment } from "./settings.ts";
import type { Send } from "./transport.ts";

const ACTIONS = "/{o}/{p}/envs/{envName}/actions";
const ACTION = `${ACTIONS}/{name}` as const;
const RUNS = `${ACTION}/runs` as const;
const VERSIONS = `${ACTION}/versions` as const;
const VERSION = `${VERSIONS}/{version}` as const;

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
    async run(name, body = {}, options = {}) {
      const { signal, include } = options;
      const params = { path: of(name), query: present({ include }), header: creatingHeader(options) };
      return bodyOf(await api.POST(RUNS, { params, body, fetch: sending(send, { signal }) }));
    },
  };
}
