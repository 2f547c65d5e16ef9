/** The audit log of a project: who created and revoked tokens, and who requested a resync. */

import { type Api, type AuditEntry, type CallOptions, sending } from "./api.ts";
import { pages } from "./paging.ts";
import type { Send } from "./transport.ts";

export interface Audit {
  /** Newest first. Requests further pages as you read on. */
  list(options?: CallOptions): AsyncIterable<AuditEntry>;
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
  };
}
