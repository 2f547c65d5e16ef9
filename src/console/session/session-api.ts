/** The requests that begin, renew and end a session. The browser keeps the cookie, which no script can read. */

import { refusalOf, unreachable } from "../../client/errors.ts";
import type { components } from "../../client/index.ts";
import type { Holder } from "./sign-in.ts";

/** What begins a session. `project` is `{o}/{p}`, which ROOT_TOKEN needs. */
export type Beginning =
  | { readonly token: string; readonly project: string }
  /** The code of a link that `npm start` printed. */
  | { readonly code: string };

type Begun = components["schemas"]["BegunSession"];

export interface SessionApi {
  readonly begin: (beginning: Beginning) => Promise<{ readonly pageKey: string; readonly holder: Holder }>;
  readonly renew: (pageKey: string) => Promise<Holder>;
  readonly end: (pageKey: string) => Promise<void>;
}

/** All calls throw an ActionRunsError. */
export function createSessionApi(baseUrl: string): SessionApi {
  async function send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: unknown = {},
  ): Promise<Response> {
    const init = { method, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) };
    const response = await fetch(new URL(path, baseUrl), init).catch((cause: unknown) => {
      throw unreachable(`No response came from ${new URL(baseUrl).host}`, cause);
    });
    if (!response.ok) throw refusalOf(response, await response.text());
    return response;
  }
  const withKey = (pageKey: string) => ({ "Action-Runs-Page-Key": pageKey });
  return {
    async begin(beginning) {
      const response =
        "code" in beginning
          ? await send("POST", "/session", {}, beginning)
          : await send(
              "POST",
              "/session",
              { Authorization: `Bearer ${beginning.token}` },
              { project: beginning.project },
            );
      const { pageKey, ...holder } = (await response.json()) as Begun;
      return { pageKey, holder };
    },
    renew: async (pageKey) => (await send("POST", "/session/renew", withKey(pageKey))).json(),
    async end(pageKey) {
      await send("DELETE", "/session", withKey(pageKey));
    },
  };
}
