/**
 * The URL at which jobs and callers reach the service. Callback URLs and links start with it. PURE.
 *
 * The threat: the caller of a request may choose its Host, and a webhook takes the callback URL to a job together with
 * the run's token. So outside loopback, a trigger needs PUBLIC_URL. Without PUBLIC_URL, URLs appear only in responses,
 * where each caller sees the Host that it sent. Headers of proxies such as X-Forwarded-Host are never read, because
 * callers can send them as well.
 */

import type { Env } from "./env.ts";
import { isLoopback } from "./url-guard.ts";

/** No query and no fragment, because paths are appended. No credentials, because they would go to every receiver. */
const PLAIN_URL = /^https?:\/\/[^\s/?#@\\]+(?:\/[^\s?#\\]*)?$/i;

type Setting = Pick<Env, "PUBLIC_URL">;

/** PUBLIC_URL, or the request's origin. It has no slash at its end. */
export function baseUrl({ PUBLIC_URL }: Setting, requestUrl: string): string {
  if (PUBLIC_URL) return (URL.parse(PUBLIC_URL)?.href ?? PUBLIC_URL).replace(/\/+$/, "");
  const url = new URL(requestUrl);
  // TLS may have ended at a proxy before the service. Without TLS, a job's token would be open to the network.
  if (!isLoopback(url.hostname)) url.protocol = "https:";
  return url.origin;
}

/** The URL below which the endpoints of an environment are. `scope`: `{org}/{project}/{env}`. */
export function environmentUrl(setting: Setting, requestUrl: string, scope: string): string {
  const [o, p, envName] = scope.split("/");
  return `${baseUrl(setting, requestUrl)}/${o}/${p}/envs/${envName}`;
}

/** Why the service can't tell jobs where to report; null if it can. `origin`: the origin of the request. */
export function publicUrlFault({ PUBLIC_URL }: Setting, origin: string): string | null {
  if (PUBLIC_URL) {
    if (PLAIN_URL.test(PUBLIC_URL) && URL.canParse(PUBLIC_URL)) return null;
    return "PUBLIC_URL is not a plain http or https URL. Set it to a URL like https://runs.example.com, without credentials, query and fragment.";
  }
  if (isLoopback(new URL(origin).hostname)) return null;
  return "PUBLIC_URL is not set. Set it to the URL at which jobs reach the service, like https://runs.example.com.";
}
