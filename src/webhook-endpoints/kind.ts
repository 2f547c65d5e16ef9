/** Webhook endpoints: their kind of stored definition, how an attempt reads one, and their routes. */
import type { Context } from "hono";
import {
  type AuditAction,
  type AuditEntry,
  auditStatement,
  batchWrote,
  logAudit,
  requireNewestSecret,
  writeAudited,
} from "../auth/audit.ts";
import { requires } from "../auth/authentication.ts";
import { ENDPOINTS_MAX_PER_ENVIRONMENT, SIGNING_SECRETS_MAX, VERSIONS_MAX_PER_DEFINITION } from "../base/limits.ts";
import {
  askCoordinator,
  auditEntryOf,
  changed,
  definitionRefOf,
  noteChange,
  requireCallable,
  requireStored,
  secretsOf,
} from "../definitions/change.ts";
import { type DefinitionKind, type DefinitionRef, joinSecrets } from "../definitions/kind.ts";
import { DefinitionMemory } from "../definitions/memory.ts";
import {
  keptBesides,
  newSecret,
  OF_ROTATION,
  type RotatingSecret,
  rotateSecret,
  secretRotation,
  secretsAt,
} from "../definitions/rotation.ts";
import { DEFINITION, definitionRoutes } from "../definitions/routes.ts";
import type { Secrets } from "../definitions/sealing.ts";
import { isAbout, type ReadRow, selectRow, toChangeable } from "../definitions/store.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import type { Described } from "../http/operation.ts";
import { type AppEnv, environmentOf, type Hops, usableRing } from "../http/request-context.ts";
import { validBody } from "../http/validate.ts";
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
import { createdEndpoint, endpoint, endpointList, endpointVersionList, rotatedSecret } from "./responses.ts";

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
  beforeChange: (c, definition, createdVersion) =>
    noteChange(c, {
      created: createdVersion === undefined ? null : endpointKey({ name: definitionRefOf(c).name, createdVersion }),
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

/**
 * The newest version that this isolate knows; null if there is none. `secrets_lost`: no key of the ring opens its
 * secrets, perhaps because a key is on its way here. Throws `not_configured` and `database_unavailable`.
 */
export async function loadEndpoint(
  env: Env,
  ref: DefinitionRef,
  hops: Hops = { d1: 0, coordinator: 0 },
): Promise<WholeEndpoint | "secrets_lost" | null> {
  const now = Date.now();
  const known = await endpointMemory.look(env.DB, hops, ENDPOINT_KIND, ref, () => {}, now);
  if (known === null) return null;
  const { version, createdVersion, disabledReason, definition } = known;
  const secrets = await secretsOf(ENDPOINT_KIND, usableRing({ env }), ref, known);
  const whole = secrets && joinSecrets(ENDPOINT_KIND.secrets, definition, secrets);
  if (secrets === null || whole === null) return "secrets_lost";
  return {
    name: ref.name,
    version,
    createdVersion,
    disabledReason,
    // `joinSecrets` left no null.
    definition: whole as EndpointDefinition,
    signingSecrets: secretsAt(secrets, SIGNING.member, now),
    origin: secrets.get(ORIGIN) ?? "",
  };
}

export const endpointRoutes = definitionRoutes(
  ENDPOINT_KIND,
  DESCRIBE && {
    descriptions: {
      list: "Returns the webhook endpoints of an environment by name, without their secrets.",
      get: "Returns a webhook endpoint, with null instead of each secret. You can send it back with PUT: null keeps the stored value. `ETag` is the version.",
      put:
        "Creates or replaces a webhook endpoint. Send `If-Match` with the ETag that you read, so that you overwrite " +
        "nobody's change. The URL is write-only as a whole, and so are header values, `secrets` and `signingSecret`. Null " +
        "keeps the stored URL. While `url` is null, null also keeps a header or a secret. If you send a URL, even " +
        "the stored one, send them again. A new endpoint without `signingSecret` gets one, and only that response shows " +
        "it. If you lose that response, rotate the secret. A change takes effect within 30 seconds. The service tells " +
        `the environment's coordinator first, and stores nothing if that can't be reached. An environment has at most ${ENDPOINTS_MAX_PER_ENVIRONMENT} endpoints.`,
      delete:
        "Deletes a webhook endpoint, its secrets, its versions and its messages that wait. A message can still be sent for up to 30 seconds.",
      listVersions:
        "Returns the versions of a webhook endpoint, newest first, without secrets. The first one is the current version. " +
        `The service keeps the newest ${VERSIONS_MAX_PER_DEFINITION} of an endpoint. A rotation of the signing secret is a version, too.`,
      getVersion:
        "Returns a version, with null instead of each secret. To restore it, send it with PUT and the `If-Match` of the " +
        "current version. Null then keeps the secrets of the current version.",
      deleteVersion: "Deletes an older version. You can't delete the current version.",
    },
    shown: {
      get: "The endpoint",
      replaced: "The endpoint that replaced an older version",
      created: "The new endpoint, with a signing secret that the service made",
      version: "The version",
    },
    schemas: { list: endpointList, one: endpoint, created: createdEndpoint, versions: endpointVersionList },
    errorsOfPut: ["too_many_endpoints", "coordinator_unavailable"],
  },
);

const ENABLE_WEBHOOK_ENDPOINT: Described = DESCRIBE && {
  operationId: "enableWebhookEndpoint",
  summary: "Enable a webhook endpoint",
  description:
    "Enables an endpoint that the service disabled, because no message was delivered for days or the receiver answered " +
    "410. It does not change the member `disabled`, which is your own switch.",
  responses: { 204: { description: "The service does not disable the endpoint now" } },
  errors: ["coordinator_unavailable", "storage_full"],
};
endpointRoutes.post(`${DEFINITION}/enable`, requires("webhooks:manage", ENABLE_WEBHOOK_ENDPOINT), async (c) => {
  const stored = await requireStored(c, ENDPOINT_KIND);
  await requireNewestSecret(c);
  // First, or the failures of before would disable it again with its next failure.
  if (stored.disabledReason === null) await noteChange(c);
  else await askCoordinator(environmentOf(c), ({ endpoints }) => endpoints.forgetHealth(endpointKey(stored)));
  const entry = auditEntryOf(c, "webhook_endpoint_enabled");
  const isDone = await writeAudited(c, () => enableEndpoint(c.env.DB, definitionRefOf(c), entry));
  if (isDone) logAudit(entry, c.get("requestId"));
  else await requireStored(c, ENDPOINT_KIND);
  await changed(c);
  return c.body(null, 204);
});

/** Clears the service's switch, and not a person's. False if it was not set. The batch may run twice. */
export function enableEndpoint(db: D1Database, { scope, name }: DefinitionRef, entry: AuditEntry): Promise<boolean> {
  const enable = db
    .prepare(
      `UPDATE definitions SET disabled_version = NULL, disabled_at = NULL, disabled_reason = NULL
       WHERE scope = ?1 AND kind = '${ENDPOINT_KIND.name}' AND name = ?2 AND disabled_version = version`,
    )
    .bind(scope, name);
  const audit = auditStatement(db, entry, isAbout(ENDPOINT_KIND, "disabled_version = version"));
  return batchWrote(db, entry, [audit, enable]).finally(() => endpointMemory.forget({ scope, name }));
}

const ROTATE_SIGNING_SECRET: Described = DESCRIBE && {
  operationId: "rotateSigningSecret",
  summary: "Rotate the signing secret of a webhook endpoint",
  description:
    "Gives the endpoint a new signing secret and returns it. Only this response contains the secret. The replaced secret " +
    "signs beside it for `gracePeriodSeconds` more, so that the receiver can change over. At most " +
    `${SIGNING_SECRETS_MAX} secrets sign at a time. The service refuses a rotation that needs more, because a receiver ` +
    "may know only an older secret. A request that repeats an `Idempotency-Key` makes no secret and shows null. The last 10 keys count.",
  idempotencyKey: "rotate-2026-11",
  responses: {
    200: { description: "The new secret, shown once", json: rotatedSecret, headers: ["ETag", "Idempotent-Replayed"] },
  },
  errors: [...OF_ROTATION, "endpoint_secrets_lost"],
};
endpointRoutes.post(
  `${DEFINITION}/rotate-secret`,
  requires("webhooks:manage", ROTATE_SIGNING_SECRET),
  validBody(secretRotation, { mayBeEmpty: true }),
  async (c) => {
    const { secret: signingSecret, graceEndsAt } = await rotateSecret(c, ENDPOINT_KIND, SIGNING, c.req.valid("json"));
    return c.json({ signingSecret, graceEndsAt });
  },
);
