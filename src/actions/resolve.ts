/** Resolves an action for a run: its definition as it is now, with its secrets opened. */

import type { JsonObject } from "../base/json.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { Hops } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import type { CheckedSchema } from "../json-schema/check-schema.ts";
import { validate } from "../json-schema/validate.ts";
import type { Env } from "../settings/env.ts";
import { keyRing } from "../settings/key-ring.ts";
import type { Trigger } from "../webhooks/request/trigger.ts";
import { type KnownAction, knownAction } from "./cache.ts";
import type { StoredTrigger } from "./definition.ts";
import { openSecrets } from "./sealing.ts";
import { joinSecrets, type Secrets } from "./secrets.ts";
import type { ActionPlace } from "./store.ts";

export interface ResolvedAction {
  readonly name: string;
  readonly version: number;
  /** With all its secrets. It never leaves the Worker unsealed. */
  readonly trigger: Trigger | undefined;
  /** In minutes, as the definition has them. */
  readonly timeout: number | undefined;
  readonly heartbeatTimeout: number | undefined;
  readonly labels: readonly string[];
  readonly schema: CheckedSchema | null;
}

/**
 * Reads D1's primary once, and not at all while the isolate remembers the action. Throws `database_unavailable` and
 * `not_configured`. `waitUntil`: lets a late answer of D1 still count.
 */
export async function resolveAction(
  env: Env,
  hops: Hops,
  scope: string,
  name: string,
  waitUntil: (work: Promise<unknown>) => void = () => {},
): Promise<Result<ResolvedAction, "action_not_found" | "action_secrets_lost">> {
  const place = { scope, name };
  const known = await knownAction(env.DB, hops, place, Date.now(), waitUntil);
  if (known === null) return err("action_not_found");
  const { version, definition, schema } = known;
  const trigger = await openTrigger(env, place, known);
  if (trigger === null) return err("action_secrets_lost");
  const { timeout, heartbeatTimeout, labels = [] } = definition;
  return ok({ name, version, trigger, timeout, heartbeatTimeout, labels, schema });
}

/** Null if no key opens the secrets. */
async function openTrigger(
  env: Env,
  place: ActionPlace,
  { definition, version, sealed }: KnownAction,
): Promise<Trigger | undefined | null> {
  if (definition.trigger === undefined) return undefined;
  let secrets: Secrets | null = new Map();
  if (sealed !== null) {
    const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
    if (!ring.ok) throw new ApiError("not_configured", ring.error);
    secrets = await openSecrets(ring.value, sealed, { ...place, version });
  }
  const whole: StoredTrigger | null = secrets === null ? null : joinSecrets(definition.trigger, secrets);
  // `joinSecrets` left no null.
  return whole as Trigger | null;
}

/** Throws `invalid_parameters`, whose sentence names the place. */
export function requireValidParameters({ schema }: ResolvedAction, parameters: JsonObject): void {
  if (schema === null) return;
  const checked = validate(schema, parameters);
  if (!checked.ok) throw new ApiError("invalid_parameters", checked.error.sentence);
}
