/** The lists that are asked for: as a query of the wire, and as plain SQL that says what the right answer is. PURE. */

import { firstIdAt } from "../../src/runs/run-id.ts";
import { type Calendar, COMMON, createdAtOf } from "./sample.ts";

export const LISTED = 50;

export interface ListAsk {
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** Of a row of D1's table `runs` in the asked environment. */
  readonly where: string;
}

/** How far back a deep cursor and the bounds by time reach. */
const DEEP = 0.1;
const MIDDLE = 0.5;

/** `idAt`: the id of the environment's `i`th run. */
export function listsOf(calendar: Calendar, idAt: (i: number) => string): Readonly<Record<string, ListAsk>> {
  const middle = createdAtOf(calendar, Math.floor(calendar.runs * MIDDLE));
  const deep = idAt(Math.floor(calendar.runs * DEEP));
  const instant = new Date(middle).toISOString();
  const { actionName, entityId, triggeredBy } = COMMON;
  const byAction = `action_name = '${actionName.value}'`;
  const byEntity = `entity_id = '${entityId.value}'`;
  const byTrigger = `triggered_by = '${triggeredBy.value}'`;
  return {
    list: { query: {}, where: "1" },
    "list, deep cursor": {
      query: { cursor: Buffer.from(deep).toString("base64url") },
      where: `id < '${deep}'`,
    },
    "list, status": { query: { status: "failed" }, where: "status = 'failed'" },
    "list, two statuses": {
      query: { status: ["failed", "cancelled"] },
      where: "status IN ('failed', 'cancelled')",
    },
    "list, actionName": { query: { actionName: actionName.value }, where: byAction },
    "list, entityId": { query: { entityId: entityId.value }, where: byEntity },
    "list, triggeredBy": { query: { triggeredBy: triggeredBy.value }, where: byTrigger },
    "list, createdAfter": { query: { createdAfter: instant }, where: `id >= '${firstIdAt(middle + 1)}'` },
    "list, createdBefore": { query: { createdBefore: instant }, where: `id < '${firstIdAt(middle)}'` },
    "list, actionName and status": {
      query: { actionName: actionName.value, status: "failed" },
      where: `${byAction} AND status = 'failed'`,
    },
    "list, entityId and triggeredBy": {
      query: { entityId: entityId.value, triggeredBy: triggeredBy.value },
      where: `${byEntity} AND ${byTrigger}`,
    },
    // The dearest: it looks at 5000 rows, or at all there are.
    "list, two filters that nothing passes": {
      query: { actionName: actionName.value, triggeredBy: "nobody" },
      where: `${byAction} AND triggered_by = 'nobody'`,
    },
  };
}

export function toSearch({ query }: ListAsk): string {
  const search = new URLSearchParams({ limit: String(LISTED) });
  for (const [name, value] of Object.entries(query)) {
    for (const one of typeof value === "string" ? [value] : value) search.append(name, one);
  }
  return search.toString();
}
