/**
 * What a coordinator does when its alarm rings: what is due first, then the purge and the archive, then the retry of
 * replication. None of it waits for D1 or for an attempt, because the next alarm would wait too. Whatever fails, the
 * alarm is set again, and does not ring at once.
 */

import { log, logFailure } from "../../../base/log.ts";
import type { AlarmClock } from "./alarm-clock.ts";

/** The parts, in their order. The first ones return how many runs, requests or deliveries they took on. */
export interface AlarmParts {
  stopRequests(now: number): number;
  /** All due open runs, also those whose deadline has passed. */
  dispatches(now: number): number;
  deliveries(now: number): number;
  /** Schedules the runs of the concurrency queues. Comes after what ends runs. */
  gates(now: number): number;
  /** Goes on with the bulk operations. */
  bulk(now: number): void;
  /** Goes on with the environment's moves between databases. */
  moves(now: number): void;
  purge(now: number): number;
  /** Starts to write runs to the archive, if there is one. */
  archive(now: number): void;
  /** Returns what to log; null if everything is replicated. */
  retryReplication(now: number): Readonly<Record<string, number | null>> | null;
  /** Starts to fan out events that have no deliveries yet, and to read the webhook endpoints. */
  fanOut(now: number): void;
  /** Sets the alarm for what is due next. */
  arm(now: number): void;
}

export function ring(clock: AlarmClock, coordinator: string, now: number, parts: AlarmParts): void {
  clock.forgetArmed();
  /** Each part on its own: if a full object fails the first part, the purge must still make room. */
  const tried = <T>(part: () => T): T | null => {
    try {
      return part();
    } catch (error) {
      clock.failed(Date.now());
      logFailure("alarm_failed", error, { coordinator });
      return null;
    }
  };
  const stopRequests = tried(() => parts.stopRequests(now)) ?? 0;
  const dispatches = tried(() => parts.dispatches(now)) ?? 0;
  const due = stopRequests + dispatches + (tried(() => parts.deliveries(now)) ?? 0);
  tried(() => parts.gates(now));
  tried(() => parts.bulk(now));
  tried(() => parts.moves(now));
  const purging = tried(() => parts.purge(now)) ?? 0;
  tried(() => parts.archive(now));
  const replication = tried(() => parts.retryReplication(now)) ?? null;
  tried(() => parts.fanOut(now));
  if (due + purging > 0 || replication !== null) log("info", "alarm", { coordinator, due, purging, ...replication });
  const isArmed = tried(() => {
    parts.arm(now);
    return true;
  });
  if (isArmed === null) clock.armAfterFailure(now);
}
