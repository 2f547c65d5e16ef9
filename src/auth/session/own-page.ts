/**
 * Which requests may use a session: those of this service's own pages. PURE.
 *
 * The threat: a browser adds the cookie to requests that other pages cause. `Sec-Fetch-Site` says who caused a request,
 * and no page can set it. It is `same-site` for another port of the same host. `Origin` is checked as well for
 * everything that can change something (OWASP, Cross-Site Request Forgery Prevention).
 */

import type { Result } from "../../base/result.ts";
import { isLoopback } from "../../settings/url-guard.ts";

/** Where people sign in, and how the cookie is set there. */
export interface SignInSite {
  /** The origin of the pages. */
  readonly origin: string;
  /** Cookies ignore ports. So on loopback the name contains the port, because each port is another program. */
  readonly cookieName: string;
  /** Whether the cookie is `Secure` and has the prefix `__Host-` (RFC 6265bis, section 4.1.3.2). */
  readonly isSecure: boolean;
}

const NAME = "action-runs-session";

/**
 * The site for these settings. PUBLIC_URL alone decides, if it is set. Without it, only loopback is a site, because the
 * caller chooses the host of a request. An error is a sentence for `not_configured`.
 */
export function signInSite(publicUrl: string | undefined, requestUrl: string): Result<SignInSite, string> {
  const url = URL.parse(publicUrl || requestUrl);
  if (url?.protocol === "https:" && publicUrl) {
    return { ok: true, value: { origin: url.origin, cookieName: `__Host-${NAME}`, isSecure: true } };
  }
  if (url !== null && isLoopback(url.hostname)) {
    const cookieName = `${NAME}-${url.port || (url.protocol === "https:" ? "443" : "80")}`;
    return { ok: true, value: { origin: url.origin, cookieName, isSecure: false } };
  }
  const error = publicUrl
    ? "PUBLIC_URL does not begin with https://, so nobody can sign in. Set it to an https URL."
    : "PUBLIC_URL is not set, so nobody can sign in. Set it to the https URL of this service.";
  return { ok: false, error };
}

/** Why the request may not use a session; null if it may. `header` reads a request header. */
export function foreignness(
  method: string,
  header: (name: string) => string | undefined,
  { origin }: SignInSite,
): string | null {
  const isReading = method === "GET" || method === "HEAD";
  const isOwn = header("Sec-Fetch-Site") === "same-origin" && (isReading || header("Origin") === origin);
  return isOwn ? null : `Only the pages of ${origin} may use a session. Open ${origin}/console in your browser.`;
}
