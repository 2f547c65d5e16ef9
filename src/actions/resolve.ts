/** Resolves an action for a run, from this isolate's memory, or one that a request brings, for a preview or a test. */
import type { Context } from "hono";
import type { JsonObject } from "../base/json.ts";
import { type CheckedSchema, checkSchema } from "../base/json-schema/check-schema.ts";
import { validate } from "../base/json-schema/validate.ts";
import { readD1 } from "../database/read-d1.ts";
import { inDefinition, secretsOf, triedDefinition } from "../definitions/change.ts";
import { type DefinitionRef, joinSecrets } from "../definitions/kind.ts";
import { secretsAt } from "../definitions/rotation.ts";
import { ApiError } from "../http/errors.ts";
import { type AppEnv, type Environment, scopeOf, usableRing } from "../http/request-context.ts";
import type { Env } from "../settings/env.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import type { Trigger } from "../webhooks/trigger.ts";
import type { ActionDefinition, StoredTrigger } from "./definition.ts";
import {
  ACTION_KIND,
  actionMemory,
  actionSecrets,
  EVENT_SECRET,
  type KnownAction,
  requireStorable,
  requireWhole,
} from "./kind.ts";

/** The times are in minutes. */
export interface ResolvedAction extends Omit<ActionDefinition, "trigger" | "labels"> {
  readonly name: string;
  readonly version: number;
  /** With all its secrets. It never leaves the Worker unsealed. */
  readonly trigger: Trigger | undefined;
  /** The same as a GET shows it, with null instead of each secret. */
  readonly shownTrigger: StoredTrigger | undefined;
  readonly labels: readonly string[];
  readonly schema: CheckedSchema | null;
}

/** Throws what `knownAction` throws, `action_secrets_lost`, `invalid_parameters` and `not_configured`. */
export async function resolveAction(
  environment: Environment,
  name: string,
  parameters: JsonObject,
): Promise<ResolvedAction> {
  const known = await knownAction(environment, name);
  const trigger = await openTrigger(environment.env, { scope: environment.scope, name }, known);
  if (trigger === null) throw new ApiError("action_secrets_lost");
  return resolved(name, known, trigger, parameters);
}

/** Throws `action_not_found`, `action_needs_newer_code` and `database_unavailable`. */
export async function knownAction({ env, hops, scope, waitUntil }: Environment, name: string): Promise<KnownAction> {
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
  const { trigger: shownTrigger, labels = [] } = definition;
  const action = { ...definition, name, version, trigger, shownTrigger, labels, schema };
  const fault = faultOfParameters(schema, parameters);
  if (fault === null) return action;
  // The pointer leads into the body; the sentence names the location in the parameters.
  throw new ApiError("invalid_parameters", fault.sentence, { pointer: `/parameters${fault.pointer}` });
}

/** Null if no key opens the secrets. */
async function openTrigger(env: Env, ref: DefinitionRef, known: KnownAction): Promise<Trigger | undefined | null> {
  const { definition, sealed } = known;
  if (definition.trigger === undefined) return undefined;
  const secrets = sealed === null ? new Map() : await secretsOf(ACTION_KIND, usableRing({ env }), ref, known);
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

/** Why the action's schema refuses these parameters. Null if it accepts them, or if there is no schema. */
export function faultOfParameters(schema: CheckedSchema | null, parameters: JsonObject) {
  const checked = schema === null ? null : validate(schema, parameters);
  return checked === null || checked.ok ? null : checked.error;
}

/** In D1's primary, because memory can be behind. Null if there is no action. Throws `database_unavailable`. */
export async function currentVersion(
  { env, hops, scope }: Omit<Environment, "waitUntil">,
  name: string,
): Promise<number | null> {
  const select = env.DB.withSession("first-primary")
    .prepare(`SELECT version FROM definitions WHERE scope = ?1 AND kind = '${ACTION_KIND.name}' AND name = ?2`)
    .bind(scope, name);
  return readD1(hops, () => select.first<number>("version"));
}

/** What stands for a secret where only the rest of the request is wanted. */
const STAND_IN = "x";
const STAND_IN_KEY = `whsec_${"0".repeat(44)}`;

/** With a harmless text for each secret that is null, and without its schema: nobody may know good parameters yet. */
export async function actionToShow(
  c: Context<AppEnv>,
  environment: Environment,
  name: string,
  sent: ActionDefinition | undefined,
): Promise<ResolvedAction> {
  const definition = sent ?? (await knownAction(environment, name)).definition;
  const whole = actionSecrets.map(definition, (path, text) => {
    return text ?? (path.at(-1) === "signingSecret" ? STAND_IN_KEY : STAND_IN);
  });
  if (sent !== undefined) {
    const storable = requireStorable(c, sent);
    await storable.then(() => requireWhole(whole, new Map())).catch(inDefinition);
  }
  // The key of the queue is no part of the request, and needs values that nobody has to know yet.
  const { concurrency: _, ...shown } = actionSecrets.map(definition, () => null);
  // No null is left in the trigger.
  return resolved(name, { version: 0, definition: shown, schema: null }, whole.trigger as Trigger | undefined, {});
}

/**
 * The action with its secrets, those of the stored definition where null stands. Throws what a PUT and a run throw,
 * `test_needs_trigger`, and `test_skips_gates`.
 *
 * The threat is a test that goes around a gate: a deploy that nobody approved, a second one beside that of the slot, or
 * one in a freeze. So no action with a gate is tested, nor a definition without its gate. D1 is asked, because the gate
 * may be new.
 */
export async function actionToTest(
  c: Context<AppEnv>,
  environment: Environment & { readonly ring: KeyRing },
  name: string,
  sent: ActionDefinition | undefined,
  parameters: JsonObject,
): Promise<ResolvedAction> {
  if (sent === undefined) {
    actionMemory.forget({ scope: scopeOf(c), name });
    const action = await resolveAction(environment, name, parameters);
    requireNoGate(action);
    if (action.trigger === undefined) throw new ApiError("test_needs_trigger");
    return action;
  }
  const { stored, split, whole } = await triedDefinition(c, ACTION_KIND, environment.ring, sent).catch(inDefinition);
  requireNoGate(sent);
  // Each gate is a feature, and what this code does not know may be a gate.
  if (stored !== null && stored.features.length > 0) throw new ApiError("test_skips_gates");
  if (whole.trigger === undefined) throw new ApiError("test_needs_trigger");
  const checked = sent.parametersSchema === undefined ? null : checkSchema(sent.parametersSchema);
  // The check of the body has refused every schema that is not valid.
  const schema = checked?.ok ? checked.value : null;
  const known = { version: stored?.version ?? 0, definition: split.definition, schema };
  return resolved(name, known, whole.trigger as Trigger, parameters);
}

function requireNoGate({ approval, concurrency }: Pick<ActionDefinition, "approval" | "concurrency">): void {
  if (approval !== undefined || concurrency !== undefined) throw new ApiError("test_skips_gates");
}
