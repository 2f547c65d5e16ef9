/** Which URLs webhooks may call, read from the operator's settings. PURE. */

import { err, ok, type Result } from "../base/result.ts";
import type { Env } from "./env.ts";
import { publicUrlFault } from "./public-url.ts";
import { isLoopback, nameFault, type UrlPolicy } from "./url-guard.ts";

type WebhookSettings = Pick<Env, "WEBHOOK_PORTS" | "WEBHOOK_HOSTS" | "ALLOW_INSECURE_WEBHOOKS" | "PUBLIC_URL">;

const INSECURE_DEPLOYMENT =
  "ALLOW_INSECURE_WEBHOOKS is for development on this machine only. Remove it if the service has another name than localhost.";

/**
 * The policy, or a sentence for each setting that is wrong. `origin`: the origin of the request that created the run.
 * ALLOW_INSECURE_WEBHOOKS is refused unless the service's own names are loopback names, because no deployed Worker has
 * one.
 */
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

/** Reads WEBHOOK_PORTS, for example "8443, 9443". No ports if the setting is empty. The error is a sentence. */
export function parsePorts(text: string | undefined): Result<ReadonlySet<number>, string> {
  const entries = entriesOf(text);
  const wrong = entries.findIndex((entry) => !/^[1-9]\d{0,4}$/.test(entry) || Number(entry) > 65_535);
  if (wrong < 0) return ok(new Set(entries.map(Number)));
  return err(`Entry ${wrong + 1} of WEBHOOK_PORTS is not a port. Write a list of whole numbers from 1 to 65535.`);
}

/**
 * Reads WEBHOOK_HOSTS, for example "ci.example.com, *.corp.example". Null if the setting is empty. The error is a
 * sentence. An entry that no webhook could call is refused, because the operator meant something else. Loopback names
 * are allowed, because the list also counts in development.
 */
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
