/** The concurrency groups of one environment: who runs and who waits. A group is there as long as it has runs. */

import { type Api, type CallOptions, type ConcurrencyGroup, present, sending } from "./api.ts";
import { listOf, nextOf, type PageQuery, pages } from "./paging.ts";
import type { Environment } from "./settings.ts";
import type { Send } from "./transport.ts";

const GROUPS = "/{o}/{p}/envs/{envName}/concurrency-groups";

export interface GroupFilter {
  /** Only the keys of this group. */
  readonly group?: string | undefined;
}

/** One page of a list. It can be short and still have a next one. */
export interface GroupPage {
  readonly groups: readonly ConcurrencyGroup[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

export interface ConcurrencyGroups {
  /** One entry for each group and key with open runs. Requests further pages as you read on. */
  list(filter?: GroupFilter, options?: CallOptions): AsyncIterable<ConcurrencyGroup>;
  /** One page. Its `cursor` is the `next` of the page before it. */
  page(query?: GroupFilter & PageQuery, options?: CallOptions): Promise<GroupPage>;
}

export function createConcurrencyGroups(api: Api, scope: Environment, send: Send): ConcurrencyGroups {
  return {
    list: (filter = {}, { signal } = {}) =>
      pages((cursor) => {
        const params = { path: scope, query: present({ ...filter, cursor }) };
        return api.GET(GROUPS, { params, fetch: sending(send, { signal }) });
      }),
    async page(query = {}, { signal } = {}) {
      const params = { path: scope, query: present(query) };
      const result = await api.GET(GROUPS, { params, fetch: sending(send, { signal }) });
      return { groups: listOf(result), next: nextOf(result) };
    },
  };
}
