/** API tokens: mint, list, revoke. */

import {
  type Api,
  type ApiToken,
  bodyOf,
  type CallOptions,
  type CreatedApiToken,
  type NewApiToken,
  type RevokedApiTokens,
  sending,
} from "./api.ts";
import { ActionRunsError } from "./errors.ts";
import { pages } from "./paging.ts";
import { checkedId } from "./settings.ts";
import type { Send } from "./transport.ts";

const TOKENS = "/{o}/{p}/tokens";
const TOKEN = `${TOKENS}/{tokenId}` as const;

export interface Tokens {
  /**
   * Mints a token; only this answer holds it. Not repeated but after a 429, for the API does not know a repeat: after
   * `unreachable` there may be a token that nobody has seen, to be found by `list` and revoked.
   */
  create(body: NewApiToken, options?: CallOptions): Promise<CreatedApiToken>;
  /** Over all pages. */
  list(options?: CallOptions): AsyncIterable<ApiToken>;
  /**
   * Revokes a token and all that it minted, and answers their ids; takes effect within 30 s. If an earlier try revoked
   * them and its answer was lost, only the id that was asked for is known.
   */
  revoke(id: string, options?: CallOptions): Promise<RevokedApiTokens>;
}

export function createTokens(
  api: Api,
  project: { readonly o: string; readonly p: string },
  send: Send,
): Tokens {
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
    async revoke(id, { signal } = {}) {
      const params = { path: { ...project, tokenId: checkedId(id) } };
      let isRepeat = false;
      const onRetry = () => {
        isRepeat = true;
      };
      try {
        return bodyOf(await api.DELETE(TOKEN, { params, fetch: sending(send, { signal, onRetry }) }));
      } catch (error) {
        // An earlier try may have revoked it, its answer lost.
        const isGone = error instanceof ActionRunsError && error.code === "token_not_found" && isRepeat;
        if (!isGone) throw error;
        return { revoked: [id] };
      }
    },
  };
}
