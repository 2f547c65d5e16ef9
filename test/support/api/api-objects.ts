/** What the API shows of a run and of what is around it, for tests in Node that play the service. */

import type { components } from "../../../src/client/openapi.ts";

type Schemas = components["schemas"];
/** A member that is missing in most runs is left out. */
type Details = Omit<Required<NonNullable<Schemas["DetailedActionRun"]["details"]>>, "erasedAt">;

export const RUN = {
  id: "01a212de-9b55-8003-a8a9-dd2c148ea617",
  actionName: "deploy",
  entityId: null,
  status: "pending",
  parameters: {},
  recommendations: {},
  triggeredBy: "root",
  createdAt: "2026-11-25T13:21:48.373Z",
  startedAt: null,
  completedAt: null,
  error: null,
  output: null,
} as const;

/** What `details` is of a run without a trigger that waits for nothing. */
export const DETAILS: Details = {
  title: null,
  subject: null,
  source: "none",
  action: null,
  retryOf: null,
  bulkOperationId: null,
  schedule: null,
  retry: null,
  traceparent: null,
  labels: [],
  externalUrl: null,
  heartbeat: null,
  cancel: null,
  via: null,
  agent: null,
  waiting: null,
  approval: null,
  delivery: null,
};

/** What `details.waiting` is of a run that waits for approval. */
export const WAITING = {
  for: "approval",
  since: RUN.createdAt,
  until: RUN.createdAt,
  notBefore: null,
  group: null,
  key: null,
  reason: null,
} as const;

/** A cancel of three runs, about which nothing is decided yet. */
export const OPERATION: Schemas["BulkOperation"] = {
  id: "01a212de-9b55-8003-a8a9-0000000000b1",
  operation: "cancel",
  status: "running",
  abortReason: null,
  filter: { status: ["running"] },
  by: "ada",
  byId: RUN.id,
  createdAt: RUN.createdAt,
  completedAt: null,
  counts: { matched: 3, accepted: 0, skipped: 0, failed: 0, remaining: 3 },
};

export const API_TOKEN: Schemas["ApiToken"] = {
  id: RUN.id,
  name: "portal",
  role: "member",
  envName: null,
  parentId: null,
  createdBy: "root",
  person: "ada@acme",
  mayApprove: true,
  mayActForOthers: true,
  trust: null,
  createdAt: RUN.createdAt,
  expiresAt: null,
  lastUsedAt: null,
  oldSecretExpiresAt: null,
};

/** A webhook endpoint's definition, as it is listed. */
export const ENDPOINT: Schemas["ListedWebhookEndpoint"]["definition"] = {
  url: null,
  headers: {},
  events: ["action_run.failed", "action_run.succeeded"],
  signingSecret: null,
  actionNames: ["deploy"],
  includeUnstored: false,
  onlyOnChange: true,
  final: false,
  disabled: false,
};

/** What the API answers to a revoke of a token that created and stored nothing. */
export const revokedAlone = (id: string) => ({
  revoked: [id],
  webhookEndpoints: [],
  moreWebhookEndpoints: false,
  actions: [],
  moreActions: false,
  schedules: [],
  moreSchedules: false,
  waitingRuns: 0,
  approvedRuns: [],
  moreApprovedRuns: false,
});
