/**
 * Runs behind gates, ends that a webhook endpoint hears of, and a bulk operation, as the service makes them for the sites
 * that grow. Nothing of them is due while a site is measured.
 */

import { setTimeout as delay } from "node:timers/promises";
import { reportAsHeard, triggerFor } from "../load/heard-runs.ts";
import { whenNotified } from "../load/receiving.ts";
import { asker } from "../servers/seeds.ts";
import type { Site } from "../servers/site.ts";

const POLL_MS = 100;
const ENDS_WITHIN_MS = 30_000;
/** Longer than the copies go back. */
const WAIT_MINUTES = 43_200;
/**
 * Of eight runs, one has an approval, and two share a concurrency queue. Eight has no divisor of the other kinds. So
 * the busiest coordinator has over 200 queues in which runs wait. That is what the service looks at in one step.
 */
const [EVERY, APPROVED, GROUPED] = [8, 3, [2, 6]];

/** Where requests of the service arrive: those of runs, and the deliveries of endpoints. */
export interface Receivers {
  readonly jobs: string;
  readonly deliveries: string;
}

/** `environments`: their paths, `/{o}/{p}/envs/{envName}`. Measured callbacks succeed, so no endpoint hears of them. */
export async function putFeatures(site: Site, environments: readonly string[], to: Receivers): Promise<void> {
  const put = (path: string, body: object) => asker(site)("PUT", path, site.secrets.ROOT_TOKEN, body);
  const action = { trigger: triggerFor(to.jobs), waitTimeout: WAIT_MINUTES, timeout: WAIT_MINUTES };
  for (const path of environments) {
    await put(`${path}/actions/approved`, { ...action, approval: { allowSelf: true } });
    await put(`${path}/actions/grouped`, {
      ...action,
      concurrency: { group: "queues", key: "{{ parameters.queue }}" },
    });
    await put(`${path}/webhook-endpoints/receiver`, { url: to.deliveries, events: ["action_run.failed"] });
  }
}

/** The action of the `i`th run of an environment, and whether the run ends. Null: a run without gates. */
export function gateOf(i: number) {
  const queue = Math.floor(i / EVERY);
  if (i % EVERY === APPROVED) return { action: "approved", queue, isOver: queue % 2 === 0 } as const;
  if (GROUPED.includes(i % EVERY)) return { action: "grouped", queue, isOver: queue % 3 === 0 } as const;
  return null;
}

/** Approves those that wait for it, and reports each as soon as its request arrives. The paths are those of runs. */
export async function endGated(
  site: Site,
  { jobs }: Receivers,
  approved: readonly string[],
  grouped: readonly string[],
): Promise<void> {
  for (const path of approved) await asker(site)("POST", `${path}/approve`, site.secrets.ROOT_TOKEN, {});
  const ids = [...approved, ...grouped].map((path) => path.slice(path.lastIndexOf("/") + 1));
  await reportAsHeard(site, jobs, ids);
}

/** Returns when the endpoints have heard of these runs. */
export async function allNotified({ deliveries }: Receivers, ids: readonly string[]): Promise<void> {
  const { missing } = await whenNotified(deliveries, new Map(ids.map((id) => [id, 0])), 0);
  if (missing.length > 0) throw new Error(`no delivery of the end of run ${missing[0]} arrived`);
}

/** Cancels the open runs of an action, in each environment. */
export async function cancelInBulk(site: Site, environments: readonly string[], actionName: string): Promise<void> {
  const ask = asker(site);
  for (const environment of environments) {
    const path = `${environment}/bulk-operations`;
    const order = { operation: "cancel", filter: { actionName }, graceSeconds: 0, maxRuns: 500 };
    await ask("POST", path, site.secrets.ROOT_TOKEN, order);
    const until = performance.now() + ENDS_WITHIN_MS;
    const isOver = async () => {
      const [newest] = JSON.parse(await ask("GET", `${path}?limit=1`, site.secrets.ROOT_TOKEN));
      return newest.status === "completed";
    };
    while (!(await isOver())) {
      if (performance.now() > until) throw new Error(`the bulk operation in ${environment} has not ended`);
      await delay(POLL_MS);
    }
  }
}
