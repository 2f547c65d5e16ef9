/**
 * GET /session/sign-in leads to the issuer, and GET /session/callback is where the issuer leads back to. POST
 * /session/sign-in shows what the person may open, and POST /session opens what they have chosen.
 *
 * The threat is a sign-in that somebody else begins or ends: the victim would work in the attacker's session, or the
 * attacker in the victim's. So only this service's own page begins one, only the browser that began it ends it, and the code in the
 * page's address opens nothing without a cookie of that browser (RFC 9700, sections 4.2 and 4.7).
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { newUuidV7 } from "../../base/ids.ts";
import { sha256Hex } from "../../base/json.ts";
import { logFailure } from "../../base/log.ts";
import { readD1 } from "../../database/read-d1.ts";
import { ApiError } from "../../http/errors.ts";
import { type Described, type Meaning, meaning } from "../../http/operation.ts";
import { type AppEnv, usableIssuers } from "../../http/request-context.ts";
import { described, inDocument } from "../../http/schemas.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { type Issuer, mayTrust, signInIssuer } from "../../settings/issuers.ts";
import { isLoopback } from "../../settings/url-guard.ts";
import { chargeClient, ofGuess } from "../authentication.ts";
import {
  codeHash,
  cookieHash,
  newCookie,
  newPageKey,
  ownSite,
  requiresOwnPage,
  SIGN_IN_MAX_BYTES,
  type SignInSite,
} from "../session.ts";
import { insertSignInCode } from "../session-store.ts";
import { randomText } from "../token-format.ts";
import { signInChoices } from "./responses.ts";
import { authorizationUrl, type Meeting, newFlow, signedIn } from "./sign-in.ts";
import {
  dropHandedOver,
  readHandedOver,
  SIGN_IN_MAX_MS,
  sendBegun,
  sendHandedOver,
  takeBegun,
} from "./sign-in-cookies.ts";
import { beginSignIn, type PendingSignIn, selectChoices, selectTrusting } from "./sign-in-store.ts";

const NO_ISSUER = "Nobody can sign in here, because no entry of OIDC_ISSUERS has a clientId. Use an API token.";

/** The issuer with which people sign in. Throws `not_found` and `not_configured`. */
export function requireSignInIssuer(c: Context<AppEnv>): Issuer {
  const issuer = usableIssuers(c).find(({ clientId }) => clientId !== null);
  if (issuer === undefined) throw new ApiError("not_found", NO_ISSUER);
  return issuer;
}

/** Refuses a request if nobody can sign in. `operation`: see `requires`. */
export function requiresSignIn(operation?: Described, means: Meaning = {}): MiddlewareHandler<AppEnv> {
  const middleware: MiddlewareHandler<AppEnv> = async function requiresSignIn(c, next) {
    requireSignInIssuer(c);
    await next();
  };
  return meaning(
    middleware,
    DESCRIBE && { ...means, errors: ["not_found", "not_configured", ...(means.errors ?? [])], operation },
  );
}

const CHOSEN_GONE = "The token that you chose was revoked meanwhile. Choose another one.";
const TO_MAX_CHARACTERS = 500;
const CONSOLE = "/console";
const TO_RULE = `send a path of the console of at most ${TO_MAX_CHARACTERS} characters, such as ${CONSOLE}.`;

/** Whether a text is a path below /console, whatever a browser makes of it. */
function isPathOfConsole(text: string): boolean {
  if (!/^\/console(?:[/?#][\x21-\x7e]*)?$/.test(text) || /\\|\/\//.test(text)) return false;
  // Dot segments could lead out of it.
  const pathname = URL.parse(text, "https://console.invalid")?.pathname ?? "";
  return pathname === CONSOLE || pathname.startsWith(`${CONSOLE}/`);
}

const beginning = z.strictObject({
  to: z.optional(
    described(
      z
        .string({ error: TO_RULE })
        .check(z.maxLength(TO_MAX_CHARACTERS, { error: TO_RULE }), z.refine(isPathOfConsole, { error: TO_RULE })),
      DESCRIBE && `The path of the console to show afterwards. Default: \`${CONSOLE}\`.`,
    ),
  ),
});

const CODE = /^[A-Za-z0-9_-]{43}$/;
export const oneTimeCode = z.string().check(z.regex(CODE, { error: "send the code unchanged." }));
const choosing = z.strictObject({
  code: described(oneTimeCode, DESCRIBE && "The code behind `#code=` in the address of `/console/sign-in`."),
});
inDocument(choosing, { id: "SignInCodeToShow", examples: [{ code: "0".repeat(43) }] });

export const signInRoutes = new Hono<AppEnv>()
  .get("/session/sign-in", requiresSignIn(), validQuery(beginning), async (c) => {
    const issuer = requireSignInIssuer(c);
    const site = ownSite(c);
    const { to = CONSOLE } = c.req.valid("query");
    if (!isNavigationWithin(c, site)) return seeOther(c, site.origin + to);
    const flow = newFlow();
    try {
      const url = await authorizationUrl(meetingOf(c, issuer, site), flow);
      await sendBegun(c, site, { ...flow, to });
      return seeOther(c, url);
    } catch (error) {
      return failed(c, site, error);
    }
  })
  .get("/session/callback", requiresSignIn(), async (c) => {
    const issuer = requireSignInIssuer(c);
    const site = ownSite(c);
    try {
      return seeOther(c, `${site.origin}${CONSOLE}/sign-in#code=${await handedOver(c, issuer, site)}`);
    } catch (error) {
      return failed(c, site, error);
    }
  })
  .post(
    "/session/sign-in",
    requiresOwnPage(
      DESCRIBE && {
        operationId: "showSignIn",
        summary: "Show what a sign-in opens",
        description:
          "Returns who signed in, and which tokens they may open. It opens nothing, and the code stays good. Choose a " +
          "token and send it to `POST /session` with its project and the code.",
        responses: { 200: { description: "What the person may open", json: signInChoices } },
      },
      { errors: ["sign_in_code_invalid", "too_many_requests"] },
    ),
    requiresSignIn(),
    validBody(choosing, { maxBytes: SIGN_IN_MAX_BYTES }),
    async (c) => {
      const issuer = requireSignInIssuer(c);
      const hash = await codeHash("sign-in", c.req.valid("json").code, readHandedOver(c, ownSite(c)));
      const found = await ofGuess(c, () => readD1(c.get("hops"), () => selectChoices(c.env.DB, hash, Date.now())));
      if (found === null || found.pending.issuer !== issuer.issuer) throw await codeInvalid(c);
      const { subject, person, to } = found.pending;
      const tokens = found.choices.filter(({ project }) => mayTrust(issuer, project));
      return c.json({ issuer: issuer.issuer, issuerName: issuer.name, subject, person, to, tokens });
    },
  );

/** The error of a code that opens nothing. It is charged as a guess. Throws 429. */
export async function codeInvalid(c: Context<AppEnv>): Promise<ApiError> {
  await chargeClient(c);
  return new ApiError("sign_in_code_invalid");
}

/**
 * Begins the session of a token that the person has chosen. Throws `sign_in_code_invalid`, and `token_invalid` if the
 * token was revoked since.
 */
export async function beginChosen(
  c: Context<AppEnv>,
  { code, project, tokenId }: { readonly code: string; readonly project: string; readonly tokenId: string },
) {
  const issuer = signInIssuer(c.env);
  if (issuer === null || !mayTrust(issuer, project)) throw await codeInvalid(c);
  const site = ownSite(c);
  const cookie = newCookie("s");
  const pageKey = newPageKey();
  const now = Date.now();
  const session = {
    id: newUuidV7(now),
    hash: (await cookieHash(cookie, null)) ?? "",
    codeHash: await codeHash("sign-in", code, readHandedOver(c, site)),
    now,
  };
  const chosen = { project, id: tokenId, issuer: issuer.issuer, pageKeyHash: await sha256Hex(pageKey) };
  const known = await ofGuess(c, () => readD1(c.get("hops"), () => beginSignIn(c.env.DB, session, chosen)));
  if (known === "code_invalid") throw await codeInvalid(c);
  if (known === "token_gone") throw new ApiError("token_invalid", CHOSEN_GONE);
  dropHandedOver(c, site);
  return { principal: known.principal, cookie, pageKey };
}

/** Ends the issuer's part of a sign-in. The one-time code for the page, which works only with a cookie of this browser. */
async function handedOver(c: Context<AppEnv>, issuer: Issuer, site: SignInSite): Promise<string> {
  const answer = new URL(c.req.url).searchParams;
  const begun = await takeBegun(c, site, answer.get("state") ?? "");
  if (begun === null) throw new ApiError("sign_in_code_invalid");
  const meeting = meetingOf(c, issuer, site);
  const { claims, ...who } = await ofGuess(c, () => signedIn(meeting, begun, answer, c.env.OIDC_CLIENT_SECRET));
  const now = Date.now();
  const tokens = await readD1(c.get("hops"), () => selectTrusting(c.env.DB, issuer, claims, now));
  const about: PendingSignIn = { ...who, to: begun.to, tokens };
  const expiresAt = now + SIGN_IN_MAX_MS;
  const code = randomText(32);
  const hash = await codeHash("sign-in", code, sendHandedOver(c, site, expiresAt));
  await readD1(c.get("hops"), () => insertSignInCode(c.env.DB, { hash, about, expiresAt }));
  return code;
}

function meetingOf(c: Context<AppEnv>, issuer: Issuer, { origin }: SignInSite): Meeting {
  const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work);
  return { issuer, redirectUri: `${origin}/session/callback`, waitUntil };
}

/**
 * Whether a page of this service leads here. Its cookie would not reach the callback from another hostname. A proxy on the
 * same machine may have put its own in the place of the browser's.
 */
function isNavigationWithin(c: Context<AppEnv>, { origin }: SignInSite): boolean {
  const { hostname } = new URL(c.req.url);
  return (
    c.req.header("Sec-Fetch-Site") === "same-origin" &&
    c.req.header("Sec-Fetch-Mode") === "navigate" &&
    (hostname === new URL(origin).hostname || (isLoopback(hostname) && !isLoopback(new URL(origin).hostname)))
  );
}

/** Leads to the page that says why. An error that may be an attack is charged as a guess. Throws unexpected errors. */
async function failed(c: Context<AppEnv>, site: SignInSite, error: unknown): Promise<Response> {
  if (!(error instanceof ApiError)) throw error;
  const { code, status, cause } = error;
  c.set("errorCode", code);
  if (cause !== undefined) logFailure("sign_in_failed", cause, { requestId: c.get("requestId"), code });
  if (status < 500) await chargeClient(c);
  return seeOther(c, `${site.origin}${CONSOLE}/sign-in#error=${code}`);
}

function seeOther(c: Context<AppEnv>, location: string): Response {
  // The addresses of a sign-in have codes.
  c.header("Referrer-Policy", "no-referrer");
  return c.redirect(location, 303);
}
