/**
 * Round trips of one request, as the service's own log counts them. Deployed, each is a network round trip. They are
 * counted apart from the measuring, because the log leaves lines out under load.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Generator } from "../load/generator.ts";
import { OPERATIONS, type OperationName } from "../load/operations.ts";
import { MEANWHILE } from "./comparisons.ts";
import { quantile } from "./series.ts";

/** Calls of the Worker to D1 and to objects, for a usual request. */
export interface Hops {
  readonly d1: number;
  readonly coordinator: number;
}

const REQUESTS = 10;
/** Longer than the second for which the log bounds its lines. */
const LOG_SECOND_MS = 1100;
/** A log line arrives a little after the response, and later on a busy machine. */
const LOG_ARRIVES_MS = 10_000;
const POLL_MS = 20;

/** `lines`: the service's log, which grows meanwhile. */
export async function countHops(
  generator: Generator,
  lines: readonly string[],
  operations: readonly OperationName[],
): Promise<ReadonlyMap<OperationName, Hops>> {
  const counted = new Map<OperationName, Hops>();
  // The log also has the requests of the other callers. No caller's own request asks for an endpoint.
  const asked = operations.filter((one) => MEANWHILE[one] === undefined && !("isNotified" in OPERATIONS[one]));
  for (const operation of new Set(asked)) {
    const job = { operation, callers: 1, forMs: LOG_ARRIVES_MS, most: REQUESTS };
    // The second time the isolate remembers what it was asked for, however long ago that was made.
    await generator.run(job);
    await delay(LOG_SECOND_MS);
    const from = lines.length;
    await generator.run(job);
    const logged = () => lines.slice(from).filter((line) => line.includes('"event":"request"'));
    const until = performance.now() + LOG_ARRIVES_MS;
    while (logged().length < REQUESTS && performance.now() < until) await delay(POLL_MS);
    const requests = logged();
    if (requests.length !== REQUESTS) {
      throw new Error(`${REQUESTS} requests were sent, and the service's log tells of ${requests.length}`);
    }
    const hops = requests.map((line) => JSON.parse(line) as Hops);
    // The median, because one request in 30 s asks D1 about the token again.
    const usual = (kind: keyof Hops) =>
      quantile(
        hops.map((each) => each[kind]),
        0.5,
      );
    counted.set(operation, { d1: usual("d1"), coordinator: usual("coordinator") });
  }
  return counted;
}
