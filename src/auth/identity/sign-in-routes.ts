/**
 * GET /session/sign-in leads to the issuer, and GET /session/callback is where the issuer leads back to. POST
 * /session/sign-in shows what the person may open, and POST /session opens what they have chosen.
 *
 * The threat is a sign-in that somebody else begins or ends: the victim would work in the attacker's session, or the
 * attacker in the victim's. So only this service's own page begins one, only the browser that began it ends it, and the code in the
 * page's address opens nothing without a cookie of that browser (RFC 9700, sections 4.2 and 4.7).
 */
import { type Context, Hono } from "hono";
import { getCookie } from "hono/cookie";
import * as z from "zod/mini";
import { logFailure } from "../../base/log.ts";
import { MINUTE_MS } from "../../base/time.ts";
import { readD1 } from "../../database/read-d1.ts";
import { ApiError } from "../../http/errors.ts";
import { type Described, guard, type Meaning } from "../../http/operation.ts";
import { type AppEnv, usableIssuers, usableRing } from "../../http/request-context.ts";
import { described, objectOf } from "../../http/schemas.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { type Issuer, mayTrust, signInIssuer } from "../../settings/issuers.ts";
import { isLoopback } from "../../settings/url-guard.ts";
import { chargeClient, ofGuess } from "../authentication.ts";
import { signInChoices } from "../responses.ts";
import {
  type CodePurpose,
  codeHash,
  newSession,
  ownSite,
  requiresOwnPage,
  SIGN_IN_MAX_BYTES,
  type SignInSite,
  sendCookie,
} from "../session.ts";
import { beginSignIn, insertCode, type PendingSignIn, selectChoices, selectTrusting } from "../session-store.ts";
import { base64url, randomText } from "../token-format.ts";
import { authorizationUrl, type Flow, type Meeting, newFlow, signedIn } from "./sign-in.ts";

/** For signing in at the issuer, and for choosing afterwards. */
const SIGN_IN_MAX_MS = 10 * MINUTE_MS;

const NO_ISSUER = "Nobody can sign in here, because no entry of OIDC_ISSUERS has a clientId. Use an API token.";

/** The issuer with which people sign in. Throws `not_found` and `not_configured`. */
export function requireSignInIssuer(c: Context<AppEnv>): Issuer {
  const issuer = usableIssuers(c).find(({ clientId }) => clientId !== null);
  if (issuer === undefined) throw new ApiError("not_found", NO_ISSUER);
  return issuer;
}

/** Refuses a request if nobody can sign in. `operation`: see `requires`. */
export function requiresSignIn(operation?: Described, means: Meaning = {}) {
  const errors = ["not_found", "not_configured", ...(means.errors ?? [])] as const;
  return guard(requireSignInIssuer, DESCRIBE && { ...means, errors, operation });
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

/** Of a code and of a state. */
const CODE = /^[A-Za-z0-9_-]{43}$/;
export const oneTimeCode = z.string().check(z.regex(CODE, { error: "send the code unchanged." }));
const choosing = objectOf(
  { code: oneTimeCode },
  DESCRIBE && {
    id: "SignInCodeToShow",
    members: { code: "The code behind `#code=` in the address of `/console/sign-in`." },
    examples: [{ code: "0".repeat(43) }],
  },
);

export const signInRoutes = new Hono<AppEnv>();

signInRoutes.get("/session/sign-in", requiresSignIn(), validQuery(beginning), async (c) => {
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
});

signInRoutes.get("/session/callback", requiresSignIn(), async (c) => {
  const issuer = requireSignInIssuer(c);
  const site = ownSite(c);
  try {
    return seeOther(c, `${site.origin}${CONSOLE}/sign-in#code=${await handedOver(c, issuer, site)}`);
  } catch (error) {
    return failed(c, site, error);
  }
});

const SHOW_SIGN_IN: Described = DESCRIBE && {
  operationId: "showSignIn",
  summary: "Show what a sign-in opens",
  description:
    "Returns who signed in, and which tokens they may open. It opens nothing, and the code stays good. Choose a " +
    "token and send it to `POST /session` with its project and the code.",
  responses: { 200: { description: "What the person may open", json: signInChoices } },
};
signInRoutes.post(
  "/session/sign-in",
  requiresOwnPage(SHOW_SIGN_IN, { errors: ["sign_in_code_invalid", "too_many_requests"] }),
  requiresSignIn(),
  validBody(choosing, { maxBytes: SIGN_IN_MAX_BYTES }),
  async (c) => {
    const issuer = requireSignInIssuer(c);
    const hash = await handedOverHash(c, c.req.valid("json").code, ownSite(c));
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

/** Throws `sign_in_code_invalid`, and `token_invalid` if the token that the person has chosen was revoked since. */
export async function beginChosen(
  c: Context<AppEnv>,
  { code, project, tokenId }: { readonly code: string; readonly project: string; readonly tokenId: string },
) {
  const issuer = signInIssuer(c.env);
  if (issuer === null || !mayTrust(issuer, project)) throw await codeInvalid(c);
  const site = ownSite(c);
  const { row, ...shown } = await newSession(c, "s", project);
  const chosen = { codeHash: await handedOverHash(c, code, site), tokenId, issuer: issuer.issuer };
  const known = await ofGuess(c, () => readD1(c.get("hops"), () => beginSignIn(c.env.DB, row, chosen)));
  if (known === "code_invalid") throw await codeInvalid(c);
  if (known === "token_gone") throw new ApiError("token_invalid", CHOSEN_GONE);
  sendCookie(c, handedOverCookie(site), "", 0);
  return { principal: known, ...shown };
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
  const cookie = randomText(32);
  sendCookie(c, handedOverCookie(site), cookie, expiresAt);
  return makeCode(c, "sign-in", about, expiresAt, cookie);
}

/** Makes and keeps a one-time code. `bound`: see `codeHash`. */
export async function makeCode(
  c: Context<AppEnv>,
  purpose: CodePurpose,
  about: object,
  expiresAt: number,
  ...bound: readonly string[]
): Promise<string> {
  const code = randomText(32);
  const hash = await codeHash(purpose, code, ...bound);
  await readD1(c.get("hops"), () => insertCode(c.env.DB, { hash, about, expiresAt }));
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

// Two cookies of a sign-in. One for each state carries what the callback needs, and only the browser that began the
// sign-in has it: otherwise somebody could sign another person in with their own account (login CSRF). The other belongs
// to the one-time code that the page gets, so a code in the wrong hands opens nothing.

const AT_ONCE_MAX = 5;

interface Begun extends Flow {
  readonly to: string;
}

/** The start of the name of a state's cookie. The state itself is in its seal. */
const statePrefix = ({ cookieName }: SignInSite) => `${cookieName.replace("session", "sign-in")}-`;
const stateCookie = (site: SignInSite, state: string) => `${statePrefix(site)}${state.slice(0, 12)}`;

const aboutOf = (state: string) => `sign-in\n${state}`;

/** Gives the browser a cookie for this state alone. If it has too many, the oldest go. */
async function sendBegun(c: Context<AppEnv>, site: SignInSite, begun: Begun): Promise<void> {
  const { state } = begun;
  const endsAt = Date.now() + SIGN_IN_MAX_MS;
  const sealed = await usableRing(c).seal(JSON.stringify({ ...begun, endsAt }), aboutOf(state), "sign-in");
  // Browsers send the oldest first (RFC 6265, section 5.4).
  const others = Object.keys(getCookie(c)).filter((name) => name.startsWith(statePrefix(site)));
  for (const cookieName of others.slice(0, Math.max(others.length - AT_ONCE_MAX + 1, 0))) {
    sendCookie(c, { ...site, cookieName }, "", 0, "Lax");
  }
  const value = base64url(sealed);
  // The issuer's page leads to the callback, so Strict would leave it out.
  sendCookie(c, { ...site, cookieName: stateCookie(site, state) }, value, endsAt, "Lax");
}

/** What the browser brings back for this state, and takes the cookie away. Null: it did not begin this sign-in lately. */
async function takeBegun(c: Context<AppEnv>, site: SignInSite, state: string): Promise<Begun | null> {
  if (!CODE.test(state)) return null;
  const cookieName = stateCookie(site, state);
  const value = getCookie(c, cookieName);
  if (value === undefined) return null;
  sendCookie(c, { ...site, cookieName }, "", 0, "Lax");
  let sealed: Uint8Array<ArrayBuffer>;
  try {
    sealed = Uint8Array.fromBase64(value, { alphabet: "base64url" });
  } catch {
    return null;
  }
  const text = await usableRing(c).open(sealed, aboutOf(state), "sign-in");
  if (text === null) return null;
  const { endsAt, ...begun } = JSON.parse(text) as Begun & { readonly endsAt: number };
  return endsAt > Date.now() ? begun : null;
}

const handedOverCookie = ({ cookieName, isSecure }: SignInSite) => ({
  cookieName: cookieName.replace("session", "signed-in"),
  isSecure,
});

function handedOverHash(c: Context<AppEnv>, code: string, site: SignInSite): Promise<string> {
  return codeHash("sign-in", code, getCookie(c, handedOverCookie(site).cookieName) ?? "");
}
