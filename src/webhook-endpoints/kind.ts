/**
 * Webhook endpoints as a kind of stored definition: what a PUT checks, what an isolate remembers, and what the
 * environment's coordinator is asked about them.
 */
import type { Context } from "hono";
import { ENDPOINTS_MAX_PER_ENVIRONMENT } from "../base/limits.ts";
import { within } from "../base/time.ts";
import { type DefinitionKind, joinSecrets } from "../definitions/kind.ts";
import { DefinitionMemory } from "../definitions/memory.ts";
import { keptBesides, newSecret, type RotatingSecret } from "../definitions/rotating-secret.ts";
import type { Secrets } from "../definitions/sealing.ts";
import type { StoredDefinition } from "../definitions/store.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import { type AppEnv, type Hops, scopeOf } from "../http/request-context.ts";
import { type EndpointCalls, type EndpointKey, endpointKey } from "../runs/endpoint-deliveries.ts";
import { callCoordinator, EnvironmentErasing } from "../runs/protocol.ts";
import { webhookPolicy } from "../settings/config.ts";
import type { Env } from "../settings/env.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { plainUrl } from "../webhooks/template.ts";
import { endpointDefinition, endpointSecrets, filterOf, type StoredEndpoint, storedEndpoint } from "./definition.ts";

const NOT_STORED = "The environment can't be reached, so nothing was stored. Try again in a few seconds.";
/** How long a response waits for the coordinator to read what was changed. */
const CHANGED_MAX_MS = 2500;

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
  // What only silences an endpoint must work while the coordinator can't be reached. No event can get lost by it.
  beforeChange: async (c, { name }, definition, createdVersion) => {
    const noting = noteChange(c, createdVersion === undefined ? null : endpointKey({ name, createdVersion }));
    await (definition === null || definition.disabled ? noting.catch(() => {}) : noting);
  },
  afterChange: changed,
};

/**
 * Call this before an endpoint is written or deleted. Otherwise a run could end after the PUT and notify nobody. A
 * repetition is harmless. `created`: a new endpoint. Throws `coordinator_unavailable`.
 */
export async function noteChange(c: Context<AppEnv>, created: EndpointKey | null): Promise<void> {
  await askCoordinator(environmentOf(c), (endpoints) => endpoints.note(created), NOT_STORED);
}

/**
 * Call this when the change is written. If the call gets lost, the coordinator finds the change within a minute or so.
 */
export async function changed(c: Context<AppEnv>): Promise<void> {
  const calling = askCoordinator(environmentOf(c), (endpoints) => endpoints.changed());
  await within(CHANGED_MAX_MS, calling).catch(() => {});
}

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

interface Environment {
  readonly env: Pick<Env, "COORDINATORS" | "JURISDICTION">;
  readonly hops: Pick<Hops, "coordinator">;
  readonly scope: string;
}

/** The environment that the path names. */
export function environmentOf(c: Context<AppEnv>): Environment {
  return { env: c.env, hops: c.get("hops"), scope: scopeOf(c) };
}

/** Throws `coordinator_unavailable`, with this sentence if there is one, and `environment_erasing`. */
export async function askCoordinator<T>(
  { env, hops, scope }: Environment,
  call: (endpoints: EndpointCalls) => Promise<T>,
  sentence?: string,
): Promise<T> {
  try {
    return await callCoordinator(env, hops, scope, (coordinator) => call(coordinator.endpoints));
  } catch (cause) {
    if (cause instanceof EnvironmentErasing) throw new ApiError("environment_erasing");
    throw new ApiError("coordinator_unavailable", sentence, { cause });
  }
}
