/**
 * What a coordinator asks the Worker about webhook endpoints: whether one has failed for so long that it is disabled.
 * Each call is a Worker invocation of its own.
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import { type EndpointKey, type Endpoints, readEndpointKey } from "../runs/telling.ts";
import type { Env } from "../settings/env.ts";
import { askCoordinator } from "./ask-coordinator.ts";
import { disableEndpoint } from "./disabling.ts";
import { hasFailedForDays } from "./health.ts";

export class WebhookEndpoints extends WorkerEntrypoint<Env> implements Endpoints {
  async considerDisabling(scope: string, endpoint: EndpointKey, version: number): Promise<void> {
    const environment = { env: this.env, hops: { coordinator: 0 }, scope };
    const { health } = await askCoordinator(environment, (endpoints) => endpoints.report(endpoint));
    const at = Date.now();
    if (health?.version !== version || !hasFailedForDays(health, at)) return;
    const { name } = readEndpointKey(endpoint);
    const reason = "No message has been delivered for five days.";
    await disableEndpoint(this.env.DB, { scope, name, version, reason, at });
  }
}
