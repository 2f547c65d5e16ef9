/**
 * /session: begins, renews and ends the session of a person in the console. /{o}/{p}/sessions: who is signed in, and
 * how a manager of tokens ends a session. Only this service's own pages may ask, also before there is a cookie.
 * Otherwise another page could sign a person in with a token of its own (login CSRF).
 */
import { type Context, Hono } from "hono";
import { getCookie } from "hono/cookie";
import * as z from "zod/mini";
import { parseUuid } from "../base/ids.ts";
import { PATH_NAME } from "../base/limits.ts";
import { MINUTE_MS, rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import { type Described, guard, type Meaning } from "../http/operation.ts";
import { firstPage, pageQuery } from "../http/paging.ts";
import { type AppEnv, projectOf } from "../http/request-context.ts";
import { objectOf, uuid } from "../http/schemas.ts";
import { requireJson, validBody, validQuery } from "../http/validate.ts";
import { rootToken } from "../settings/config.ts";
import { askerRefusal, logAudit, newAuditEntry, secretReplaced, writeAudited } from "./audit.ts";
import {
  authenticate,
  bearerToken,
  chargeClient,
  OF_CREDENTIAL,
  requires,
  requiresManagerOrSelf,
  requiresRoot,
} from "./authentication.ts";
import { credentials } from "./credential-memory.ts";
import { beginChosen, makeCode, oneTimeCode } from "./identity/sign-in-routes.ts";
import { begunSession, currentToken, sessionList, signInCode } from "./responses.ts";
import {
  codeHash,
  cookieHash,
  newSession,
  ownSite,
  requestSession,
  requiresOwnPage,
  SIGN_IN_MAX_BYTES,
  sendCookie,
} from "./session.ts";
import {
  beginSession,
  deleteSession,
  endSession,
  listSessions,
  renewSession,
  type SessionToken,
  type StoredSession,
  takeSignInCode,
} from "./session-store.ts";
import { describePrincipal } from "./whoami.ts";

const PROJECT = new RegExp(`^${PATH_NAME}/${PATH_NAME}$`);

const beginning = objectOf(
  {
    project: z.optional(z.string().check(z.regex(PROJECT, { error: "send a project as {o}/{p}." }))),
    code: z.optional(oneTimeCode),
    tokenId: z.optional(uuid),
  },
  DESCRIBE && {
    id: "NewSession",
    members: {
      project: "`{o}/{p}`: the project of the session. Only `ROOT_TOKEN` must send it, and who signed in.",
      code: "The code of a sign-in, or of a link that `npm start` printed, instead of a token.",
      tokenId: "After a sign-in: which token of `POST /session/sign-in` to open. Requires `code` and `project`.",
    },
    examples: [{ project: "acme/shop" }],
  },
);

const noMembers = objectOf({}, DESCRIBE && { examples: [{}] });

/** A form of another page can't send JSON. */
const onlyJson = guard((c) => requireJson(c.req), DESCRIBE && { errors: ["unsupported_media_type"] });

/** What a request means that begins a session. A code in the body replaces the token. */
const BEGINNING: Meaning = {
  security: [{ apiToken: [] }, {}],
  // A session begins and goes on as its token's, so a person means nothing there.
  person: "refused",
  errors: OF_CREDENTIAL,
};
const OF_SESSION: Meaning = {
  security: [{ sessionCookie: [], sessionPageKey: [] }],
  errors: ["unauthorized", "session_ended", "too_many_requests"],
};

export const sessionRoutes = new Hono<AppEnv>();

const BEGIN_SESSION: Described = DESCRIBE && {
  operationId: "beginSession",
  summary: "Begin a session",
  description:
    "Changes a token into a session of the console. The response sets a cookie and contains a page key. A request " +
    "that has both, and no `Authorization`, acts as the token. The session lasts 12 hours. With `ROOT_TOKEN`, send " +
    "the project that the session is for. After a sign-in with an issuer, send its code and what the person chose.",
  responses: {
    201: { description: "The session. Its cookie is in `Set-Cookie`", json: begunSession, headers: ["Set-Cookie"] },
  },
  errors: ["sign_in_code_invalid", "storage_full"],
};
sessionRoutes.post(
  "/session",
  requiresOwnPage(BEGIN_SESSION, BEGINNING),
  validBody(beginning, { maxBytes: SIGN_IN_MAX_BYTES }),
  async (c) => {
    const { project, code, tokenId } = c.req.valid("json");
    if (tokenId !== undefined && (code === undefined || project === undefined)) {
      const missing = code === undefined ? "code" : "project";
      throw refusalOf("invalid_body", [{ path: [missing], message: "is missing; send that of the sign-in." }]);
    }
    const { principal, cookie, pageKey } =
      code !== undefined && project !== undefined && tokenId !== undefined
        ? await beginChosen(c, { code, project, tokenId })
        : await begin(c, { project, code });
    await endReplaced(c);
    sendCookie(c, ownSite(c), cookie, principal.expiresAt);
    return c.json({ pageKey, ...describePrincipal(principal) }, 201);
  },
);

const RENEW_SESSION: Described = DESCRIBE && {
  operationId: "renewSession",
  summary: "Renew your session",
  description:
    "Makes the session last 12 hours from now. It does so at most once an hour, and for at most 7 days from the " +
    "beginning, or 24 hours from a sign-in. A session never lasts longer than its token. A session " +
    "that began with `ROOT_TOKEN` stays as it is.",
  responses: { 200: { description: "The session", json: currentToken, headers: ["Set-Cookie"] } },
};
sessionRoutes.post(
  "/session/renew",
  requiresOwnPage(RENEW_SESSION, { ...OF_SESSION, person: "refused" }),
  onlyJson,
  async (c) => {
    // A token renews nothing, so it is not looked up.
    const { cookie, hash } = await requestSession(c);
    const { sessionId } = await authenticate(c);
    if (sessionId === undefined) throw new ApiError("session_ended");
    const known = await readD1(c.get("hops"), () => renewSession(c.env.DB, hash, Date.now()));
    credentials.forget([sessionId]);
    if (known === null) throw new ApiError("session_ended");
    sendCookie(c, ownSite(c), cookie, known.expiresAt);
    return c.json(describePrincipal(known));
  },
);

const END_SESSION: Described = DESCRIBE && {
  operationId: "endSession",
  summary: "End your session",
  description: "Ends the session of the request, and takes its cookie away.",
  responses: { 204: { description: "The session ended" } },
  headersOfAll: ["Set-Cookie"],
};
sessionRoutes.delete("/session", requiresOwnPage(END_SESSION, OF_SESSION), onlyJson, async (c) => {
  // Before D1 is asked, because the cookie must go in any case.
  sendCookie(c, ownSite(c), "", 0);
  const { hash, pageKeyHash } = await requestSession(c);
  const ended = await readD1(c.get("hops"), () => deleteSession(c.env.DB, hash, pageKeyHash));
  if (ended === null) {
    await chargeClient(c);
    throw new ApiError("session_ended");
  }
  credentials.forget([ended]);
  return c.body(null, 204);
});

/** Ends the session of the cookie that the new one replaces: nobody could end it any more, but who copied it. */
async function endReplaced(c: Context<AppEnv>): Promise<void> {
  const hash = await cookieHash(getCookie(c, ownSite(c).cookieName) ?? "", rootToken(c.env));
  if (hash === null) return;
  const ended = await readD1(c.get("hops"), () => deleteSession(c.env.DB, hash, null));
  if (ended !== null) credentials.forget([ended]);
}

const NO_PROGRAMS = "An access token begins no session. Sign in with an API token, or with your issuer.";

/** Whose session it will be. `token` null: the operator's. */
interface Beginner {
  readonly project: string;
  readonly token: SessionToken | null;
}

/** Begins a session: with an API token, with ROOT_TOKEN for one project, or with a code of `npm start`. */
async function begin(c: Context<AppEnv>, sent: Pick<z.output<typeof beginning>, "project" | "code">) {
  const { project, token } = sent.code === undefined ? await byToken(c, sent.project) : await byCode(c, sent.code);
  const { row, ...shown } = await newSession(c, token === null ? "r" : "t", project);
  const principal = await readD1(c.get("hops"), () => beginSession(c.env.DB, row, token));
  if (principal !== null) return { principal, ...shown };
  throw (token && (await askerRefusal(c))) ?? new ApiError("token_invalid");
}

async function byToken(c: Context<AppEnv>, project: string | undefined): Promise<Beginner> {
  // A session can't begin another one.
  bearerToken(c);
  const principal = await authenticate(c);
  if (principal.project === null) {
    if (project === undefined) {
      throw refusalOf("invalid_body", [
        { path: ["project"], message: "is missing; send the project {o}/{p} that the session is for." },
      ]);
    }
    return { project, token: null };
  }
  if (project !== undefined && project !== principal.project) {
    throw new ApiError("forbidden", `The token opens only ${principal.project}. Send that project, or omit it.`, {
      pointer: "/project",
    });
  }
  const { id, secretHash } = principal;
  if (secretHash === null) throw new ApiError("forbidden", NO_PROGRAMS);
  if (principal.isReplaced) throw secretReplaced(principal);
  return { project: principal.project, token: { id, hash: secretHash } };
}

async function byCode(c: Context<AppEnv>, code: string): Promise<Beginner> {
  if (c.env.SIGN_IN_CODES !== "true") throw new ApiError("sign_in_code_invalid", LINK_INVALID);
  const hash = await codeHash("operator", code);
  const project = await readD1(c.get("hops"), () => takeSignInCode(c.env.DB, hash, Date.now()));
  if (project !== null) return { project, token: null };
  await chargeClient(c);
  throw new ApiError("sign_in_code_invalid", LINK_INVALID);
}

const LINK_INVALID = "This link was used or is too old. Press Enter in the terminal of `npm start` for another.";
const CODE_GOOD_FOR_MS = 10 * MINUTE_MS;

const CREATE_SIGN_IN_CODE: Described = DESCRIBE && {
  operationId: "createSignInCode",
  summary: "Make a code for a sign-in link",
  description:
    "Returns a code that begins one session of the operator in the project within 10 minutes. It exists only where `npm start` serves the API.",
  responses: { 201: { description: "The code", json: signInCode } },
  errors: ["storage_full"],
};

/**
 * POST /{o}/{p}/sign-in-codes: a code that begins one session of the operator in the project. `npm start` prints it in
 * a link, so that nobody has to copy ROOT_TOKEN. Everywhere else the variable SIGN_IN_CODES is missing.
 */
export const signInCodeRoutes = new Hono<AppEnv>().post(
  "/",
  requiresRoot(CREATE_SIGN_IN_CODE),
  validBody(noMembers),
  async (c) => {
    if (c.env.SIGN_IN_CODES !== "true") throw new ApiError("not_found");
    const expiresAt = Date.now() + CODE_GOOD_FOR_MS;
    const code = await makeCode(c, "operator", { project: projectOf(c) }, expiresAt);
    return c.json({ code, expiresAt: rfc3339(expiresAt) }, 201);
  },
);

export const sessionListRoutes = new Hono<AppEnv>();

const LIST_SESSIONS: Described = DESCRIBE && {
  operationId: "listSessions",
  summary: "List sessions",
  description:
    "Returns the sessions of a project that are not over, newest first. You see the sessions of tokens that you may manage. Only the operator sees those that began with `ROOT_TOKEN`.",
  responses: { 200: { description: "Sessions", json: sessionList, headers: ["Link"] } },
};
sessionListRoutes.get(
  "/",
  requires("tokens:manage", LIST_SESSIONS),
  validQuery(z.strictObject(pageQuery)),
  async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const page = { cursor, limit: limit + 1, now: Date.now() };
    const rows = await readD1(c.get("hops"), () => listSessions(c.env.DB, projectOf(c), c.get("principal"), page));
    return c.json(firstPage(c, rows, limit, ({ id }) => id).map(shownSession));
  },
);

const END_OTHER_SESSION: Described = DESCRIBE && {
  operationId: "endOtherSession",
  summary: "End a session",
  description:
    "Ends a session that you see in the list, or the session of the request, whatever its role. It takes effect " +
    "everywhere within 30 seconds. For other sessions, this requires the permission `tokens:manage`.",
  responses: { 204: { description: "The session ended" } },
};
sessionListRoutes.delete("/:sessionId", requiresManagerOrSelf("sessionId", END_OTHER_SESSION), async (c) => {
  const target = parseUuid(c.req.param("sessionId"));
  if (target === null) throw new ApiError("session_not_found");
  const principal = c.get("principal");
  // On the command line, the role is lower than the token's, which must be seen.
  const asker = principal.sessionId === target ? ({ ...principal, role: "owner" } as const) : principal;
  const what = { project: projectOf(c), envName: null, action: "session_ended", target } as const;
  const entry = newAuditEntry(c, what, Date.now());
  const ending = writeAudited(c, () => endSession(c.env.DB, asker, entry));
  // Also if the answer was lost, because D1 may have done it.
  const hasEnded = await ending.finally(() => credentials.forget([target]));
  if (!hasEnded) throw new ApiError("session_not_found");
  logAudit(entry, c.get("requestId"));
  return c.body(null, 204);
});

function shownSession({ beganAt, expiresAt, lastUsedAt, ...session }: StoredSession) {
  return { ...session, beganAt: rfc3339(beganAt), expiresAt: rfc3339(expiresAt), lastUsedAt: rfc3339(lastUsedAt) };
}
