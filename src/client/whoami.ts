/** What the client's own token is and opens. */

import { type Api, bodyOf, type CallOptions, type CurrentToken, sending } from "./api.ts";
import type { Send } from "./transport.ts";

export type Whoami = (options?: CallOptions) => Promise<CurrentToken>;

export function createWhoami(api: Api, send: Send): Whoami {
  return async ({ signal } = {}) => bodyOf(await api.GET("/whoami", { fetch: sending(send, { signal }) }));
}
