/** API tokens of a project: create, list, rotate, revoke. */
import {
  type Api,
  type ApiToken,
  type AuditEntry,
  bodyOf,
  type CallOptions,
  type ConsoleSession,
  type CreatedApiToken,
  listOf,
  type NewApiToken,
  nextOf,
  type PageQuery,
  pages,
  present,
  type RevokedApiTokens,
  type RotatedApiToken,
  sending,
} from "./api.ts";
import type { operations } from "./openapi.ts";
import { checkedId } from "./settings.ts";
import { ActionRunsError, type Send } from "./transport.ts";

const TOKENS = "/{o}/{p}/tokens";
const TOKEN = `${TOKENS}/{tokenId}` as const;
const ROTATION = `${TOKEN}/rotate` as const;

/** One page of a list. It can be short and still have a next one. */
export interface TokenPage {
  readonly tokens: readonly ApiToken[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

export interface RotateOptions extends CallOptions {
  /**
   * How long the old secret still works: 0 to 604800, and not longer than the token. Default: 86400. If an earlier old
   * secret still works, this can only end it sooner.
   */
  readonly overlapSeconds?: number | undefined;
}

export interface Tokens {
  /**
   * Creates a token. Only this response holds it. The client retries only after 429, because the API can't recognise a
   * repeat. After `unreachable` a token may exist that nobody has seen: find it with `list` and revoke it.
   */
  create(body: NewApiToken, options?: CallOptions): Promise<CreatedApiToken>;
  /** Requests further pages as you read on. */
  list(options?: CallOptions): AsyncIterable<ApiToken>;
  /** One page, newest first. Its `cursor` is the `next` of the page before it. */
  page(query?: PageQuery, options?: CallOptions): Promise<TokenPage>;
  /**
   * Gives a token a new secret. Only this response holds it. `oldSecretExpiresAt` says until when the old one works. The
   * client retries only after 429. After `unreachable` the token may have a new secret that nobody has seen: rotate it
   * again, with another token if it was this client's own.
   */
  rotate(id: string, options?: RotateOptions): Promise<RotatedApiToken>;
  /**
   * Revokes a token and all tokens that it created, within 30 s, and resolves with their ids. If the first try
   * succeeded but its response was lost, the result has only the given id.
   */
  revoke(id: string, options?: CallOptions): Promise<RevokedApiTokens>;
}

export function createTokens(api: Api, project: { readonly o: string; readonly p: string }, send: Send): Tokens {
  return {
    async create(body, { signal } = {}) {
      const fetch = sending(send, { signal, isRepeatable: false });
      return bodyOf(await api.POST(TOKENS, { params: { path: project }, body, fetch }));
    },
    list: ({ signal } = {}) =>
      pages((cursor) =>
        api.GET(TOKENS, {
          params: { path: project, query: cursor === undefined ? {} : { cursor } },
          fetch: sending(send, { signal }),
        }),
      ),
    async page(query = {}, { signal } = {}) {
      const params = { path: project, query: present(query) };
      const result = await api.GET(TOKENS, { params, fetch: sending(send, { signal }) });
      return { tokens: listOf(result), next: nextOf(result) };
    },
    async rotate(id, { signal, overlapSeconds } = {}) {
      const params = { path: { ...project, tokenId: checkedId(id) } };
      const fetch = sending(send, { signal, isRepeatable: false });
      return bodyOf(await api.POST(ROTATION, { params, body: present({ overlapSeconds }), fetch }));
    },
    async revoke(id, { signal } = {}) {
      const params = { path: { ...project, tokenId: checkedId(id) } };
      let isRepeat = false;
      const onRetry = () => {
        isRepeat = true;
      };
      try {
        return bodyOf(await api.DELETE(TOKEN, { params, fetch: sending(send, { signal, onRetry }) }));
      } catch (error) {
        // An earlier try may have revoked the token, and its response was lost.
        const isGone = error instanceof ActionRunsError && error.code === "token_not_found" && isRepeat;
        if (!isGone) throw error;
        // Only the lost response had these, so there may be some.
        return {
          revoked: [id],
          webhookEndpoints: [],
          moreWebhookEndpoints: true,
          actions: [],
          moreActions: true,
          waitingRuns: { atLeast: 0 },
          approvedRuns: [],
          moreApprovedRuns: true,
        };
      }
    },
  };
}

/* SECTION: Sessions of people in the console: who is signed in to a project, and how to end a session. */

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

/* SECTION: The audit log of a project: who did what, for whom and why. */

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
