/** The audit log of a project: who created and revoked tokens, and who requested a resync. */

import { type Api, type AuditEntry, type CallOptions, present, sending } from "./api.ts";
import { listOf, nextOf, type PageQuery, pages } from "./paging.ts";
import type { Send } from "./transport.ts";

/** One page of a list. It can be short and still have a next one. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

export interface Audit {
  /** Newest first. Requests further pages as you read on. */
  list(options?: CallOptions): AsyncIterable<AuditEntry>;
  /** One page, newest first. Its `cursor` is the `next` of the page before it. */
  page(query?: PageQuery, options?: CallOptions): Promise<AuditPage>;
}

export function createAudit(
  api: Api,
  project: { readonly o: string; readonly p: string },
  send: Send,
): Audit {
  return {
    list: ({ signal } = {}) =>
      pages((cursor) =>
        api.GET("/{o}/{p}/audit", {
          params: { path: project, query: cursor === undefined ? {} : { cursor } },
          fetch: sending(send, { signal }),
        }),
      ),
    async page(query = {}, { signal } = {}) {
      const params = { path: project, query: present(query) };
      const result = await api.GET("/{o}/{p}/audit", { params, fetch: sending(send, { signal }) });
      return { entries: listOf(result), next: nextOf(result) };
    },
  };
}
