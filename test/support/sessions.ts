/** Sessions for the tests, begun as the console does. */

import { type Answer, ask, type Schemas } from "./requests.ts";
import type { Refusal } from "./tokens.ts";

const ORIGIN = "https://runs.example";
export const COOKIE_NAME = "__Host-action-runs-session";

/** What a browser adds to the requests of the service's own pages. */
export const OWN_PAGE = { Origin: ORIGIN, "Sec-Fetch-Site": "same-origin" } as const;

/** A session's answer names the session, and says when it ends. */
export type SessionOnWire = Schemas["BegunSession"] & { readonly sessionId: string; readonly expiresAt: string };

/** `headers`: what a request of the session sends. */
export interface TestSession extends SessionOnWire {
  readonly id: string;
  readonly cookie: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function postSession<T = SessionOnWire & Refusal>(
  token: string | null,
  body: unknown = {},
  headers: Readonly<Record<string, string>> = OWN_PAGE,
): Promise<Answer<T>> {
  return ask<T>("POST", "/session", { token, body, headers });
}

/** The session of a token. `project`: needed for ROOT_TOKEN. */
export async function beginSession(token: string, project?: string): Promise<TestSession> {
  const { status, headers, body } = await postSession(token, project === undefined ? {} : { project });
  if (status !== 201) throw new Error(`POST /session answered ${status}: ${JSON.stringify(body)}`);
  return sessionOf(headers, body);
}

export function sessionOf(headers: Headers, body: SessionOnWire): TestSession {
  const cookie = cookieOf(headers);
  const sent = { ...OWN_PAGE, Cookie: `${COOKIE_NAME}=${cookie}`, "Action-Runs-Page-Key": body.pageKey };
  return { ...body, id: body.sessionId, cookie, headers: sent };
}

/** The value of the session's cookie, or of the only one that a response sets. */
export function cookieOf(headers: Headers): string {
  const all = headers.getSetCookie();
  const set = all.find((line) => line.startsWith(`${COOKIE_NAME}=`)) ?? all[0] ?? "";
  return set.slice(set.indexOf("=") + 1, set.indexOf(";"));
}
