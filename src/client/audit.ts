/** The audit log of a project: who did what, for whom and why. */

import { type Api, type AuditEntry, type CallOptions, present, sending } from "./api.ts";
import type { operations } from "./openapi.ts";
import { listOf, nextOf, pages } from "./paging.ts";
import type { Send } from "./transport.ts";

/** One page of a list. It can be short and still have a next one. */
export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

type AuditQuery = NonNullable<operations["listAudit"]["parameters"]["query"]>;

/** What a list asks for: of whom, what and when. `limit`: of a page. */
export type AuditFilter = Omit<AuditQuery, "cursor">;

export interface Audit {
  /** Newest first. Requests further pages as you read on. */
  list(filter?: AuditFilter, options?: CallOptions): AsyncIterable<AuditEntry>;
  /** One page, newest first. Its `cursor` is the `next` of the page before it. */
  page(query?: AuditQuery, options?: CallOptions): Promise<AuditPage>;
}

export function createAudit(api: Api, project: { readonly o: string; readonly p: string }, send: Send): Audit {
  const read = (query: AuditQuery, { signal }: CallOptions) =>
    api.GET("/{o}/{p}/audit", { params: { path: project, query: present(query) }, fetch: sending(send, { signal }) });
  return {
    list: (filter = {}, options = {}) => pages((cursor) => read({ ...filter, ...present({ cursor }) }, options)),
    async page(query = {}, options = {}) {
      const result = await read(query, options);
      return { entries: listOf(result), next: nextOf(result) };
    },
  };
}
