/**
 * Resolves an action for a run: its newest definition that this isolate knows (outage-cache.ts), with its secrets
 * opened.
 */
import type { JsonObject } from "../base/json.ts";
import type { CheckedSchema } from "../base/json-schema/check-schema.ts";
import { validate } from "../base/json-schema/validate.ts";
import { readD1 } from "../database/read-d1.ts";
import { secretsOf } from "../definitions/change.ts";
import { type DefinitionRef, joinSecrets } from "../definitions/kind.ts";
import { secretsAt } from "../definitions/rotation.ts";
import type { Secrets } from "../definitions/sealing.ts";
import { ApiError } from "../http/errors.ts";
import type { Hops } from "../http/request-context.ts";

import type { Env } from "../settings/env.ts";
import { type KeyRing, keyRing } from "../settings/key-ring.ts";
import type { Trigger } from "../webhooks/trigger.ts";
import type { ActionDefinition, StoredTrigger } from "./definition.ts";
import { ACTION_KIND, actionMemory, EVENT_SECRET, type KnownAction } from "./kind.ts";

/** The times are in minutes, as the definition has them. */
export interface ResolvedAction
  extends Pick<
    ActionDefinition,
    | "title"
    | "subject"
    | "timeout"
    | "heartbeatTimeout"
    | "waitTimeout"
    | "approval"
    | "concurrency"
    | "retry"
    | "reporter"
  > {
  readonly name: string;
  readonly version: number;
  /** With all its secrets. It never leaves the Worker unsealed. */
  readonly trigger: Trigger | undefined;
  /** The same as a GET shows it, with null instead of each secret. */
  readonly shownTrigger: StoredTrigger | undefined;
  readonly labels: readonly string[];
  readonly schema: CheckedSchema | null;
}

/** What a request uses to resolve actions. `waitUntil`: lets a late answer of D1 still count. */
export interface Resolver {
  readonly env: Env;
  readonly hops: Hops;
  readonly scope: string;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/**
 * The action, if its schema accepts the parameters. Reads D1's primary once, and not at all while the
 * isolate remembers the action. Throws `action_not_found`, `action_needs_newer_code`, `action_secrets_lost`,
 * `invalid_parameters`, `not_configured` or `database_unavailable`.
 */
export async function resolveAction(
  { env, hops, scope, waitUntil }: Resolver,
  name: string,
  parameters: JsonObject,
): Promise<ResolvedAction> {
  const ref = { scope, name };
  const known = await knownAction({ env, hops, scope, waitUntil }, name);
  const trigger = await openTrigger(env, ref, known);
  if (trigger === null) throw new ApiError("action_secrets_lost");
  return resolved(name, known, trigger, parameters);
}

/** Throws `action_not_found`, `action_needs_newer_code` and `database_unavailable`. */
export async function knownAction({ env, hops, scope, waitUntil }: Resolver, name: string): Promise<KnownAction> {
  const known = await actionMemory.look(env.DB, hops, ACTION_KIND, { scope, name }, waitUntil, Date.now());
  if (known === null) throw new ApiError("action_not_found");
  if (known.needsNewerCode) throw new ApiError("action_needs_newer_code");
  return known;
}

/** `trigger`: that of the definition, complete. Throws `invalid_parameters`. */
export function resolved(
  name: string,
  { version, definition, schema }: Pick<KnownAction, "version" | "definition" | "schema">,
  trigger: Trigger | undefined,
  parameters: JsonObject,
): ResolvedAction {
  const {
    title,
    subject,
    timeout,
    heartbeatTimeout,
    waitTimeout,
    approval,
    concurrency,
    retry,
    reporter,
    labels = [],
  } = definition;
  const gates = { waitTimeout, approval, concurrency };
  const settings = { title, subject, timeout, heartbeatTimeout, ...gates, retry, reporter, labels };
  const action = { name, version, trigger, shownTrigger: definition.trigger, ...settings, schema };
  requireValidParameters(action, parameters);
  return action;
}

/** Null if no key opens the secrets. */
async function openTrigger(env: Env, ref: DefinitionRef, known: KnownAction): Promise<Trigger | undefined | null> {
  const { definition, sealed } = known;
  if (definition.trigger === undefined) return undefined;
  let secrets: Secrets | null = new Map();
  if (sealed !== null) {
    const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
    if (!ring.ok) throw new ApiError("not_configured", ring.error);
    secrets = await secretsOf(ACTION_KIND, ring.value, ref, known);
  }
  const whole = secrets === null ? null : joinSecrets(ACTION_KIND.secrets, definition, secrets);
  // `joinSecrets` left no null.
  return whole === null ? null : (whole.trigger as Trigger);
}

/** All secrets that prove an event now. Throws `action_secrets_lost`. */
export async function eventSecretsOf(
  ring: KeyRing,
  ref: DefinitionRef,
  known: KnownAction,
  now: number,
): Promise<readonly string[]> {
  const secrets = await secretsOf(ACTION_KIND, ring, ref, known);
  if (secrets === null) throw new ApiError("action_secrets_lost");
  return secretsAt(secrets, EVENT_SECRET.member, now);
}

/** Throws `invalid_parameters`. Its pointer leads into the body; its sentence names the location in the parameters. */
function requireValidParameters({ schema }: ResolvedAction, parameters: JsonObject): void {
  const fault = faultOfParameters(schema, parameters);
  if (fault === null) return;
  const { pointer, sentence } = fault;
  throw new ApiError("invalid_parameters", sentence, { pointer: `/parameters${pointer}` });
}

/** Why the action's schema refuses these parameters. Null if it accepts them, or if there is no schema. */
export function faultOfParameters(schema: CheckedSchema | null, parameters: JsonObject) {
  const checked = schema === null ? null : validate(schema, parameters);
  return checked === null || checked.ok ? null : checked.error;
}

/**
 * Which version an action has now, read from D1's primary and not from the isolate's memory, which can be behind. Null
 * if there is no such action any more. Throws `database_unavailable`.
 */
export async function currentVersion(
  { env, hops, scope }: Omit<Resolver, "waitUntil">,
  name: string,
): Promise<number | null> {
  const select = env.DB.withSession("first-primary")
    .prepare(`SELECT version FROM definitions WHERE scope = ?1 AND kind = '${ACTION_KIND.name}' AND name = ?2`)
    .bind(scope, name);
  return readD1(hops, () => select.first<number>("version"));
}
