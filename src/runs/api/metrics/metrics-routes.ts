/** GET …/metrics: the environment's metrics, for Prometheus. */

import { Hono } from "hono";
import { requires } from "../../../auth/bearer.ts";
import { Timeout, within } from "../../../base/time.ts";
import { readD1 } from "../../../database/read-d1.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { ApiError } from "../../../http/errors.ts";
import { isRegistered } from "../../d1/registration.ts";
import { NO_RUNS, type RunCounts } from "../../run-counts.ts";
import { ask, environmentOf, type RunEnvironment } from "../run-environment.ts";
import { metricsText } from "./metrics-text.ts";
import { SharedReads } from "./shared-reads.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** Less than Prometheus waits. A coordinator that has more to count has got further when it is asked again. */
const COUNT_MAX_MS = 8000;
const UNREACHED = "The runs can't be counted now. Scrape again in a few seconds.";

/** Per isolate, by scope. Whoever reads from here must have authorized the request. */
const texts = new SharedReads();

export const metricsRoutes = new Hono<AppEnv>().get("/", requires("data:read"), async (c) => {
  const environment = environmentOf(c);
  const text = await texts.get(environment.scope, () => readMetrics(environment));
  return c.body(text, 200, { "Content-Type": CONTENT_TYPE });
});

/**
 * Asks the coordinator only if D1 lists it, because asking would make it. Throws if it does not answer: counts of 0 would
 * be a fall, and `rate()` would take that for a restart.
 */
async function readMetrics(environment: RunEnvironment): Promise<string> {
  const { env, hops, scope } = environment;
  const isThere = await readD1(hops, () => isRegistered(env.DB, scope));
  return metricsText(isThere ? await countsOf(environment) : NO_RUNS, Date.now());
}

async function countsOf(environment: RunEnvironment): Promise<RunCounts> {
  try {
    return await within(
      COUNT_MAX_MS,
      ask(environment, (coordinator) => coordinator.upkeep.counts()),
    );
  } catch (error) {
    const cause = error instanceof Timeout ? error : (error as ApiError).cause;
    throw new ApiError("coordinator_unavailable", UNREACHED, { cause });
  }
}
