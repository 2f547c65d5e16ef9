/** Stores a version of an action: checks it, keeps the secrets that it leaves out, seals them, and compares and sets. */

import type { Context } from "hono";
import type { AuditEntry } from "../auth/audit.ts";
import { LABELS_MAX } from "../base/limits.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { requirePreconditions } from "../http/preconditions.ts";
import { sentenceOf } from "../http/validate.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { webhookPolicy } from "../settings/webhook-policy.ts";
import { trigger as triggerSchema } from "../webhooks/request/trigger.ts";
import { plainUrl } from "../webhooks/template/template.ts";
import { changeAction } from "./change.ts";
import type { ActionDefinition, StoredTrigger } from "./definition.ts";
import { openSecrets, sealSecrets } from "./sealing.ts";
import {
  joinSecrets,
  type MissingSecret,
  type Secrets,
  type SplitDefinition,
  splitSecrets,
} from "./secrets.ts";
import { type ActionPlace, putAction, type StoredAction } from "./store.ts";

/** `definition`: JSON as a GET shows it. */
export interface PutAction {
  readonly version: number;
  readonly isNew: boolean;
  readonly definition: string;
}

/**
 * Throws `precondition_failed`, `secret_required`, `too_many_actions`, `too_many_labels`, `invalid_body`, `not_configured` and
 * errors of D1.
 * A PUT without conditions that finds another change in its way starts again, on top of that change.
 */
export async function storeAction(
  c: Context<AppEnv>,
  ring: KeyRing,
  place: ActionPlace,
  sent: ActionDefinition,
  entry: AuditEntry,
): Promise<PutAction> {
  const labels = sent.labels?.length ?? 0;
  if (labels > LABELS_MAX) {
    throw new ApiError("too_many_labels", `The action has ${labels} labels. Send at most ${LABELS_MAX}.`);
  }
  requireCallableUrls(c, sent.trigger);
  return changeAction(c, place, entry, async ({ action, lastDeleted }) => {
    requirePreconditions(c, action?.version ?? null);
    const replaces = action?.version ?? 0;
    const version = (action?.version ?? lastDeleted) + 1;
    const { definition, secrets } = await withKeptSecrets(ring, place, sent, action);
    requireWholeTrigger(definition.trigger, secrets);
    const text = JSON.stringify(definition);
    const sealed = await sealSecrets(ring, secrets, { ...place, version });
    const put = { place, replaces, version, definition: text, sealed };
    const putting = await readD1(c.get("hops"), () => putAction(c.env.DB, put, entry));
    if (putting === "full") throw new ApiError("too_many_actions");
    return putting === "changed" ? null : { version, isNew: action === null, definition: text };
  });
}

async function withKeptSecrets(
  ring: KeyRing,
  place: ActionPlace,
  sent: ActionDefinition,
  action: StoredAction | null,
): Promise<SplitDefinition> {
  let stored: { readonly definition: ActionDefinition; readonly secrets: Secrets | null } | null = null;
  if (action !== null) {
    const { sealed, version } = action;
    const secrets = sealed === null ? new Map() : await openSecrets(ring, sealed, { ...place, version });
    stored = { definition: JSON.parse(action.definition) as ActionDefinition, secrets };
  }
  const split = splitSecrets(sent, stored);
  if (!split.ok) throw secretRequired(split.error);
  return split.value;
}

const REASONS: Readonly<Record<MissingSecret["reason"], string>> = {
  nothing_stored: "there is no stored value to keep. Send the value instead of null.",
  moved:
    "the stored value is kept only if trigger.url and trigger.cancel.url have the same scheme, host and port, and had them before. Send the value again.",
  lost: "the stored value was sealed under a signing key that was removed. Send the value again.",
};

function secretRequired({ place, reason }: MissingSecret): ApiError {
  return new ApiError("secret_required", `${place.slice(0, 200)}: ${REASONS[reason]}`);
}

/** The rules of a trigger hold for the whole of it. The sentence quotes and counts no secret. */
function requireWholeTrigger(trigger: StoredTrigger | undefined, secrets: Secrets): void {
  if (trigger === undefined) return;
  const whole = joinSecrets(trigger, secrets);
  const { error } = triggerSchema.safeParse(whole ?? trigger);
  if (error === undefined) return;
  const issues = error.issues.map((issue) => ({ ...issue, path: ["trigger", ...issue.path] }));
  throw new ApiError("invalid_body", sentenceOf(issues));
}

/** Refuses at once what no run could call. A run judges its URL again, because the settings may have changed. */
function requireCallableUrls(c: Context<AppEnv>, trigger: StoredTrigger | undefined): void {
  if (trigger === undefined) return;
  const policy = webhookPolicy(c.env, new URL(c.req.url).origin);
  if (!policy.ok) throw new ApiError("not_configured", policy.error);
  const urls = { "trigger.url": trigger.url, "trigger.cancel.url": trigger.cancel?.url };
  for (const [place, template] of Object.entries(urls)) {
    if (template === undefined) continue;
    const guarded = guardUrl(plainUrl(template), policy.value);
    if (!guarded.ok) throw new ApiError("invalid_body", `${place}: ${guarded.error}`);
  }
}
