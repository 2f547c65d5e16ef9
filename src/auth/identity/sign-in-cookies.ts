/**
 * The cookies of a sign-in. One for each state carries what the callback needs, and only the browser that began the
 * sign-in has it: otherwise somebody could sign another person in with their own account (login CSRF). The other belongs to the
 * one-time code that the page gets, so a code in the wrong hands opens nothing.
 */
import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import { MINUTE_MS } from "../../base/time.ts";
import { type AppEnv, usableRing } from "../../http/request-context.ts";
import { type SignInSite, sendCookie } from "../session.ts";
import { randomText } from "../token-format.ts";
import type { Flow } from "./sign-in.ts";

/** For signing in at the issuer, and for choosing afterwards. */
export const SIGN_IN_MAX_MS = 10 * MINUTE_MS;
/** Sign-ins of a browser that are under way. */
const AT_ONCE_MAX = 5;

/** What a sign-in carries to its callback. */
export interface Begun extends Flow {
  /** A path of the console. */
  readonly to: string;
}

const STATE = /^[A-Za-z0-9_-]{43}$/;

/** The name of the cookie of a state. The state itself is in its seal. */
function stateCookie({ cookieName }: SignInSite, state: string): string {
  return `${statePrefix(cookieName)}${state.slice(0, 12)}`;
}

function statePrefix(cookieName: string): string {
  return `${cookieName.replace("session", "sign-in")}-`;
}

const aboutOf = (state: string) => `sign-in\n${state}`;

/** Gives the browser a cookie for this state alone. If it has too many, the oldest go. */
export async function sendBegun(c: Context<AppEnv>, site: SignInSite, begun: Begun): Promise<void> {
  const { state } = begun;
  const endsAt = Date.now() + SIGN_IN_MAX_MS;
  const sealed = await usableRing(c).seal(JSON.stringify({ ...begun, endsAt }), aboutOf(state), "sign-in");
  // Browsers send the oldest first (RFC 6265, section 5.4).
  const others = Object.keys(getCookie(c)).filter((name) => name.startsWith(statePrefix(site.cookieName)));
  for (const cookieName of others.slice(0, Math.max(others.length - AT_ONCE_MAX + 1, 0))) {
    sendCookie(c, { ...site, cookieName }, "", 0, "Lax");
  }
  const value = sealed.toBase64({ alphabet: "base64url", omitPadding: true });
  // The issuer's page leads to the callback, so Strict would leave it out.
  sendCookie(c, { ...site, cookieName: stateCookie(site, state) }, value, endsAt, "Lax");
}

/** What the browser brings back for this state, and takes the cookie away. Null: it did not begin this sign-in lately. */
export async function takeBegun(c: Context<AppEnv>, site: SignInSite, state: string): Promise<Begun | null> {
  if (!STATE.test(state)) return null;
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

const handedOver = ({ cookieName, isSecure }: SignInSite) => ({
  cookieName: cookieName.replace("session", "signed-in"),
  isSecure,
});

/** Gives the browser the cookie of a new one-time code, and returns its value. */
export function sendHandedOver(c: Context<AppEnv>, site: SignInSite, expiresAt: number): string {
  const value = randomText(32);
  sendCookie(c, handedOver(site), value, expiresAt);
  return value;
}

/** Empty if the browser has none. */
export function readHandedOver(c: Context<AppEnv>, site: SignInSite): string {
  return getCookie(c, handedOver(site).cookieName) ?? "";
}

export function dropHandedOver(c: Context<AppEnv>, site: SignInSite): void {
  sendCookie(c, handedOver(site), "", 0);
}
