/**
 * What a coordinator asks the Worker about webhook endpoints: which of them hear of these runs, and whether one has failed
 * for so long that it is disabled. Each call is a Worker invocation of its own.
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import { within } from "../base/time.ts";
import { callCoordinator } from "../runs/coordinator-client.ts";
import { previousOutcomes } from "../runs/d1/previous-outcomes.ts";
import { databaseOf, isBehindIn, type Placed } from "../runs/placement/database-of.ts";
import {
  type EndpointKey,
  type Endpoints,
  endpointKey,
  type Matching,
  type PreviousStatus,
  type RunToTell,
  readEndpointKey,
} from "../runs/telling.ts";
import type { Env } from "../settings/env.ts";
import { askCoordinator, type Environment } from "./ask-coordinator.ts";
import { disableEndpoint } from "./disabling.ts";
import { selectFilters } from "./filtered-endpoints.ts";
import { hasFailedForDays } from "./health.ts";
import { candidates, matchOf, needsPrevious } from "./matching.ts";

/** A coordinator settles within 2 s. */
const SETTLE_CALL_MAX_MS = 2500;

export class WebhookEndpoints extends WorkerEntrypoint<Env> implements Endpoints {
  /** Reads D1's primary, and never memory: an event that follows a PUT must find its endpoint. */
  async match(scope: string, runs: readonly RunToTell[], only?: EndpointKey): Promise<Matching> {
    const all = await selectFilters(this.env.DB, scope);
    const asked = only === undefined ? all : all.filter((endpoint) => endpointKey(endpoint) === only);
    const found = candidates(asked, runs);
    const compared = found.filter(({ run, endpoint }) => needsPrevious(endpoint, run));
    const previous = await this.#previousOf(scope, new Set(compared.map(({ run }) => run)));
    const matches = found.flatMap(
      ({ run, endpoint }) => matchOf(endpoint, run, previous.get(run.id) ?? null) ?? [],
    );
    return { endpoints: all.map(endpointKey), matches };
  }

  async considerDisabling(scope: string, endpoint: EndpointKey, version: number): Promise<void> {
    const { health } = await askCoordinator(this.#environment(scope), (endpoints) =>
      endpoints.report(endpoint),
    );
    const at = Date.now();
    if (health?.version !== version || !hasFailedForDays(health, at)) return;
    const { name } = readEndpointKey(endpoint);
    const reason = "No message has been delivered for five days.";
    await disableEndpoint(this.env.DB, { scope, name, version, reason, at });
  }

  /** Empty unless the database has everything that the coordinator had: an older outcome would be wrong. */
  async #previousOf(
    scope: string,
    runs: ReadonlySet<RunToTell>,
  ): Promise<ReadonlyMap<string, PreviousStatus>> {
    if (runs.size === 0) return new Map();
    try {
      const environment = this.#environment(scope);
      const { env, hops } = environment;
      const settling = callCoordinator(env, hops, scope, ({ upkeep }) => upkeep.settle());
      const settled = await within(SETTLE_CALL_MAX_MS, settling);
      const { number, db } = await databaseOf(environment, settled);
      if (isBehindIn(settled, number) || settled.lacksRefused) return new Map();
      return await previousOutcomes(db, scope, [...runs]);
    } catch {
      return new Map();
    }
  }

  #environment(scope: string): Environment & Placed {
    const waitUntil = (work: Promise<unknown>) => this.ctx.waitUntil(work);
    return { env: this.env, hops: { d1: 0, coordinator: 0 }, scope, waitUntil };
  }
}
