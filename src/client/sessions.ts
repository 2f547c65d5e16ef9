/** Sessions of people in the console: who is signed in to a project, and how to end a session. */

import { type Api, type CallOptions, type ConsoleSession, present, sending } from "./api.ts";
import { ActionRunsError } from "./errors.ts";
import { listOf, nextOf, type PageQuery, pages } from "./paging.ts";
import { checkedId } from "./settings.ts";
import type { Send } from "./transport.ts";

const SESSIONS = "/{o}/{p}/sessions";

/** One page of a list. It can be short and still have a next one. */
export interface SessionPage {
  readonly sessions: readonly ConsoleSession[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

export interface Sessions {
  /** Newest first. Requests further pages as you read on. */
  list(options?: CallOptions): AsyncIterable<ConsoleSession>;
  /** One page, newest first. Its `cursor` is the `next` of the page before it. */
  page(query?: PageQuery, options?: CallOptions): Promise<SessionPage>;
  /** Ends a session within 30 s. Also resolves if an earlier try ended it and its response was lost. */
  end(id: string, options?: CallOptions): Promise<void>;
}

export function createSessions(api: Api, project: { readonly o: string; readonly p: string }, send: Send): Sessions {
  return {
    list: ({ signal } = {}) =>
      pages((cursor) =>
        api.GET(SESSIONS, {
          params: { path: project, query: cursor === undefined ? {} : { cursor } },
          fetch: sending(send, { signal }),
        }),
      ),
    async page(query = {}, { signal } = {}) {
      const params = { path: project, query: present(query) };
      const result = await api.GET(SESSIONS, { params, fetch: sending(send, { signal }) });
      return { sessions: listOf(result), next: nextOf(result) };
    },
    async end(id, { signal } = {}) {
      const params = { path: { ...project, sessionId: checkedId(id) } };
      let isRepeat = false;
      const onRetry = () => {
        isRepeat = true;
      };
      try {
        await api.DELETE(`${SESSIONS}/{sessionId}`, { params, fetch: sending(send, { signal, onRetry }) });
      } catch (error) {
        const isGone = error instanceof ActionRunsError && error.code === "session_not_found" && isRepeat;
        if (!isGone) throw error;
      }
    },
  };
}
