/** Runs with labels in a coordinator, and what D1 has of them. */

import { env } from "cloudflare:workers";
import { direct, MINUTE_MS, newIdIn } from "./direct.ts";
import { scopeOfPath } from "./requests.ts";

/** Creates a run with these labels; its id. */
export async function createLabelled(path: string, labels: readonly string[], createdAt = Date.now()): Promise<string> {
  const id = await newIdIn(path, createdAt);
  const answer = await direct(path).runs.create(
    {
      id,
      createdAt,
      deadlineAt: createdAt + 60 * MINUTE_MS,
      actionName: "deploy",
      entityId: null,
      parameters: "{}",
      recommendations: "{}",
      triggeredBy: "root",
      heartbeatTimeoutMs: null,
      source: "none",
      actionVersion: null,
      retryOf: null,
      traceparent: null,
      via: null,
      timeoutMs: 3_600_000,
      gates: null,
      labels: JSON.stringify([...labels].sort()),
    },
    { key: `m:${id}`, fingerprint: "" },
    null,
  );
  if (!answer.ok) throw new Error(`create: ${answer.reason}`);
  return id;
}

/** All labels of an environment in D1, as `label id`. */
export async function labelsInD1(path: string): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT label, id FROM run_labels WHERE scope = ? ORDER BY id, label")
    .bind(scopeOfPath(path))
    .all<{ label: string; id: string }>();
  return results.map(({ label, id }) => `${label} ${id}`);
}
