/** Which operation is compared with which, at how many callers, and the target ratio. */

import type { OperationName } from "../load/operations.ts";

export const CALLERS = [1, 16, 64] as const;
export type Callers = (typeof CALLERS)[number];

export interface Comparison {
  readonly ours: OperationName;
  readonly limit: OperationName;
  /** The target of our responses a second over the limit's, for each of CALLERS. Null if the ratio has no target. */
  readonly targets: readonly [number, number, number] | null;
}

/** What is compared, and in which groups it is measured. */
export interface Compared {
  readonly comparisons: readonly Comparison[];
  readonly groups: readonly Group[];
  /** Whose round trips are counted. */
  readonly counted: readonly OperationName[];
}

/** The operations of a group, in the order in which they follow each other. */
export type Group = readonly (readonly OperationName[])[];

export const COMPARISONS: readonly Comparison[] = [
  { ours: "refused callback", limit: "verify HMAC", targets: [0.9, 0.9, 0.9] },
  { ours: "get, ended run", limit: "hello", targets: [0.8, 0.8, 0.8] },
  { ours: "get, open run", limit: "D1 select", targets: [2.2, 3, 3] },
  { ours: "get while creates", limit: "D1 select while naive creates", targets: null },
  { ours: "list of 50", limit: "D1 page of 50", targets: [0.75, 0.75, 0.75] },
  { ours: "list while creates", limit: "D1 page while naive creates", targets: [0.85, 0.85, 0.85] },
  { ours: "list by text", limit: "list by no text", targets: null },
  { ours: "create", limit: "object write + D1 upsert", targets: [1.4, 1.8, 1.6] },
  { ours: "create, 20 environments", limit: "object write + D1 upsert", targets: [0.8, 1.3, 1.6] },
  { ours: "callback", limit: "object write + D1 upsert", targets: [1.4, 1.7, 1.7] },
  { ours: "create", limit: "Workflows create", targets: [4, 6, 6] },
  { ours: "callback", limit: "Workflows sendEvent", targets: [2.5, 3.2, 3.2] },
  { ours: "refused callback, routed", limit: "refused callback", targets: null },
  { ours: "create, routed", limit: "create", targets: null },
  { ours: "callback, polled", limit: "callback, not polled", targets: null },
  { ours: "callback, one endpoint", limit: "callback, no endpoint", targets: null },
  { ours: "callback, one chat", limit: "callback, no endpoint", targets: null },
];

/** The target of our responses for each second of the service's processor time, by the number of callers. */
export const CPU_TARGETS: Readonly<Partial<Record<OperationName, Readonly<Partial<Record<Callers, number>>>>>> = {
  create: { 16: 1300 },
  callback: { 16: 1300 },
};

/** What other callers do while an operation is measured. The pace is the same on both sides of a comparison. */
export interface Meanwhile {
  readonly operation: OperationName;
  readonly callers: number;
  /** Of all these callers together. A caller that still waits for its last response skips its turn. */
  readonly perSecond: number;
}

const CREATES: Meanwhile = { operation: "create", callers: 32, perSecond: 100 };
const NAIVE_CREATES: Meanwhile = { ...CREATES, operation: "object write + D1 upsert" };
const POLLERS = { callers: 1000, perSecond: 500 };

export const MEANWHILE: Readonly<Partial<Record<OperationName, Meanwhile>>> = {
  "get while creates": CREATES,
  "D1 select while naive creates": NAIVE_CREATES,
  "list while creates": CREATES,
  "D1 page while naive creates": NAIVE_CREATES,
  "callback, polled": { operation: "poll", ...POLLERS },
};

/**
 * The operations of a group are measured back to back, so that other load on the machine affects all of them. A
 * callback or an event ends the runs that the create before it made.
 */
const GROUPS: readonly Group[] = [
  [["refused callback"], ["verify HMAC"], ["refused callback, routed"]],
  [["get, ended run"], ["hello"]],
  [["get, open run"], ["D1 select"]],
  [["get while creates"], ["D1 select while naive creates"]],
  [["list of 50"], ["D1 page of 50"]],
  [["list while creates"], ["D1 page while naive creates"]],
  [["list by text"], ["list by no text"]],
  [
    ["create", "callback"],
    ["create, 20 environments"],
    ["create, routed"],
    ["object write + D1 upsert"],
    ["Workflows create", "Workflows sendEvent"],
    ["object write"],
    ["D1 upsert"],
  ],
  [
    ["create for callbacks", "callback, not polled"],
    ["create for callbacks", "callback, polled"],
  ],
  [
    ["create, one endpoint", "callback, one endpoint"],
    ["create, one chat", "callback, one chat"],
    ["create, no endpoint", "callback, no endpoint"],
  ],
];

export const USUAL: Compared = {
  comparisons: COMPARISONS,
  groups: GROUPS,
  counted: COMPARISONS.map(({ ours }) => ours),
};

/** An environment in DB_3 beside one in DB, where the other environments of a deployment are as well. */
const BETWEEN_DATABASES: readonly Comparison[] = [
  { ours: "create, DB_3", limit: "create, DB", targets: null },
  { ours: "callback, DB_3", limit: "callback, DB", targets: null },
  { ours: "list of 50, DB_3", limit: "list of 50, DB", targets: null },
];

export const DATABASES: Compared = {
  comparisons: BETWEEN_DATABASES,
  groups: [
    [
      ["create, DB", "callback, DB"],
      ["create, DB_3", "callback, DB_3"],
    ],
    [["list of 50, DB"], ["list of 50, DB_3"]],
  ],
  counted: BETWEEN_DATABASES.flatMap(({ ours, limit }) => [ours, limit]),
};
