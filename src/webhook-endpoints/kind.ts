/**
 * Webhook endpoints as a kind of stored definition: what a PUT checks, and what an isolate
 * remembers.
 */
import type { Context } from "hono";
import { ENDPOINTS_MAX_PER_ENVIRONMENT } from "../base/limits.ts";
import { changed, noteChange } from "../definitions/coordinator.ts";
import { type DefinitionKind, joinSecrets } from "../definitions/kind.ts";
import { DefinitionMemory } from "../definitions/memory.ts";
import { keptBesides, newSecret, type RotatingSecret } from "../definitions/rotating-secret.ts";
import type { Secrets } from "../definitions/sealing.ts";
import type { StoredDefinition } from "../definitions/store.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import type { AppEnv } from "../http/request-context.ts";
import { endpointKey } from "../runs/endpoint-deliveries.ts";
import { webhookPolicy } from "../settings/config.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { plainUrl } from "../webhooks/template.ts";
import { endpointDefinition, endpointSecrets, filterOf, type StoredEndpoint, storedEndpoint } from "./definition.ts";

/** The secret that signs the messages. */
export const SIGNING: RotatingSecret<StoredEndpoint> = {
  member: "signingSecret",
  lost: "endpoint_secrets_lost",
  audit: "webhook_endpoint_secret_rotated",
};

/** Sealed beside the definition: the origin of the request that stored it. */
export const ORIGIN = "origin";

/** An endpoint as an attempt needs it, with its secrets still sealed. */
interface KnownEndpoint extends Omit<StoredDefinition, "definition"> {
  readonly definition: StoredEndpoint;
}

/** Per isolate. */
export const endpointMemory = new DefinitionMemory<KnownEndpoint>((stored) => ({
  ...stored,
  definition: JSON.parse(stored.definition) as StoredEndpoint,
}));

export const ENDPOINT_KIND: DefinitionKind<StoredEndpoint> = {
  name: "webhook_endpoint",
  noun: "webhook endpoint",
  maxPerEnvironment: ENDPOINTS_MAX_PER_ENVIRONMENT,
  notFound: "webhook_endpoint_not_found",
  tooMany: "too_many_endpoints",
  audit: {
    put: "webhook_endpoint_put",
    deleted: "webhook_endpoint_deleted",
    versionDeleted: "webhook_endpoint_version_deleted",
    disabled: "webhook_endpoint_disabled",
  },
  permissions: { read: "webhooks:manage", manage: "webhooks:manage" },
  memory: endpointMemory,
  schema: storedEndpoint,
  secrets: endpointSecrets,
  complete,
  requireStorable,
  requireWhole,
  filterOf,
  besides: (c, stored) => new Map([...keptBesides(stored), [ORIGIN, originOf(c)]]),
  beforeChange: (c, { name }, definition, createdVersion) =>
    noteChange(c, {
      created: createdVersion === undefined ? null : endpointKey({ name, createdVersion }),
      silences: definition === null || definition.disabled,
    }),
  afterChange: changed,
};

/** A new endpoint gets a signing secret, unless the PUT brings one. */
function complete({ signingSecret = null }: StoredEndpoint, before: StoredEndpoint | null): Partial<StoredEndpoint> {
  return signingSecret === null && before === null ? { signingSecret: newSecret() } : {};
}

/** Throws `not_configured` and `invalid_body`. Each attempt checks its URL again, because the settings may change. */
function requireStorable(c: Context<AppEnv>, { url }: StoredEndpoint): void {
  const policy = webhookPolicy(c.env, originOf(c));
  if (!policy.ok) throw new ApiError("not_configured", policy.error);
  if (url === null) return;
  const guarded = guardUrl(plainUrl(url), policy.value);
  if (!guarded.ok) throw refusalOf("invalid_body", [{ path: ["url"], message: guarded.error }]);
}

function requireWhole(definition: StoredEndpoint, secrets: Secrets): void {
  const whole = joinSecrets(endpointSecrets, definition, secrets) ?? definition;
  const { error } = endpointDefinition.safeParse(whole);
  if (error !== undefined) throw refusalOf("invalid_body", error.issues);
}

function originOf(c: Context<AppEnv>): string {
  return new URL(c.req.url).origin;
}
