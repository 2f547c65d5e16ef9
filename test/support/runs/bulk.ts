/** Bulk operations as callers see them, and how a test drives them. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { coordinator, until } from "../direct.ts";
import { type Answer, type Ask, ask, type Schemas } from "../requests.ts";

export type Operation = Schemas["BulkOperation"] & { readonly code?: string };
export type Item = Schemas["BulkItem"];

export function bulkPath(runs: string, id = "", rest = ""): string {
  return `${runs.replace(/action-runs$/, "bulk-operations")}${id === "" ? "" : `/${id}`}${rest}`;
}

export function startBulk<T = Operation>(
  runs: string,
  body: Record<string, unknown>,
  options: Ask = {},
): Promise<Answer<T>> {
  return ask<T>("POST", bulkPath(runs), { body, ...options });
}

export async function bulkOf(runs: string, id: string): Promise<Operation> {
  return (await ask<Operation>("GET", bulkPath(runs, id))).body;
}

export async function itemsOf(runs: string, id: string, query = "?limit=200"): Promise<readonly Item[]> {
  return (await ask<readonly Item[]>("GET", bulkPath(runs, id, `/items${query}`))).body;
}

/** Waits until the operation has ended. Rings the alarm that would ring, because the tests may move the clock. */
export async function bulkEnded(runs: string, id: string): Promise<Operation> {
  await until(async () => {
    await runDurableObjectAlarm(coordinator(runs));
    return (await bulkOf(runs, id)).completedAt !== null;
  });
  return bulkOf(runs, id);
}

/** Starts an operation and waits until it has ended. */
export async function bulk(runs: string, body: Record<string, unknown>, options: Ask = {}) {
  const started = await startBulk(runs, body, options);
  if (started.status !== 202) throw new Error(`${started.status}: ${JSON.stringify(started.body)}`);
  return bulkEnded(runs, started.body.id);
}
