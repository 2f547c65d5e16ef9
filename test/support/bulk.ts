/** Bulk operations as callers see them, and how a test drives them. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { coordinator, until } from "./direct.ts";
import { type Answer, type Ask, ask } from "./requests.ts";

export type Count = number | { readonly atLeast: number };

export interface Operation {
  readonly id: string;
  readonly operation: "cancel" | "retry";
  readonly status: "collecting" | "running" | "completed" | "aborted";
  readonly abortReason: string | null;
  readonly filter: Readonly<Record<string, unknown>> | null;
  readonly by: string;
  readonly byId: string;
  readonly counts: {
    readonly matched: Count;
    readonly accepted: number;
    readonly skipped: number;
    readonly failed: number;
    readonly remaining: Count;
  };
  readonly createdAt: string;
  readonly completedAt: string | null;
  readonly ended?: Readonly<Record<string, number>> | null;
  readonly code?: string;
}

export interface Item {
  readonly runId: string;
  readonly outcome: string | null;
  readonly code: string | null;
  readonly newRunId: string | null;
}

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
