/**
 * Webhook endpoints: their kind of stored definition, how an attempt reads one, and the audit entries of their routes.
 */
import type { Context } from "hono";
import {
  type AuditAction,
  type AuditEntry,
  auditStatement,
  batchWrote,
  logAudit,
  writeAudited,
} from "../auth/audit.ts";
import { ENDPOINTS_MAX_PER_ENVIRONMENT } from "../base/limits.ts";
import {
  auditEntryOf,
  changed,
  definitionRefOf,
  noteChange,
  requireCallable,
  secretsOf,
} from "../definitions/change.ts";
import { type DefinitionKind, type DefinitionRef, joinSecrets } from "../definitions/kind.ts";
import { DefinitionMemory } from "../definitions/memory.ts";
import { keptBesides, newSecret, type RotatingSecret, secretsAt } from "../definitions/rotation.ts";
import type { Secrets } from "../definitions/sealing.ts";
import { isAbout, type ReadRow, selectRow, toChangeable } from "../definitions/store.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import { type AppEnv, type Hops, usableRing } from "../http/request-context.ts";
import { type EndpointKey, endpointKey } from "../runs/endpoint-deliveries.ts";
import type { Env } from "../settings/env.ts";
import { plainUrl } from "../webhooks/template.ts";
import {
  type EndpointDefinition,
  endpointDefinition,
  endpointSecrets,
  filterOf,
  type StoredEndpoint,
  storedEndpoint,
  type WholeEndpoint,
} from "./definition.ts";

export const SIGNING: RotatingSecret<StoredEndpoint> = {
  member: "signingSecret",
  lost: "endpoint_secrets_lost",
  audit: "webhook_endpoint_secret_rotated",
};

/** Sealed beside the definition: the origin of the request that stored it. */
const ORIGIN = "origin";

/** Per isolate. */
export const endpointMemory = new DefinitionMemory<StoredEndpoint>((known) => known);

export const ENDPOINT_KIND: DefinitionKind<StoredEndpoint> = {
  name: "webhook_endpoint",
  maxPerEnvironment: ENDPOINTS_MAX_PER_ENVIRONMENT,
  tooMany: "too_many_endpoints",
  permissions: { read: "webhooks:manage", manage: "webhooks:manage" },
  memory: endpointMemory,
  schema: storedEndpoint,
  secrets: endpointSecrets,
  // A new endpoint gets a signing secret, unless the PUT brings one.
  complete: ({ signingSecret = null }, before) =>
    signingSecret === null && before === null ? { signingSecret: newSecret() } : {},
  requireStorable: (c, { url }) => requireCallable(c, url === null ? [] : [[["url"], plainUrl(url)]]),
  requireWhole,
  filterOf,
  besides: (c, stored) => new Map([...keptBesides(stored), [ORIGIN, new URL(c.req.url).origin]]),
  beforeChange: (c, { name }, definition, createdVersion) =>
    noteChange(c, {
      created: createdVersion === undefined ? null : endpointKey({ name, createdVersion }),
      silences: definition === null || definition.disabled,
    }),
  afterChange: changed,
};

function requireWhole(definition: StoredEndpoint, secrets: Secrets): void {
  const whole = joinSecrets(endpointSecrets, definition, secrets) ?? definition;
  const { error } = endpointDefinition.safeParse(whole);
  if (error !== undefined) throw refusalOf("invalid_body", error.issues);
}

/** SQL: whether somebody, or the service, has disabled it. */
const DISABLED = "(coalesce(disabled_version = version, 0) OR coalesce(json_extract(definition, '$.disabled'), 0))";

/**
 * The key of the endpoint that the path names, with an entry in the audit, before anything is asked of the coordinator.
 * A disabled endpoint would drop every delivery. Throws `webhook_endpoint_not_found` and `endpoint_disabled`.
 */
export async function auditedKey(c: Context<AppEnv>, action: AuditAction, part = ""): Promise<EndpointKey> {
  const entry = auditEntryOf(c, action, part);
  const { DB } = c.env;
  const statements = [
    auditStatement(DB, entry, isAbout(ENDPOINT_KIND, `NOT ${DISABLED}`)),
    selectRow(DB, ENDPOINT_KIND, definitionRefOf(c)),
  ];
  const row = (await writeAudited(c, () => DB.batch<ReadRow>(statements)))[1]?.results[0];
  const { stored } = toChangeable(row ?? null);
  if (stored === null) throw new ApiError("webhook_endpoint_not_found");
  const { disabled } = JSON.parse(stored.definition) as StoredEndpoint;
  if (disabled || stored.disabledReason !== null) throw new ApiError("endpoint_disabled");
  logAudit(entry, c.get("requestId"));
  return endpointKey(stored);
}

/** Clears the service's switch, and not a person's. False if it was not set. The batch may run twice. */
export async function enableEndpoint(
  db: D1Database,
  { scope, name }: DefinitionRef,
  entry: AuditEntry,
): Promise<boolean> {
  const enable = db
    .prepare(
      `UPDATE definitions SET disabled_version = NULL, disabled_at = NULL, disabled_reason = NULL
       WHERE scope = ?1 AND kind = '${ENDPOINT_KIND.name}' AND name = ?2 AND disabled_version = version`,
    )
    .bind(scope, name);
  const audit = auditStatement(db, entry, isAbout(ENDPOINT_KIND, "disabled_version = version"));
  return batchWrote(db, entry, [audit, enable]).finally(() => endpointMemory.forget({ scope, name }));
}

/** What is looked for. `waitUntil`: lets a late answer of D1 still count. */
interface Wanted extends DefinitionRef {
  readonly hops?: Hops;
  readonly waitUntil?: (work: Promise<unknown>) => void;
}

/**
 * The newest version that this isolate knows; null if there is none. `secrets_lost`: no key of the ring opens its
 * secrets, perhaps because a key is on its way here. Throws `not_configured` and `database_unavailable`.
 */
export async function loadEndpoint(
  env: Env,
  { scope, name, hops = { d1: 0, coordinator: 0 }, waitUntil = () => {} }: Wanted,
): Promise<WholeEndpoint | "secrets_lost" | null> {
  const ref = { scope, name };
  const now = Date.now();
  const known = await endpointMemory.look(env.DB, hops, ENDPOINT_KIND, ref, waitUntil, now);
  if (known === null) return null;
  const { version, createdVersion, disabledReason, definition } = known;
  const secrets = await secretsOf(ENDPOINT_KIND, usableRing({ env }), ref, known);
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
