/**
 * `action-runs login` without a token: who signed in with an issuer lets a command line on their machine in (RFC 8252, RFC
 * 7636). POST /session/login-codes makes a code in the browser, and POST /session/login begins the session with it.
 *
 * The threat is a command line of somebody else: a link leads a signed-in person to /console/cli. So the person types what
 * their own terminal shows, and the code works only with the secret that the command line has not sent before. Any
 * program on the machine can use the session, so it approves and mints nothing.
 */
import { Hono } from "hono";
import * as z from "zod/mini";
import { newUuidV7 } from "../../base/ids.ts";
import { MINUTE_MS, rfc3339 } from "../../base/time.ts";
import { readD1 } from "../../database/read-d1.ts";
import { ApiError, refusalOf } from "../../http/errors.ts";
import type { Described } from "../../http/operation.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { described, objectOf, wholeNumber } from "../../http/schemas.ts";
import { validBody } from "../../http/validate.ts";
import { authenticate, ofGuess } from "../authentication.ts";
import { commandLineSession, loginCode } from "../responses.ts";
import { codeHash, commandLineHash, requestSession, requiresOwnPage, SIGN_IN_MAX_BYTES } from "../session.ts";
import { beginLogin } from "../session-store.ts";
import { base64url, newCommandLineToken } from "../token-format.ts";
import { describePrincipal } from "../whoami.ts";
import { codeInvalid, makeCode, oneTimeCode, requireSignInIssuer, requiresSignIn } from "./sign-in-routes.ts";

const CODE_GOOD_FOR_MS = MINUTE_MS;
const CHARACTERS = 6;
/** RFC 4648, section 6. */
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const port = described(
  wholeNumber("a port", 1, 65_535),
  DESCRIBE && "The port of 127.0.0.1 on which the command line waits.",
);
const agreeing = objectOf(
  {
    challenge: z
      .string()
      .check(z.regex(/^[A-Za-z0-9_-]{43}$/, { error: "send the challenge of the address unchanged." })),
    port,
    characters: z
      .string()
      .check(z.regex(/^[A-Z2-7]{6}$/, { error: `send the ${CHARACTERS} characters of the terminal.` })),
  },
  DESCRIBE && {
    id: "NewLoginCode",
    members: {
      challenge: "The S256 challenge of the command line (RFC 7636).",
      characters: "What the command line printed: it is derived from the challenge.",
    },
    examples: [{ challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", port: 49_152, characters: "BUUZWH" }],
  },
);

const loggingIn = objectOf(
  {
    code: oneTimeCode,
    verifier: z.string().check(z.regex(/^[A-Za-z0-9._~-]{43,128}$/, { error: "send the verifier of the challenge." })),
    port,
  },
  DESCRIBE && {
    id: "CommandLineLogin",
    members: { code: "The code that the browser brought.", verifier: "The verifier of the challenge (RFC 7636)." },
    examples: [{ code: "0".repeat(43), verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", port: 49_152 }],
  },
);

export const commandLineRoutes = new Hono<AppEnv>();

const CREATE_LOGIN_CODE: Described = DESCRIBE && {
  operationId: "createLoginCode",
  summary: "Let a command line in",
  description:
    "Returns a code with which `action-runs login` on your machine begins a session of yours, within 60 seconds. " +
    "Only a session by sign-in can ask.",
  responses: { 201: { description: "The code", json: loginCode } },
  errors: ["storage_full"],
};
commandLineRoutes.post(
  "/session/login-codes",
  requiresOwnPage(CREATE_LOGIN_CODE, {
    security: [{ sessionCookie: [], sessionPageKey: [] }],
    person: "refused",
    errors: ["unauthorized", "session_ended", "too_many_requests"],
  }),
  requiresSignIn(),
  validBody(agreeing, { maxBytes: SIGN_IN_MAX_BYTES }),
  async (c) => {
    const { challenge, characters, port } = c.req.valid("json");
    // The session of a command line lets no other one in.
    await requestSession(c);
    const { sessionId, issuer, project } = await authenticate(c);
    if (sessionId === undefined || issuer === null || project === null) throw new ApiError("forbidden", NO_PERSON);
    if (characters !== (await charactersOf(challenge))) {
      const message = "are not those of this command line. If you did not run action-runs login, close the page.";
      throw refusalOf("invalid_body", [{ path: ["characters"], message }]);
    }
    const expiresAt = Date.now() + CODE_GOOD_FOR_MS;
    const code = await makeCode(c, "command line", { project, sessionId }, expiresAt, challenge, String(port));
    return c.json({ code, expiresAt: rfc3339(expiresAt) }, 201);
  },
);

const LOG_IN: Described = DESCRIBE && {
  operationId: "logIn",
  summary: "Begin a session of the command line",
  description:
    "Changes a code of `POST /session/login-codes` into a session of that person. It has at most the role `member`, " +
    "and approves nothing. It lasts 12 hours, and at most 24 from the sign-in.",
  responses: { 201: { description: "The session", json: commandLineSession } },
};
commandLineRoutes.post(
  "/session/login",
  requiresSignIn(LOG_IN, { errors: ["sign_in_code_invalid", "too_many_requests", "database_unavailable"] }),
  validBody(loggingIn, { maxBytes: SIGN_IN_MAX_BYTES }),
  async (c) => {
    const issuer = requireSignInIssuer(c);
    const { code, verifier, port } = c.req.valid("json");
    const token = newCommandLineToken();
    const now = Date.now();
    const session = { id: newUuidV7(now), hash: await commandLineHash(token), now };
    const agreed = {
      codeHash: await codeHash("command line", code, await challengeOf(verifier), String(port)),
      issuer: issuer.issuer,
    };
    const known = await ofGuess(c, () => readD1(c.get("hops"), () => beginLogin(c.env.DB, session, agreed)));
    if (known === null) throw await codeInvalid(c);
    return c.json({ token, ...describePrincipal(known) }, 201);
  },
);

const NO_PERSON =
  "Only a session by sign-in can let a command line in, because a token's session has no person of the issuer. Sign in with the issuer, or run action-runs login with the token.";

const digest = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));

/** S256 of RFC 7636, section 4.2. */
async function challengeOf(verifier: string): Promise<string> {
  return base64url(await digest(verifier));
}

/** What the command line shows (src/cli/login/ has the same): the first 30 bits of the challenge's SHA-256, in base32. */
async function charactersOf(challenge: string): Promise<string> {
  const [a = 0, b = 0, c = 0, d = 0] = await digest(challenge);
  const bits = ((a << 24) | (b << 16) | (c << 8) | d) >>> 2;
  return Array.from({ length: CHARACTERS }, (_, i) => BASE32[(bits >>> (25 - 5 * i)) & 31]).join("");
}
