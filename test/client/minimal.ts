/** The smallest requests. The types that a generator makes from the OpenAPI document must accept them. */

import type { Schemas } from "../../src/client/index.ts";
import type { paths } from "../../src/client/openapi.ts";

const url = "https://ci.example.com/hooks";

export const creates: readonly Schemas["NewActionRun"][] = [
  { actionName: "deploy" },
  { actionName: "deploy", trigger: { type: "webhook", url } },
  { actionName: "deploy", trigger: { type: "webhook", url, retry: {} } },
  { actionName: "deploy", trigger: { type: "webhook", url, retry: { maxAttempts: 5 } } },
];
export const actions: readonly Schemas["ActionDefinition"][] = [
  {},
  { trigger: { type: "webhook", url } },
  { trigger: { type: "webhook", url, headers: { Authorization: null }, cancel: { url } } },
];
export const runOfAction: Schemas["NewRunOfAction"] = {};
export const endpoints: readonly Schemas["WebhookEndpoint"][] = [
  { url, events: ["action_run.*"] },
  { url: null, events: ["action_run.failed"] },
];
export const token: Schemas["NewApiToken"] = { name: "ci", role: "member" };
export const reports: readonly Schemas["Report"][] = [{ status: "succeeded" }, { status: "failed", error: "no" }];
export const heartbeat: Schemas["Heartbeat"] = {};

type Query<T> = T extends { readonly parameters: { readonly query?: infer Q } } ? Q : never;
export const list: Query<paths["/{o}/{p}/envs/{envName}/action-runs"]["get"]> = {};
