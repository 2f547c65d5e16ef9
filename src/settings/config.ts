/** The operator's settings, from the environment. GET /readyz reports those that are not valid. PURE. */

import { err, ok, type Result } from "../base/result.ts";
import { newEnvironmentsFault } from "./databases.ts";
import type { Env } from "./env.ts";
import { issuersOf, signInIssuer } from "./issuers.ts";
import { weaknessOf } from "./key-ring.ts";
import { isLoopback, nameFault, type UrlPolicy } from "./url-guard.ts";

const DEFAULT_DAYS = { RETENTION_DAYS: 30, AUDIT_RETENTION_DAYS: 400 } as const;
type DaysName = keyof typeof DEFAULT_DAYS;

/** How long a finished run, or an audit entry, is kept. Whole days, at least 1. A wrong value counts as the default. */
export function daysOf(env: Pick<Env, DaysName>, name: DaysName): number {
  const days = Number(env[name] ?? DEFAULT_DAYS[name]);
  return Number.isInteger(days) && days >= 1 && days <= 36_500 ? days : DEFAULT_DAYS[name];
}

/** The operator's token, or null if it is missing or easy to guess. */
export function rootToken(env: Pick<Env, "ROOT_TOKEN">): string | null {
  const token = env.ROOT_TOKEN ?? "";
  return weaknessOf(token) === null ? token : null;
}

export function corsOrigins(env: Pick<Env, "CORS_ORIGINS">): string[] {
  return entriesOf(env.CORS_ORIGINS).filter((origin) => origin !== "");
}

/** One sentence for each setting that is not valid, except the signing keys. `origin` is the origin of the request. */
export function settingFaults(env: Env, origin: string): string[] {
  const weakness = env.ROOT_TOKEN ? weaknessOf(env.ROOT_TOKEN) : null;
  const advice = "Make one with `openssl rand -hex 32` and set it with `wrangler secret put ROOT_TOKEN`.";
  const policy = webhookPolicy(env, origin);
  const issuers = issuersOf(env);
  const wrongDays = (Object.keys(DEFAULT_DAYS) as DaysName[]).filter((name) => {
    const set = env[name];
    return set !== undefined && String(daysOf(env, name)) !== set.trim();
  });
  return [
    weakness === null ? null : `ROOT_TOKEN ${weakness} ${advice}`,
    policy.ok ? null : policy.error,
    ...wrongDays.map((name) => `${name} must be a whole number of days, at least 1.`),
    newEnvironmentsFault(env),
    issuers.ok ? null : issuers.error,
    signInFault(env),
    env.JURISDICTION && env.JURISDICTION !== "eu" ? "JURISDICTION must be eu. Remove it if there is none." : null,
  ].filter((fault) => fault !== null);
}

/** Why nobody can sign in with the issuer that is set. Null: they can, or there is none. */
function signInFault(env: Env): string | null {
  const url = URL.parse(env.PUBLIC_URL ?? "");
  if (signInIssuer(env) === null || url?.protocol !== "http:" || isLoopback(url.hostname)) return null;
  return "PUBLIC_URL does not begin with https://, so nobody can sign in with the issuer of OIDC_ISSUERS. Set it to an https URL.";
}

type WebhookSettings = Pick<Env, "WEBHOOK_PORTS" | "WEBHOOK_HOSTS" | "ALLOW_INSECURE_WEBHOOKS" | "PUBLIC_URL">;

const INSECURE_DEPLOYMENT =
  "ALLOW_INSECURE_WEBHOOKS is for development on this machine only. Remove it if the service has another name than localhost.";

/** Which URLs webhooks may call, or what is wrong. `origin`: of the request. The insecure mode needs loopback names. */
export function webhookPolicy(env: WebhookSettings, origin: string): Result<UrlPolicy, string> {
  const ports = parsePorts(env.WEBHOOK_PORTS);
  const hosts = parseHosts(env.WEBHOOK_HOSTS);
  const insecure = env.ALLOW_INSECURE_WEBHOOKS === "true";
  const publicUrl = env.PUBLIC_URL ? URL.parse(env.PUBLIC_URL) : null;
  const ownUrls = [URL.parse(origin), publicUrl].filter((url) => url !== null);
  const isInsecureDeployment = insecure && !ownUrls.every(({ hostname }) => isLoopback(hostname));
  const faults = [
    ports.ok ? null : ports.error,
    hosts.ok ? null : hosts.error,
    isInsecureDeployment ? INSECURE_DEPLOYMENT : null,
    publicUrlFault(env, origin),
  ].filter((fault) => fault !== null);
  if (!ports.ok || !hosts.ok || faults.length > 0) return err(faults.join(" "));
  return ok({ ports: ports.value, hosts: hosts.value, ownHosts: ownUrls.map(({ host }) => host), insecure });
}

/** Reads WEBHOOK_PORTS, for example "8443, 9443". */
export function parsePorts(text: string | undefined): Result<ReadonlySet<number>, string> {
  const entries = entriesOf(text);
  const wrong = entries.findIndex((entry) => !/^[1-9]\d{0,4}$/.test(entry) || Number(entry) > 65_535);
  if (wrong < 0) return ok(new Set(entries.map(Number)));
  return err(`Entry ${wrong + 1} of WEBHOOK_PORTS is not a port. Write a list of whole numbers from 1 to 65535.`);
}

/** Reads WEBHOOK_HOSTS, for example "ci.example.com, *.corp.example". Null if it is empty. Loopback names are allowed. */
export function parseHosts(text: string | undefined): Result<readonly string[] | null, string> {
  const parsed = entriesOf(text).map(parseHost);
  const hosts = parsed.filter((host) => host !== null);
  if (hosts.length === parsed.length) return ok(hosts.length === 0 ? null : hosts);
  return err(
    `Entry ${parsed.indexOf(null) + 1} of WEBHOOK_HOSTS is not a public host. Write names like ci.example.com, or *.example.com for all names below, without scheme, port or path.`,
  );
}

function parseHost(entry: string): string | null {
  const [, wildcard = "", name = ""] = /^(\*\.)?(\[::1\]|[^\s:/?#@\\%]+)$/.exec(entry) ?? [];
  const hostname = URL.parse(`https://${name}`)?.hostname;
  if (hostname === undefined) return null;
  const isCallable = nameFault(hostname) === null || (wildcard === "" && isLoopback(hostname));
  return isCallable ? wildcard + hostname : null;
}

function entriesOf(text = ""): string[] {
  return text.trim() === "" ? [] : text.split(",").map((entry) => entry.trim());
}

/** No query and no fragment, because paths are appended. No credentials, because they would go to every receiver. */
const PLAIN_URL = /^https?:\/\/[^\s/?#@\\]+(?:\/[^\s?#\\]*)?$/i;

type Setting = Pick<Env, "PUBLIC_URL">;

/**
 * The URL at which jobs and callers reach the service, without a slash at its end: PUBLIC_URL, or the request's origin.
 *
 * The threat: the caller of a request may choose its Host, and a webhook takes the callback URL to a job together with
 * the run's token. So outside loopback, a trigger needs PUBLIC_URL. Without PUBLIC_URL, URLs appear only in responses,
 * where each caller sees the Host that it sent. Headers of proxies are never read, because callers can send them, too.
 */
export function baseUrl({ PUBLIC_URL }: Setting, requestUrl: string): string {
  if (PUBLIC_URL) return (URL.parse(PUBLIC_URL)?.href ?? PUBLIC_URL).replace(/\/+$/, "");
  const url = new URL(requestUrl);
  // TLS may have ended at a proxy before the service. Without TLS, a job's token would be open to the network.
  if (!isLoopback(url.hostname)) url.protocol = "https:";
  return url.origin;
}

export function environmentUrl(setting: Setting, requestUrl: string, scope: string): string {
  const [o, p, envName] = scope.split("/");
  return `${baseUrl(setting, requestUrl)}/${o}/${p}/envs/${envName}`;
}

/**
 * The same where the caller must not choose it. Otherwise a proof that was made for another service would count here, and
 * a page whose name leads to this machine (DNS rebinding) would be ours.
 */
export function provenUrl(setting: Setting, requestUrl: string): Result<string, string> {
  const fault = publicUrlFault(setting, requestUrl);
  return fault === null ? ok(baseUrl(setting, requestUrl)) : err(fault);
}

/** Why the service can't tell jobs where to report; null if it can. `origin`: the origin of the request. */
function publicUrlFault({ PUBLIC_URL }: Setting, origin: string): string | null {
  if (PUBLIC_URL) {
    if (PLAIN_URL.test(PUBLIC_URL) && URL.canParse(PUBLIC_URL)) return null;
    return "PUBLIC_URL is not a plain http or https URL. Set it to a URL like https://runs.example.com, without credentials, query and fragment.";
  }
  if (isLoopback(new URL(origin).hostname)) return null;
  return "PUBLIC_URL is not set. Set it to the URL at which jobs reach the service, like https://runs.example.com.";
}
