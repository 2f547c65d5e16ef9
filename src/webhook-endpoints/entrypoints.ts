/** What a coordinator asks the Worker about webhook endpoints. Each call is a Worker invocation of its own. */
import { WorkerEntrypoint } from "cloudflare:workers";
import { DAY_MS } from "../base/time.ts";
import { askCoordinator } from "../definitions/change.ts";
import { disableDefinition } from "../definitions/store.ts";
import {
  type DeliveryAttempt,
  type DeliveryResult,
  type EndpointHealth,
  type EndpointKey,
  type Endpoints,
  readEndpointKey,
} from "../runs/endpoint-deliveries.ts";
import type { Env } from "../settings/env.ts";
import { keyRing } from "../settings/key-ring.ts";
import type { WholeEndpoint } from "./definition.ts";
import { ENDPOINT_KIND, endpointMemory, loadEndpoint } from "./kind.ts";
import { sendDelivery, unsent } from "./send-delivery.ts";

/** Loads the endpoint as it is, sends the delivery, and says what the answer means for both. */
export class DeliverySender extends WorkerEntrypoint<Env> {
  async send(attempt: DeliveryAttempt): Promise<DeliveryResult> {
    const { scope, endpoint } = attempt;
    const loaded = await this.#load(scope, endpoint);
    if ("verdict" in loaded) return loaded;
    const ring = keyRing(this.env.CALLBACK_SIGNING_KEYS);
    if (!ring.ok) return unsent("not_made", 0, "CALLBACK_SIGNING_KEYS can't be used");
    const { verdict, ...result } = await sendDelivery(loaded, attempt, { env: this.env, ring: ring.value });
    if (verdict !== "unwanted") return { ...result, verdict };
    const { name, version } = loaded;
    const why = { scope, name, version, reason: "The receiver answered 410 Gone.", at: Date.now() };
    // False if another version came meanwhile, or nobody knows. Then the next attempt decides.
    const isDisabled = await disableDefinition(this.env.DB, ENDPOINT_KIND, why).catch(() => false);
    return { ...result, verdict: isDisabled ? "gone" : "failed" };
  }

  /** The endpoint as this isolate knows it. Whether it is gone, D1 says, because memory may be old. */
  async #load(scope: string, key: EndpointKey): Promise<WholeEndpoint | DeliveryResult> {
    const ref = { scope, name: readEndpointKey(key).name };
    try {
      let known = await loadEndpoint(this.env, ref);
      if (known !== "secrets_lost" && !isUsable(known, key)) {
        endpointMemory.forget(ref);
        known = await loadEndpoint(this.env, ref);
      }
      if (known === "secrets_lost") return unsent("not_made", 0, "no key opens the endpoint's secrets");
      return isUsable(known, key) ? known : unsent("gone", 0, "the endpoint is deleted or disabled");
    } catch {
      return unsent("not_made", 0, "the endpoint could not be read");
    }
  }
}

function isUsable(endpoint: WholeEndpoint | null, key: EndpointKey): endpoint is WholeEndpoint {
  if (endpoint === null) return false;
  const { createdVersion, disabledReason, definition } = endpoint;
  return createdVersion === readEndpointKey(key).createdVersion && disabledReason === null && !definition.disabled;
}

export class WebhookEndpoints extends WorkerEntrypoint<Env> implements Endpoints {
  async considerDisabling(scope: string, endpoint: EndpointKey, version: number): Promise<void> {
    const environment = { env: this.env, hops: { d1: 0, coordinator: 0 }, scope };
    const { health } = await askCoordinator(environment, ({ endpoints }) => endpoints.report(endpoint));
    const at = Date.now();
    if (health?.version !== version || !hasFailedForDays(health, at)) return;
    const { name } = readEndpointKey(endpoint);
    const reason = "No message has been delivered for five days.";
    await disableDefinition(this.env.DB, ENDPOINT_KIND, { scope, name, version, reason, at });
  }
}

/** For so long, no delivery has succeeded. */
const FAILED_MS = 5 * DAY_MS;
/** On so many days, an attempt has failed. */
const FAILED_DAYS = 3;

/** Whether no delivery has succeeded for days. Failures are never counted: a busy day would be enough. */
export function hasFailedForDays(health: EndpointHealth, now: number): boolean {
  const { failingSince, failedDays } = health;
  const latest = now - FAILED_MS;
  return (
    failedDays.length >= FAILED_DAYS && failingSince !== null && failingSince <= latest && succeededBy(health) <= latest
  );
}

/** The latest instant at which an attempt may have succeeded; -Infinity if none has. */
function succeededBy({ failingSince, succeededAt }: EndpointHealth): number {
  if (succeededAt === null) return Number.NEGATIVE_INFINITY;
  // While all succeed, a success is noted only once a day. The first failure came after the last success.
  return Math.min(succeededAt + DAY_MS, failingSince ?? Number.POSITIVE_INFINITY);
}
