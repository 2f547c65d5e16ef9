/**
 * How long a concurrency group with limit 1 stands still: from a report on the running run to the request of
 * the next run at the receiver. Service, load and receiver are on this machine, and the receiver answers at once.
 */

import { reportAsHeard, triggerFor } from "./load/heard-runs.ts";
import { withReceiver } from "./load/receiving.ts";
import { quantile } from "./rates/series.ts";
import { markdown } from "./report/table.ts";
import { asker, times } from "./servers/seeds.ts";
import { open, type Site } from "./servers/site.ts";

const ENVIRONMENT = "/bench/gap/envs/prod";
const TARGET_MS = 100;

interface GapPlan {
  /** How many concurrency queues there are at once. */
  readonly queues: readonly number[];
  /** Of each queue. At most 250 of one token may wait for one queue. */
  readonly runs: number;
}

export const WHOLE: GapPlan = { queues: [1, 16], runs: 200 };
export const QUICK: GapPlan = { queues: [1, 16], runs: 40 };
/** For a try of the bench itself. */
export const TRIAL: GapPlan = { queues: [1, 2], runs: 3 };

export interface Gap {
  readonly queues: number;
  readonly runs: number;
  /** From when the report was sent to when the next request arrived. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** For the median. */
  readonly targetMs: number | null;
}

/** On a site of its own. */
export async function measureGaps(plan: GapPlan, onProgress: (text: string) => void): Promise<readonly Gap[]> {
  const site = await open({});
  return gapsAt(site, plan, onProgress).finally(() => site.stop());
}

export function gapsAt(site: Site, plan: GapPlan, onProgress: (text: string) => void): Promise<readonly Gap[]> {
  return withReceiver(async (receiver) => {
    const gaps: Gap[] = [];
    for (const queues of plan.queues) {
      onProgress(`${queues} concurrency queues`);
      gaps.push(await gapsOf(site, receiver, `queue-of-${queues}`, queues, plan.runs));
    }
    return gaps;
  });
}

export function gapTable(gaps: readonly Gap[]): string {
  const head = "from a report to the next request, limit 1|runs of each|p50 ms|p99 ms|target".split("|");
  const rows = gaps.map(({ queues, runs, p50Ms, p99Ms, targetMs }) => [
    `queues at once: ${queues}`,
    String(runs),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    targetMs === null ? "" : `${targetMs} ${p50Ms < targetMs ? "met" : "missed"}`,
  ]);
  return markdown([head, ...rows]);
}

async function gapsOf(site: Site, receiver: string, action: string, queues: number, runs: number): Promise<Gap> {
  const waiting = await fillQueues(site, receiver, action, queues, runs);
  /** When the report on the last run of each queue was sent. */
  const reportedAt = new Map<number, number>();
  const gapsMs: number[] = [];
  for (const heard of await reportAsHeard(site, receiver, [...waiting.keys()])) {
    const queue = waiting.get(heard.id) ?? 0;
    const before = reportedAt.get(queue);
    if (before !== undefined) gapsMs.push(heard.arrivedAt - before);
    reportedAt.set(queue, heard.reportedAt);
  }
  const target = queues === 1 ? TARGET_MS : null;
  return { queues, runs, p50Ms: quantile(gapsMs, 0.5), p99Ms: quantile(gapsMs, 0.99), targetMs: target };
}

/** The queue of each run, by its id. The first of each queue is running, and its request may have arrived. */
async function fillQueues(
  site: Site,
  receiver: string,
  action: string,
  queues: number,
  runs: number,
): Promise<ReadonlyMap<string, number>> {
  const ask = asker(site);
  const path = `${ENVIRONMENT}/actions/${action}`;
  await ask("PUT", path, site.secrets.ROOT_TOKEN, {
    trigger: triggerFor(receiver),
    concurrency: { group: action, key: "{{ parameters.queue }}" },
  });
  const made = await times(queues * runs, async (n) => {
    const body = { parameters: { queue: String(n % queues) } };
    const run = JSON.parse(await ask("POST", `${path}/runs`, site.secrets.ROOT_TOKEN, body));
    return [String(run.id), n % queues] as const;
  });
  return new Map(made);
}
