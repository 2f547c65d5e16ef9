/** Loads a webhook endpoint for an attempt: the newest version that this isolate knows, with its secrets opened. */

import { secretsOf } from "../definitions/put.ts";
import { joinSecrets } from "../definitions/secrets.ts";
import type { Hops } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import type { Env } from "../settings/env.ts";
import { keyRing } from "../settings/key-ring.ts";
import type { EndpointDefinition } from "./definition.ts";
import { ENDPOINT_KIND, endpointMemory, ORIGIN } from "./kind.ts";
import { signingSecretsOf } from "./signing-secrets.ts";
import type { WholeEndpoint } from "./whole-endpoint.ts";

/** What is looked for. `waitUntil`: lets a late answer of D1 still count. */
interface Wanted {
  readonly scope: string;
  readonly name: string;
  readonly hops?: Hops;
  readonly waitUntil?: (work: Promise<unknown>) => void;
}

/**
 * Null if there is no such endpoint. `secrets_lost`: no key of the ring opens its secrets, perhaps because a key is on
 * its way to this isolate. Reads D1's primary, or what this isolate read up to 30 s ago (10 minutes while D1 is down).
 * Throws `not_configured` and `database_unavailable`.
 */
export async function loadEndpoint(
  env: Env,
  { scope, name, hops = { d1: 0, coordinator: 0 }, waitUntil = () => {} }: Wanted,
): Promise<WholeEndpoint | "secrets_lost" | null> {
  const ref = { scope, name };
  const now = Date.now();
  const known = await endpointMemory.look(env.DB, hops, ENDPOINT_KIND, ref, waitUntil, now);
  if (known === null) return null;
  const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) throw new ApiError("not_configured", ring.error);
  const { version, createdVersion, disabledReason, definition } = known;
  const secrets = await secretsOf(ENDPOINT_KIND, ring.value, ref, known);
  const whole = secrets && joinSecrets(ENDPOINT_KIND.secrets, definition, secrets);
  if (secrets === null || whole === null) return "secrets_lost";
  return {
    name,
    version,
    createdVersion,
    disabledReason,
    // `joinSecrets` left no null.
    definition: whole as EndpointDefinition,
    signingSecrets: signingSecretsOf(secrets, now),
    origin: secrets.get(ORIGIN) ?? "",
  };
}
