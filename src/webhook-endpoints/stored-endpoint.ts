/**
 * Reads a stored endpoint as an attempt needs it, with its secrets opened. Writes who asked what of it.
 */
import type { Context } from "hono";
import { type AuditAction, auditStatement, logAudit, writeAudited } from "../auth/audit.ts";
import { secretsOf } from "../definitions/change.ts";
import { joinSecrets } from "../definitions/kind.ts";
import { secretsAt } from "../definitions/rotating-secret.ts";
import { auditEntryOf, definitionRefOf } from "../definitions/routes.ts";
import { DISABLED, type ReadRow, selectRow } from "../definitions/store.ts";
import { ApiError } from "../http/errors.ts";
import type { AppEnv, Hops } from "../http/request-context.ts";
import { type EndpointKey, endpointKey } from "../runs/endpoint-deliveries.ts";
import type { Env } from "../settings/env.ts";
import { keyRing } from "../settings/key-ring.ts";
import type { EndpointDefinition, WholeEndpoint } from "./definition.ts";
import { ENDPOINT_KIND, endpointMemory, ORIGIN, SIGNING } from "./kind.ts";

/**
 * The key of the endpoint that the path names, with an entry in the audit: first, so that nothing is asked of the
 * coordinator without an entry. A disabled endpoint would drop every delivery, those that were given up included.
 * Throws `webhook_endpoint_not_found` and `endpoint_disabled`.
 */
export async function auditedKey(c: Context<AppEnv>, action: AuditAction, part = ""): Promise<EndpointKey> {
  const entry = auditEntryOf(c, action, part);
  const isThere = `EXISTS (
    SELECT 1 FROM definitions
    WHERE scope = ?1 || '/' || ?3 AND kind = '${ENDPOINT_KIND.name}' AND name = ?9 AND NOT ${DISABLED})`;
  const { DB } = c.env;
  const select = selectRow(DB, ENDPOINT_KIND, definitionRefOf(c));
  const write = () => DB.batch<ReadRow>([auditStatement(DB, entry, isThere), select]);
  const row = (await writeAudited(c, write))[1]?.results[0];
  if (row === undefined) throw new ApiError("webhook_endpoint_not_found");
  if (row.isDisabled === 1) throw new ApiError("endpoint_disabled");
  logAudit(entry, c.get("requestId"));
  return endpointKey(row);
}

/** What is looked for. `waitUntil`: lets a late answer of D1 still count. */
interface Wanted {
  readonly scope: string;
  readonly name: string;
  readonly hops?: Hops;
  readonly waitUntil?: (work: Promise<unknown>) => void;
}

/**
 * The newest version that this isolate knows. Null if there is no such endpoint. `secrets_lost`: no key of the ring
 * opens its secrets, perhaps because a key is on its way to this isolate. Reads D1's primary, or what this isolate read
 * up to 30 s ago (10 minutes while D1 is down). Throws `not_configured` and `database_unavailable`.
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
    signingSecrets: secretsAt(secrets, SIGNING.member, now),
    origin: secrets.get(ORIGIN) ?? "",
  };
}
