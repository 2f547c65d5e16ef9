/** What is done to a coordinator to see the statements that it takes. */

import { COMMON, unsignedId } from "./sample.ts";
import type { Coordinator } from "./service.ts";

/** At least as many as are removed at once. */
const PURGED = 500;
const OVERDUE = 20;
const MINUTE_MS = 60_000;

export interface Deed {
  readonly during: string;
  /** SQL that makes something due first, in the object. */
  readonly prepare?: string;
  act(coordinator: Coordinator): Promise<unknown>;
}

/** `unused`: a number that no run of coordinator `n` has; `openId` and `endedId`: runs that it holds. */
export function deeds(n: number, unused: number, openId: string, endedId: string): Deed[] {
  const past = Date.now() - MINUTE_MS;
  const makeDue = (where: string, count: number) =>
    `UPDATE runs SET deadline_at = min(deadline_at, ${past}), due_at = ${past}
     WHERE id IN (SELECT id FROM runs WHERE ${where} ORDER BY id LIMIT ${count})`;
  const key = () => ({ key: `m:${crypto.randomUUID()}`, fingerprint: "" });
  const createdAt = Date.now();
  const id = unsignedId(createdAt, n, unused);
  const run = {
    id,
    actionName: COMMON.actionName.value,
    entityId: COMMON.entityId.value,
    parameters: '{"service":"checkout"}',
    recommendations: "{}",
    triggeredBy: COMMON.triggeredBy.value,
    createdAt,
    deadlineAt: createdAt + MINUTE_MS,
  };
  return [
    { during: "create", act: (coordinator) => coordinator.create(run, key()) },
    {
      during: "callback",
      act: (coordinator) => coordinator.change(openId, { type: "succeeded", output: "{}" }, key()),
    },
    { during: "heartbeat", act: (coordinator) => coordinator.heartbeat(openId, { message: "at work" }) },
    { during: "read", act: (coordinator) => coordinator.read(endedId) },
    { during: "events", act: (coordinator) => coordinator.events(endedId, 0, 50) },
    { during: "poke", act: (coordinator) => coordinator.poke() },
    { during: "alarm, nothing due", act: (coordinator) => coordinator.alarm() },
    {
      during: `alarm, ${OVERDUE} overdue`,
      prepare: makeDue("completed_at IS NULL", OVERDUE),
      act: (coordinator) => coordinator.alarm(),
    },
    {
      during: "alarm, a batch to purge",
      prepare: makeDue("completed_at IS NOT NULL", PURGED),
      act: (coordinator) => coordinator.alarm(),
    },
  ];
}
