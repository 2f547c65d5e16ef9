/** Stored actions as a kind of stored definition: what a PUT checks, and what an isolate remembers. */

import type { Context } from "hono";
import { ACTIONS_MAX_PER_ENVIRONMENT } from "../base/limits.ts";
import type { AfterWrite, DefinitionKind } from "../definitions/kind.ts";
import { DefinitionMemory } from "../definitions/memory.ts";
import type { Secrets } from "../definitions/sealing.ts";
import { joinSecrets } from "../definitions/secrets.ts";
import type { StoredDefinition } from "../definitions/store.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { refusalOf } from "../http/refusal.ts";
import { type CheckedSchema, checkSchema } from "../json-schema/check-schema.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { webhookPolicy } from "../settings/webhook-policy.ts";
import { trigger as triggerSchema } from "../webhooks/request/trigger.ts";
import { plainUrl } from "../webhooks/template/template.ts";
import { type ActionDefinition, actionDefinition } from "./definition.ts";
import { gateChangeOf } from "./gate-change.ts";
import { placeholderFault } from "./parameter-placeholders.ts";
import { actionSecrets } from "./secrets.ts";

/** An action as a run needs it, with its secrets still sealed. */
export interface KnownAction {
  readonly version: number;
  readonly definition: ActionDefinition;
  readonly schema: CheckedSchema | null;
  readonly sealed: Uint8Array<ArrayBuffer> | null;
  /** Whether the definition uses something that this code does not know. Then no run of it may start. */
  readonly needsNewerCode: boolean;
}

/** What a definition can use that older code must not ignore. */
const GATES = "gates";
const KNOWN_FEATURES: ReadonlySet<string> = new Set([GATES]);

/** Older code would start a run at once that must wait. */
function featuresOf({ concurrency, approval }: ActionDefinition): readonly string[] {
  return concurrency === undefined && approval === undefined ? [] : [GATES];
}

/** What runs need to know of an action that was stored. This room knows no run. */
export type AfterActionWrite = AfterWrite<ActionDefinition>;

/** Per isolate. */
export const actionMemory = new DefinitionMemory<KnownAction>(toKnown);

export const ACTION_KIND: DefinitionKind<ActionDefinition> = {
  name: "action",
  noun: "action",
  maxPerEnvironment: ACTIONS_MAX_PER_ENVIRONMENT,
  notFound: "action_not_found",
  tooMany: "too_many_actions",
  audit: { put: "action_put", deleted: "action_deleted", versionDeleted: "action_version_deleted" },
  permissions: { read: "data:read", manage: "actions:manage" },
  memory: actionMemory,
  schema: actionDefinition,
  secrets: actionSecrets,
  complete: (definition) => ({ definition, shownOnce: {} }),
  requireStorable,
  requireWhole,
  filterOf: () => null,
  featuresOf,
  gateChangeOf,
  besides: () => new Map(),
  beforeChange: async () => {},
  afterWrite: async () => {},
  afterChange: async () => {},
};

function toKnown({ version, definition: text, sealed, features }: StoredDefinition): KnownAction {
  const definition = JSON.parse(text) as ActionDefinition;
  const needsNewerCode = features.some((feature) => !KNOWN_FEATURES.has(feature));
  // Whatever else such a definition has, this code can't know whether it is right.
  if (needsNewerCode) return { version, definition, schema: null, sealed, needsNewerCode };
  const checked = definition.parametersSchema === undefined ? null : checkSchema(definition.parametersSchema);
  // Only if a later release accepts less. Runs without the check would be worse than no runs.
  if (checked !== null && !checked.ok) throw new Error(`a stored schema is refused: ${checked.error.pointer}`);
  return { version, definition, schema: checked?.value ?? null, sealed, needsNewerCode };
}

/**
 * Throws `gate_needs_trigger`, `not_configured` and `invalid_body`. Refuses at once what no run
 * could call. Each run checks its URL again, because the settings may have changed.
 */
function requireStorable(c: Context<AppEnv>, { trigger, concurrency, approval }: ActionDefinition): void {
  if (trigger === undefined) {
    const gate = concurrency === undefined ? (approval === undefined ? null : "approval") : "concurrency";
    if (gate !== null) throw needsTrigger(gate);
    return;
  }
  const policy = webhookPolicy(c.env, new URL(c.req.url).origin);
  if (!policy.ok) throw new ApiError("not_configured", policy.error);
  const requests = [
    { path: ["trigger", "url"], template: trigger.url },
    { path: ["trigger", "cancel", "url"], template: trigger.cancel?.url },
  ];
  for (const { path, template } of requests) {
    if (template === undefined) continue;
    const guarded = guardUrl(plainUrl(template), policy.value);
    if (!guarded.ok) throw refusalOf("invalid_body", [{ path, message: guarded.error }]);
  }
}

function needsTrigger(gate: "concurrency" | "approval"): ApiError {
  const sentence = `${gate} holds back the trigger, and the action has none. Add a trigger, or leave ${gate} out.`;
  return new ApiError("gate_needs_trigger", sentence, { pointer: `/${gate}` });
}

/** Some rules need the trigger with its secrets. The sentence quotes no secret, and counts no characters of one. */
function requireWhole(definition: ActionDefinition, secrets: Secrets): void {
  const whole = joinSecrets(actionSecrets, definition, secrets) ?? definition;
  const { trigger } = whole;
  if (trigger === undefined) return;
  const { error } = triggerSchema.safeParse(trigger);
  if (error !== undefined) {
    const issues = error.issues.map((issue) => ({ ...issue, path: ["trigger", ...issue.path] }));
    throw refusalOf("invalid_body", issues);
  }
  const fault = placeholderFault(whole);
  if (fault !== null) throw refusalOf("invalid_body", [fault]);
}
