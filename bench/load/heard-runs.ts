/** Reports on runs as a receiver hears of them, as a job does that their webhook starts. */

import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "../clock.ts";
import { asker } from "../servers/seeds.ts";
import type { Site } from "../servers/site.ts";
import { heardBy } from "./receiving.ts";

/** The receiver has the instants, so this delays only the next report. */
const POLL_MS = 5;
/** What stands still for so long does not go on. */
const STANDS_MAX_MS = 30_000;

/** By the clock that all processes share, in ms. */
interface HeardRun {
  readonly id: string;
  readonly arrivedAt: number;
  readonly reportedAt: number;
}

/**
 * The trigger of a stored action. Only the receiver gets the callback token of its runs. Its 204 changes no run, because
 * a run starts with a heartbeat.
 */
export function triggerFor(receiver: string): object {
  const payload = { url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" };
  return { type: "webhook", url: `${receiver}/jobs`, payload, startOn: "heartbeat" };
}

/** Returns when all these runs were heard of and reported, in the order in which they arrived. */
export async function reportAsHeard(
  site: Pick<Site, "origin">,
  receiver: string,
  ids: readonly string[],
): Promise<readonly HeardRun[]> {
  const left = new Set(ids);
  const heard: HeardRun[] = [];
  const reports: Promise<string>[] = [];
  let lastAt = monotonicMs();
  while (left.size > 0) {
    for (const { id, at: arrivedAt, callback } of await heardBy(receiver)) {
      if (callback === null || !left.delete(id)) continue;
      lastAt = monotonicMs();
      heard.push({ id, arrivedAt, reportedAt: lastAt });
      const { pathname } = new URL(callback.url);
      reports.push(asker(site)("POST", pathname, callback.token, { status: "succeeded" }));
    }
    if (monotonicMs() - lastAt > STANDS_MAX_MS) throw new Error(`${left.size} runs were not started`);
    await delay(POLL_MS);
  }
  await Promise.all(reports);
  return heard;
}
