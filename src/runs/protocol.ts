/**
 * The calls and messages between the Worker and a coordinator, by subject. Old and new code meet during a deploy, so
 * only add. Refusals are values, because an error loses its class on its way from the object to the Worker. The calls of
 * each subject stand in a file of their own, with the messages that only they use, and one class of the coordinator
 * answers them.
 */

import type { ArchiveCalls } from "./archive-calls.ts";
import type { BulkCalls } from "./bulk-calls.ts";
import type { EndpointCalls } from "./endpoint-calls.ts";
import type { GateCalls } from "./gate-calls.ts";
import type { MoveCalls } from "./move-calls.ts";
import type { RunCalls } from "./run-calls.ts";
import type { UpkeepCalls } from "./upkeep-calls.ts";
import type { WatchCalls } from "./watch-calls.ts";

/** Each call is one round trip. */
export interface Coordinator {
  readonly runs: RunCalls;
  readonly gates: GateCalls;
  readonly watches: WatchCalls;
  readonly endpoints: EndpointCalls;
  readonly upkeep: UpkeepCalls;
  readonly bulk: BulkCalls;
  readonly archive: ArchiveCalls;
  readonly moves: MoveCalls;
}

/** The object behind a coordinator has one method, so that a call is declared once: in its subject. */
export interface CoordinatorObject {
  call(subject: keyof Coordinator, name: string, args: readonly unknown[]): Promise<unknown>;
}

/** The calls of an object. */
export function coordinatorOf(object: CoordinatorObject): Coordinator {
  const subjects: unknown = new Proxy({}, { get: (_, subject) => callsOf(object, subject as keyof Coordinator) });
  return subjects as Coordinator;
}

function callsOf(object: CoordinatorObject, subject: keyof Coordinator): object {
  const get =
    (_: object, name: string | symbol) =>
    (...args: unknown[]) =>
      object.call(subject, String(name), args);
  return new Proxy({}, { get });
}
