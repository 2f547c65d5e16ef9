/** The process of an endpoint's receiver as the bench sees it. Each run that a job reports must have arrived there. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Heard } from "./receiver.ts";

const RECEIVER = fileURLToPath(new URL("./receiver.ts", import.meta.url));

/** Starts a receiver, and passes its origin. Ends it, even if the work fails. */
export async function withReceiver<T>(work: (receiver: string) => Promise<T>): Promise<T> {
  const child = fork(RECEIVER, { execArgv: ["--no-warnings"] });
  try {
    const [origin] = (await once(child, "message")) as [string];
    return await work(origin);
  } finally {
    child.disconnect();
  }
}

/** What the receiver has heard since the last call. */
export async function heardBy(receiver: string): Promise<readonly Heard[]> {
  return (await (await fetch(receiver)).json()) as Heard[];
}

const NOTIFIED_WITHIN_MS = 30_000;
const POLL_MS = 20;

export interface Notified {
  /** From the answer of each report to the arrival of its delivery. Negative if the delivery came first. */
  readonly delaysMs: readonly number[];
  /** From the beginning of the job to the last delivery. */
  readonly elapsedMs: number;
  /** Runs that were reported, and whose delivery is missing. */
  readonly missing: readonly string[];
}

/**
 * `reports`: for each run, when the answer to its report arrived. `beganAt`: when the job began. Returns when all have
 * arrived, or after 30 s.
 */
export async function whenNotified(
  receiver: string,
  reports: ReadonlyMap<string, number>,
  beganAt: number,
): Promise<Notified> {
  const arrivals = new Map<string, number>();
  const until = performance.now() + NOTIFIED_WITHIN_MS;
  const isMissing = (run: string) => !arrivals.has(run);
  for (;;) {
    for (const { id, at } of await heardBy(receiver)) {
      const run = id.replace(/-ended$/, "");
      if (!arrivals.has(run)) arrivals.set(run, at);
    }
    if (![...reports.keys()].some(isMissing) || performance.now() > until) break;
    await delay(POLL_MS);
  }
  const arrived = [...reports].flatMap(([run, answeredAt]) => {
    const at = arrivals.get(run);
    return at === undefined ? [] : [{ at, delayMs: at - answeredAt }];
  });
  return {
    delaysMs: arrived.map(({ delayMs }) => delayMs),
    elapsedMs: Math.max(...arrived.map(({ at }) => at)) - beganAt,
    missing: [...reports.keys()].filter(isMissing),
  };
}
