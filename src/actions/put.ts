/**
 * Stores a version of an action: checks its trigger's URL and labels, keeps the secrets that it leaves out, seals them,
 * and compares and sets.
 */

import type { Context } from "hono";
import type { AuditEntry } from "../auth/audit.ts";
import { LABELS_MAX } from "../base/limits.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { requirePreconditions } from "../http/preconditions.ts";
import { refusalOf } from "../http/refusal.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { webhookPolicy } from "../settings/webhook-policy.ts";
import { trigger as triggerSchema } from "../webhooks/request/trigger.ts";
import { plainUrl } from "../webhooks/template/template.ts";
import type { ActionRef } from "./action-ref.ts";
import { changeAction } from "./change.ts";
import type { ActionDefinition, StoredTrigger } from "./definition.ts";
import { placeholderFault } from "./parameter-placeholders.ts";
import { openSecrets, sealSecrets } from "./sealing.ts";
import {
  joinSecrets,
  type MissingSecret,
  type Secrets,
  type SplitDefinition,
  splitSecrets,
} from "./secrets.ts";
import { putAction, type StoredAction } from "./store.ts";

/** `definition`: JSON as a GET shows it. */
export interface PutAction {
  readonly version: number;
  readonly isNew: boolean;
  /** Whether nothing was written, because the definition is the stored one and no secret came with it. */
  readonly isUnchanged: boolean;
  readonly definition: string;
}

/**
 * Throws `precondition_failed`, `secret_required`, `too_many_actions`, `too_many_labels`, `invalid_body`,
 * `not_configured` and errors of D1. A PUT without conditions that finds another change in its way starts again, on top
 * of that change.
 */
export async function storeAction(
  c: Context<AppEnv>,
  ring: KeyRing,
  ref: ActionRef,
  sent: ActionDefinition,
  entry: AuditEntry,
): Promise<PutAction> {
  const labels = sent.labels?.length ?? 0;
  if (labels > LABELS_MAX) {
    const sentence = `The action has ${labels} labels. Send at most ${LABELS_MAX}.`;
    throw new ApiError("too_many_labels", sentence, { pointer: "/labels" });
  }
  requireCallableUrls(c, sent.trigger);
  return changeAction(c, ref, entry, async ({ action, lastDeleted }) => {
    requirePreconditions(c, action?.version ?? null);
    const replaces = action?.version ?? 0;
    const version = (action?.version ?? lastDeleted) + 1;
    const { definition, secrets, hasNewSecret } = await withKeptSecrets(ring, ref, sent, action);
    requireWholeTrigger(definition, secrets);
    const text = JSON.stringify(definition);
    if (action !== null && text === action.definition && !hasNewSecret) {
      return { version: action.version, isNew: false, isUnchanged: true, definition: text };
    }
    const sealed = await sealSecrets(ring, secrets, { ...ref, version });
    const put = { ref, replaces, version, definition: text, sealed };
    const putting = await readD1(c.get("hops"), () => putAction(c.env.DB, put, entry));
    if (putting === "full") throw new ApiError("too_many_actions");
    if (putting === "changed") return null;
    return { version, isNew: action === null, isUnchanged: false, definition: text };
  });
}

async function withKeptSecrets(
  ring: KeyRing,
  ref: ActionRef,
  sent: ActionDefinition,
  action: StoredAction | null,
): Promise<SplitDefinition> {
  let stored: { readonly definition: ActionDefinition; readonly secrets: Secrets | null } | null = null;
  if (action !== null) {
    const { sealed, version } = action;
    const secrets = sealed === null ? new Map() : await openSecrets(ring, sealed, { ...ref, version });
    stored = { definition: JSON.parse(action.definition) as ActionDefinition, secrets };
  }
  const split = splitSecrets(sent, stored);
  if (!split.ok) {
    const { path, reason } = split.error;
    throw refusalOf("secret_required", [{ path, message: REASONS[reason] }]);
  }
  return split.value;
}

const REASONS: Readonly<Record<MissingSecret["reason"], string>> = {
  nothing_stored: "there is no stored value to keep. Send the value instead of null.",
  moved:
    "the stored value is kept only while trigger.url and trigger.cancel.url have one scheme, host and port, and these do not change. Send the value again.",
  lost: "the stored value was sealed under a signing key that was removed. Send the value again.",
};

/** Some rules need the trigger with its secrets. The sentence quotes no secret, and counts no characters of one. */
function requireWholeTrigger({ trigger, parametersSchema }: ActionDefinition, secrets: Secrets): void {
  if (trigger === undefined) return;
  const whole = joinSecrets(trigger, secrets) ?? trigger;
  const { error } = triggerSchema.safeParse(whole);
  if (error !== undefined) {
    const issues = error.issues.map((issue) => ({ ...issue, path: ["trigger", ...issue.path] }));
    throw refusalOf("invalid_body", issues);
  }
  const fault = placeholderFault(whole, parametersSchema);
  if (fault !== null) throw refusalOf("invalid_body", [fault]);
}

/** Refuses at once what no run could call. Each run checks its URL again, because the settings may have changed. */
function requireCallableUrls(c: Context<AppEnv>, trigger: StoredTrigger | undefined): void {
  if (trigger === undefined) return;
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
