/** The OpenAPI operations of sessions, by method and path. */

import {
  BODY,
  headersOf,
  IN_PROJECT,
  OF_SESSION,
  type Operation,
  refuses,
  responds,
  SESSION,
  TOKEN,
} from "./describe.ts";
import { begunSession, currentToken, sessionList, signInCode } from "./token-schemas.ts";

const common = { tags: ["Sessions"] };
const ofToken = { ...common, security: [{ apiToken: [] }] };
const ofSession = { ...common, security: [{ sessionCookie: [], sessionPageKey: [] }] };

const OWN_PAGES =
  "Only pages of this service may send this request: it needs `Sec-Fetch-Site: same-origin`, the service's own `Origin`, and `Content-Type: application/json`.";

const BEGIN: Operation = {
  ...common,
  operationId: "beginSession",
  summary: "Begin a session",
  description:
    "Changes a token into a session of the console. The response sets a cookie and contains a page key. A request " +
    "that has both, and no `Authorization`, acts as the token. The session lasts 12 hours. With `ROOT_TOKEN`, send " +
    `the project that the session is for. ${OWN_PAGES}`,
  // A code in the body replaces the token.
  security: [{ apiToken: [] }, {}],
  responses: {
    ...responds(201, "The session. Its cookie is in `Set-Cookie`", begunSession, ["Set-Cookie"]),
    ...refuses(
      ...TOKEN,
      "sign_in_code_invalid",
      ...BODY,
      "forbidden",
      "not_configured",
      "database_unavailable",
      "storage_full",
    ),
  },
};

const RENEW: Operation = {
  ...ofSession,
  operationId: "renewSession",
  summary: "Renew your session",
  description:
    "Makes the session last 12 hours from now. It does so at most once an hour, and for at most 7 days from the " +
    `beginning. A session never lasts longer than its token. A session that began with \`ROOT_TOKEN\` stays as it is. ${OWN_PAGES}`,
  responses: {
    ...responds(200, "The session", currentToken, ["Set-Cookie"]),
    ...refuses(...SESSION, "forbidden", "unsupported_media_type", "not_configured", "database_unavailable"),
  },
};

/** The cookie goes also if the service can't tell D1. */
function takingCookie(responses: NonNullable<Operation["responses"]>) {
  const entries = Object.entries(responses).map(([status, response]) => [
    status,
    { ...response, headers: { ...("headers" in response && response.headers), ...headersOf(["Set-Cookie"]) } },
  ]);
  return Object.fromEntries(entries) as typeof responses;
}

const END: Operation = {
  ...ofSession,
  operationId: "endSession",
  summary: "End your session",
  description: `Ends the session of the request, and takes its cookie away. ${OWN_PAGES}`,
  responses: {
    ...takingCookie({
      204: { description: "The session ended", headers: headersOf([]) },
      ...refuses(...SESSION, "forbidden", "unsupported_media_type", "not_configured", "database_unavailable"),
    }),
  },
};

const LIST: Operation = {
  ...ofToken,
  operationId: "listSessions",
  summary: "List sessions",
  description:
    "Returns the sessions of a project that are not over, newest first. You see the sessions of tokens that you may manage. Only the operator sees those that began with `ROOT_TOKEN`. Requires the permission `tokens:manage`.",
  parameters: IN_PROJECT,
  responses: {
    ...responds(200, "Sessions", sessionList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const END_OTHER: Operation = {
  ...ofToken,
  operationId: "endOtherSession",
  summary: "End a session",
  description:
    "Ends a session that you see in the list. It takes effect everywhere within 30 seconds. Requires the permission `tokens:manage`.",
  parameters: OF_SESSION,
  responses: {
    204: { description: "The session ended", headers: headersOf([]) },
    ...refuses(...TOKEN, "forbidden", "not_found", "session_not_found", "database_unavailable"),
  },
};

const CODE: Operation = {
  ...ofToken,
  operationId: "createSignInCode",
  summary: "Make a code for a sign-in link",
  description:
    "Returns a code that begins one session of the operator in the project within 10 minutes. It exists only where `npm start` serves the API. Requires `ROOT_TOKEN`.",
  parameters: IN_PROJECT,
  responses: {
    ...responds(201, "The code", signInCode),
    ...refuses(...TOKEN, ...BODY, "forbidden", "not_found", "database_unavailable", "storage_full"),
  },
};

export const SESSION_OPERATIONS: Readonly<Record<string, Operation>> = {
  "POST /session": BEGIN,
  "POST /session/renew": RENEW,
  "DELETE /session": END,
  "GET /{o}/{p}/sessions": LIST,
  "DELETE /{o}/{p}/sessions/{sessionId}": END_OTHER,
  "POST /{o}/{p}/sign-in-codes": CODE,
};
