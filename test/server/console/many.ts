/** An environment with more runs than a test can create, for the tests of a long list. */

import type { ActionRun } from "../../../src/client/index.ts";
import { type LandedRun, landInD1 } from "../state.ts";

export const MANY = { org: "of-console-many", env: "prod", runs: 10_000 };

/** The `n`th of the runs, an hour old at most. No service made it, so it can only be listed. */
function landed(n: number): LandedRun {
  const createdAt = Date.now() - 3_600_000 + n * 300;
  const hex = createdAt.toString(16).padStart(12, "0");
  const id = `${hex.slice(0, 8)}-${hex.slice(8)}-8000-8000-${n.toString(16).padStart(12, "0")}`;
  const actionName = ["deploy", "build-image", "rotate-keys"][n % 3] ?? "";
  const status = n % 7 === 0 ? "failed" : "succeeded";
  const at = new Date(createdAt).toISOString();
  const body: ActionRun = {
    id,
    actionName,
    entityId: null,
    status,
    parameters: { version: `1.${n}.0`, region: "eu-west-1" },
    recommendations: {},
    triggeredBy: "ci",
    createdAt: at,
    startedAt: at,
    completedAt: new Date(createdAt + (n % 50) * 1000).toISOString(),
    error: status === "failed" ? "Exit code 137: out of memory" : null,
    output: null,
  };
  return { id, actionName, status, triggeredBy: "ci", body: JSON.stringify(body) };
}

/** Puts the runs into D1. No server may run meanwhile. */
export function landMany(state: string): void {
  landInD1(
    state,
    `${MANY.org}/shop/${MANY.env}`,
    Array.from({ length: MANY.runs }, (_, n) => landed(n)),
  );
}
