/** Which URLs webhooks may call, from the operator's settings. PURE. */

import type { Env } from "../env.ts";
import { err, ok, type Result } from "../result.ts";
import { parseHosts, parsePorts, type UrlPolicy } from "./url-guard.ts";

type WebhookSettings = Pick<
  Env,
  "WEBHOOK_PORTS" | "WEBHOOK_HOSTS" | "ALLOW_INSECURE_WEBHOOKS" | "PUBLIC_URL"
>;

/**
 * Which URLs webhooks may call, or a sentence on the setting that can't be used. `origin`: of the request that made the
 * run. ALLOW_INSECURE_WEBHOOKS is for development alone, where the service is reached by a loopback name: nobody
 * reaches a deployed Worker by one.
 */
export function webhookPolicy(env: WebhookSettings, origin: string): Result<UrlPolicy, string> {
  const ports = parsePorts(env.WEBHOOK_PORTS);
  if (!ports.ok) return ports;
  const hosts = parseHosts(env.WEBHOOK_HOSTS);
  if (!hosts.ok) return hosts;
  const insecure = env.ALLOW_INSECURE_WEBHOOKS === "true";
  const publicUrl = env.PUBLIC_URL ? URL.parse(env.PUBLIC_URL) : null;
  const ownUrls = [URL.parse(origin), publicUrl].filter((url) => url !== null);
  if (insecure && !ownUrls.every(({ hostname }) => isLoopback(hostname))) {
    return err(
      "ALLOW_INSECURE_WEBHOOKS is for development on this machine: remove it where the service is reached by another name than localhost.",
    );
  }
  return ok({ ports: ports.value, hosts: hosts.value, ownHosts: ownUrls.map(({ host }) => host), insecure });
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
