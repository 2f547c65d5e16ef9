/**
 * Resolves an action that need not be stored: to show what it would send, or to test it. If the request brings no
 * definition, the stored one counts.
 */
import type { Context } from "hono";
import type { JsonObject } from "../base/json.ts";
import { type CheckedSchema, checkSchema } from "../base/json-schema/check-schema.ts";
import { inDefinition, triedDefinition } from "../definitions/change.ts";
import { ApiError } from "../http/errors.ts";
import { type AppEnv, scopeOf } from "../http/request-context.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import type { Trigger } from "../webhooks/trigger.ts";
import type { ActionDefinition } from "./definition.ts";
import { ACTION_KIND, actionMemory, actionSecrets, requireStorable, requireWhole } from "./kind.ts";
import { knownAction, type ResolvedAction, type Resolver, resolveAction, resolved } from "./resolve.ts";

/** What stands for a secret where only the rest of the request is wanted. */
const STAND_IN = "x";
const STAND_IN_KEY = `whsec_${"0".repeat(44)}`;

/**
 * The action with a harmless text in the place of each secret that is null. Reads no secret. Its schema is left out,
 * because a preview helps before anybody knows good parameters. Throws what a PUT throws about a definition,
 * `action_not_found` and `action_needs_newer_code`.
 */
export async function actionToShow(
  c: Context<AppEnv>,
  resolver: Resolver,
  name: string,
  sent: ActionDefinition | undefined,
): Promise<ResolvedAction> {
  const definition = sent ?? (await knownAction(resolver, name)).definition;
  const whole = actionSecrets.map(definition, (path, text) => {
    return text ?? (path.at(-1) === "signingSecret" ? STAND_IN_KEY : STAND_IN);
  });
  if (sent !== undefined) {
    try {
      await requireStorable(c, sent);
      requireWhole(whole, new Map());
    } catch (error) {
      inDefinition(error);
    }
  }
  // The key of the queue is no part of the request, and needs values that nobody has to know yet.
  const { concurrency: _, ...shown } = actionSecrets.map(definition, () => null);
  // No null is left in the trigger.
  return resolved(name, { version: 0, definition: shown, schema: null }, whole.trigger as Trigger | undefined, {});
}

/**
 * The action with its secrets, those of the stored definition where null stands. Throws what a PUT throws about a
 * definition, what a run throws about an action, `test_needs_trigger`, and `test_skips_gates`.
 *
 * The threat is a test that goes around a gate: a deploy that nobody approved, a second one beside that of the slot, or
 * one in a freeze. So no action with a gate is tested, and neither is a definition that would take the gate away. D1 is
 * asked, because the isolate may not have heard of a gate yet.
 */
export async function actionToTest(
  c: Context<AppEnv>,
  resolver: Resolver & { readonly ring: KeyRing },
  name: string,
  sent: ActionDefinition | undefined,
  parameters: JsonObject,
): Promise<ResolvedAction> {
  if (sent === undefined) {
    actionMemory.forget({ scope: scopeOf(c), name });
    const action = await resolveAction(resolver, name, parameters);
    requireNoGate(action);
    if (action.trigger === undefined) throw new ApiError("test_needs_trigger");
    return action;
  }
  const { stored, split, whole } = await triedDefinition(c, ACTION_KIND, resolver.ring, sent).catch(inDefinition);
  requireNoGate(sent);
  // Each gate is a feature, and what this code does not know may be a gate.
  if (stored !== null && stored.features.length > 0) throw new ApiError("test_skips_gates");
  if (whole.trigger === undefined) throw new ApiError("test_needs_trigger");
  const known = { version: stored?.version ?? 0, definition: split.definition, schema: schemaOf(sent) };
  return resolved(name, known, whole.trigger as Trigger, parameters);
}

function requireNoGate({ approval, concurrency }: Pick<ActionDefinition, "approval" | "concurrency">): void {
  if (approval !== undefined || concurrency !== undefined) throw new ApiError("test_skips_gates");
}

/** The check of the body has refused every schema that is not valid. */
function schemaOf({ parametersSchema }: ActionDefinition): CheckedSchema | null {
  const checked = parametersSchema === undefined ? null : checkSchema(parametersSchema);
  return checked?.ok ? checked.value : null;
}
