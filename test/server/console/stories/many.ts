/** Environments with more runs than a test can create, for the tests of a long list and of its search. */

import type { Schemas } from "../../../../src/client/index.ts";
import { putInD1, type RunInD1 } from "../../state.ts";

export const MANY = { org: "of-console-many", env: "prod", runs: 10_000 };

/** 3000 runs of 40 actions, one every 5 minutes until now: ten days, and several pages of the longest kind. */
export const RELEASES = {
  org: "of-console-releases",
  env: "prod",
  runs: 3000,
  ends: 2990,
  everyMs: 300_000,
  actions: ["deploy", "deploy-docs", ...Array.from({ length: 38 }, (_, n) => `build-service-${n + 1}`)],
  /** What deploys are about. */
  services: ["storefront", "search", "billing"],
  triggers: ["ci", "nightly", "release-bot"],
  /** Of every seventh run. */
  error: "Exit code 137: out of memory\n    at Rollout (rollout.ts:12)\n    at main (main.ts:3)",
};

interface Facts {
  readonly n: number;
  /** What the run's id ends with, as a number. */
  readonly end: number;
  readonly createdAt: number;
  readonly actionName: string;
  readonly triggeredBy: string;
  readonly status: "failed" | "succeeded";
  readonly error: string | null;
  readonly labels?: readonly string[];
  readonly title?: string;
  readonly subject?: string;
}

/** The id of a run. No service made it, so the run can only be listed. */
function idOfRun(createdAt: number, end: number): string {
  const hex = createdAt.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-8000-8000-${end.toString(16).padStart(12, "0")}`;
}

function runInD1({ n, end, createdAt, actionName, triggeredBy, status, error, ...face }: Facts): RunInD1 {
  const id = idOfRun(createdAt, end);
  const at = new Date(createdAt).toISOString();
  const body: Schemas["ActionRun"] = {
    id,
    actionName,
    entityId: null,
    status,
    parameters: { version: `1.${n}.0`, region: "eu-west-1" },
    recommendations: {},
    triggeredBy,
    createdAt: at,
    startedAt: at,
    completedAt: new Date(createdAt + (n % 50) * 1000).toISOString(),
    error,
    output: null,
  };
  return { id, actionName, status, triggeredBy, body: JSON.stringify(body), ...face };
}

/** The `n`th of many runs, an hour old at most. */
function oneOfMany(n: number): RunInD1 {
  const status = n % 7 === 0 ? "failed" : "succeeded";
  return runInD1({
    n,
    end: n,
    createdAt: Date.now() - 3_600_000 + n * 300,
    actionName: ["deploy", "build-image", "rotate-keys"][n % 3] ?? "",
    triggeredBy: "ci",
    status,
    error: status === "failed" ? "Exit code 137: out of memory" : null,
  });
}

/** The `n`th of the releases: 0 is the newest. */
function release(n: number): RunInD1 {
  const status = n % 7 === 0 ? "failed" : "succeeded";
  const actionName = RELEASES.actions[n % RELEASES.actions.length] ?? "";
  const subject = RELEASES.services[(n / RELEASES.actions.length) % RELEASES.services.length];
  return runInD1({
    n,
    // The oldest ids end like the newest ones.
    end: n % RELEASES.ends,
    createdAt: Date.now() - (n + 1) * RELEASES.everyMs,
    actionName,
    triggeredBy: RELEASES.triggers[n % RELEASES.triggers.length] ?? "",
    status,
    error: status === "failed" ? RELEASES.error : null,
    labels: [`shop-${n % 60}`],
    // Only deploys have a whole number of them.
    ...(subject !== undefined && { title: `deploy ${subject} 1.${n}.0`, subject }),
  });
}

/** Puts the runs into D1. No server may run meanwhile. */
export function putMany(state: string): void {
  const numbered = (count: number, make: (n: number) => RunInD1) => Array.from({ length: count }, (_, n) => make(n));
  putInD1(state, `${MANY.org}/shop/${MANY.env}`, numbered(MANY.runs, oneOfMany));
  putInD1(state, `${RELEASES.org}/shop/${RELEASES.env}`, numbered(RELEASES.runs, release));
}
