/** Which operation is held against which, at how many callers, and the ratio that is aimed at. */

import type { OperationName } from "./operations.ts";

export const CALLERS = [1, 16, 64] as const;
export type Callers = (typeof CALLERS)[number];

export interface Comparison {
  readonly ours: OperationName;
  readonly limit: OperationName;
  /** Ours per second over the limit's, for each of CALLERS. */
  readonly targets: readonly [number, number, number];
}

export const COMPARISONS: readonly Comparison[] = [
  { ours: "refused callback", limit: "verify HMAC", targets: [0.9, 0.9, 0.9] },
  { ours: "get, ended run", limit: "hello", targets: [0.8, 0.8, 0.8] },
  { ours: "get, open run", limit: "D1 select", targets: [0.85, 0.85, 0.85] },
  { ours: "list of 50", limit: "D1 page of 50", targets: [0.85, 0.85, 0.85] },
  { ours: "create", limit: "object write + D1 upsert", targets: [0.85, 1.5, 2] },
  { ours: "callback", limit: "object write + D1 upsert", targets: [0.85, 1.5, 2] },
  { ours: "create", limit: "Workflows create", targets: [2.5, 4, 6] },
  { ours: "callback", limit: "Workflows sendEvent", targets: [1.3, 2, 3] },
];

/**
 * What is measured back to back, so that whatever the machine does meanwhile it does to all of them. A callback ends
 * what the create before it made, and so does an event.
 */
export const GROUPS: readonly (readonly (readonly OperationName[])[])[] = [
  [["refused callback"], ["verify HMAC"]],
  [["get, ended run"], ["hello"]],
  [["get, open run"], ["D1 select"]],
  [["list of 50"], ["D1 page of 50"]],
  [
    ["create", "callback"],
    ["object write + D1 upsert"],
    ["Workflows create", "Workflows sendEvent"],
    ["object write"],
    ["D1 upsert"],
  ],
];
