/**
 * Changes of a stored definition. A PUT and a DELETE start again if another change came first. The coordinator has a
 * row for each webhook endpoint and schedule: it notes a change, D1 is written, and it reads D1.
 */
import type { Context } from "hono";
import {
  type AuditAction,
  type AuditEntry,
  auditStatement,
  type GateChange,
  logAudit,
  newAuditEntry,
  writeAudited,
} from "../auth/audit.ts";
import { mustNamePerson } from "../auth/authentication.ts";
import { isOperator } from "../auth/principal.ts";
import { within } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import { requirePreconditions } from "../http/headers.ts";
import {
  type AppEnv,
  type Environment,
  environmentOf,
  projectOf,
  scopeOf,
  usableRing,
} from "../http/request-context.ts";
import { type Coordinator, callCoordinator, EnvironmentErasing } from "../runs/protocol.ts";
import { webhookPolicy } from "../settings/config.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { guardUrl } from "../settings/url-guard.ts";
import { type DefinitionKind, type DefinitionRef, joinSecrets, nounOf, type StoredKind, splitSecrets } from "./kind.ts";
import { openSecrets, type Secrets, sealSecrets } from "./sealing.ts";
import {
  type Changeable,
  putDefinition,
  type StoredDefinition,
  selectDefinition,
  selectForChange,
  versionAfter,
} from "./store.ts";

export function definitionRefOf(c: Context<AppEnv>): DefinitionRef {
  return { scope: scopeOf(c), name: c.req.param("name") ?? "" };
}

/** `part`: what of the definition the change is about, behind its name. */
export function auditEntryOf(c: Context<AppEnv>, action: AuditAction, part = ""): AuditEntry {
  const { envName, name } = c.req.param() as Record<"envName" | "name", string>;
  const what = { project: projectOf(c), envName, action, target: `${name}${part}`, targetName: name };
  return newAuditEntry(c, what, Date.now());
}

/** The definition that the path names, from D1's primary. Throws that it is not found. */
export async function requireStored(c: Context<AppEnv>, kind: StoredKind): Promise<StoredDefinition> {
  const stored = await readD1(c.get("hops"), () => selectDefinition(c.env.DB, kind, definitionRefOf(c)));
  if (stored === null) throw new ApiError(`${kind.name}_not_found`);
  return stored;
}

/**
 * The response has the definition as a GET shows it, with what only this response shows. With `isDryRun`, it checks
 * everything but the number of definitions, and shows what would be stored. Throws `precondition_failed`,
 * `secret_required`, `not_configured`, what the kind throws, its error for too many, and errors of D1.
 */
export async function storeDefinition<D>(c: Context<AppEnv>, kind: DefinitionKind<D>, sent: D, isDryRun: boolean) {
  const ref = definitionRefOf(c);
  const entry = auditEntryOf(c, `${kind.name}_put`);
  const ring = usableRing(c);
  const startsRuns = kind.startsRuns?.(sent) === true;
  if (startsRuns) requireMayStart(c);
  await kind.requireStorable(c, sent);
  return changeDefinition(c, kind, entry, async ({ stored, lastDeleted }) => {
    requirePreconditions(c, nounOf(kind), stored?.version ?? null);
    const replaces = stored?.version ?? 0;
    const version = versionAfter(stored?.version ?? lastDeleted, entry.at);
    const isNew = stored === null;
    const { split, before, secretsBefore, shownOnce } = await keptOf(kind, ring, ref, stored, sent);
    const { definition, secrets, hasNewSecret } = split;
    const text = JSON.stringify(definition);
    if (isDryRun) return { version: replaces, isNew: false, isUnchanged: true, definition: text };
    // The token of the PUT is the creator of the runs that start later, and must not have ended then.
    const isTheirs = !startsRuns || (stored !== null && stored.disabledReason === null && isBy(stored, entry));
    if (stored !== null && text === stored.definition && !hasNewSecret && isTheirs) {
      // The first PUT with this definition may have been cut off behind the write.
      await kind.beforeChange?.(c, definition);
      await kind.afterChange?.(c);
      return { version: stored.version, isNew, isUnchanged: true, definition: text };
    }
    await kind.beforeChange?.(c, definition, isNew ? version : undefined);
    const whole = new Map([...secrets, ...(kind.besides?.(c, secretsBefore, definition, before) ?? [])]);
    const sealed = await sealSecrets(ring, whole, { ...ref, kind: kind.name, version });
    const filter = kind.filterOf?.(definition, secrets, c) ?? null;
    const features = kind.featuresOf?.(definition) ?? [];
    const put = { ref, replaces, version, definition: text, filter, features, sealed };
    const gates = kind.gateChangeOf?.(before, definition) ?? null;
    const putting = await writeAudited(c, () => putDefinition(c.env.DB, kind, put, { ...entry, gates }));
    if (putting === "full") throw new ApiError(kind.tooMany);
    if (putting === "crowded") throw new ApiError("too_many_tools");
    if (putting === "changed") return null;
    await kind.afterWrite?.(c, ref, definition, { version, isNew });
    await kind.afterChange?.(c);
    return { version, isNew, definition: JSON.stringify({ ...definition, ...shownOnce }), gates };
  });
}

/** Throws `forbidden` for a session of ROOT_TOKEN, which must leave nothing that lasts, and `person_required`. */
export function requireMayStart(c: Context<AppEnv>): void {
  const principal = c.get("principal");
  if (isOperator(principal) && principal.sessionId !== undefined) throw new ApiError("forbidden", NO_SESSION);
  if (mustNamePerson(c)) throw new ApiError("person_required", NAMES_NOBODY);
}

const NO_SESSION =
  "A session of ROOT_TOKEN can't store what starts runs later. Sign in with a token of the project, or send ROOT_TOKEN itself.";
const NAMES_NOBODY =
  "The definition starts runs later, and these need a creator. Send On-Behalf-Of with the person for whom you store it.";

function isBy({ storedBy }: StoredDefinition, { asker, actorName, person, proven }: AuditEntry): boolean {
  const { lineage, tokenName } = storedBy;
  const isSame = lineage === asker?.lineage && tokenName === actorName && storedBy.person === person;
  return isSame && storedBy.proven?.identity === proven?.identity && storedBy.proven?.subject === proven?.subject;
}

/** Throws `not_configured`, and `invalid_body` if webhooks may not call one of these URLs. */
export function requireCallable(
  c: Context<AppEnv>,
  urls: readonly (readonly [path: readonly string[], url: string | undefined])[],
): void {
  const policy = webhookPolicy(c.env, new URL(c.req.url).origin);
  if (!policy.ok) throw new ApiError("not_configured", policy.error);
  for (const [path, url] of urls) {
    const guarded = url === undefined ? null : guardUrl(url, policy.value);
    if (guarded?.ok === false) throw refusalOf("invalid_body", [{ path, message: guarded.error }]);
  }
}

const NO_SECRET = {
  nothing_stored: "there is no stored value to keep. Send the value instead of null.",
  lost: "the stored value was sealed under a signing key that was removed. Send the value again.",
};

/** What was sent, with the stored secret where it has null. Throws `secret_required`, and what the kind throws. */
async function keptOf<D>(
  kind: DefinitionKind<D>,
  ring: KeyRing,
  ref: DefinitionRef,
  stored: StoredDefinition | null,
  sent: D,
) {
  const before = stored && {
    definition: JSON.parse(stored.definition) as D,
    secrets: await secretsOf(kind, ring, ref, stored),
  };
  const shownOnce = kind.complete?.(sent, before?.definition ?? null) ?? {};
  const split = splitSecrets(kind.secrets, { ...sent, ...shownOnce }, before);
  if (!split.ok) {
    const { path, reason } = split.error;
    throw refusalOf("secret_required", [{ path, message: { ...NO_SECRET, moved: kind.secrets.moved }[reason] }]);
  }
  kind.requireWhole(split.value.definition, split.value.secrets);
  // Empty if there is no such definition, or if no key opens them.
  const secretsBefore: Secrets = before?.secrets ?? new Map();
  return { split: split.value, before: before?.definition ?? null, secretsBefore, shownOnce };
}

/** The secrets of a stored definition. Null if no key opens them. */
export async function secretsOf(
  kind: StoredKind,
  ring: KeyRing,
  ref: DefinitionRef,
  { sealed, version }: Pick<StoredDefinition, "sealed" | "version">,
): Promise<Secrets | null> {
  return sealed === null ? new Map() : openSecrets(ring, sealed, { ...ref, kind: kind.name, version });
}

const TRIES_MAX = 5;

/** `isUnchanged`: there was nothing to change, so nothing was written. */
interface Changed {
  readonly version: number;
  readonly isUnchanged?: boolean;
  readonly gates?: GateChange | null;
}

/** `write`: null if another change came first. Throws what `write` throws, `precondition_failed` and errors of D1. */
export async function changeDefinition<T extends Changed>(
  c: Context<AppEnv>,
  kind: StoredKind,
  entry: AuditEntry,
  write: (read: Changeable) => Promise<T | null>,
): Promise<T> {
  const ref = definitionRefOf(c);
  for (let n = 0; n < TRIES_MAX; n++) {
    const read = await readD1(c.get("hops"), () => selectForChange(c.env.DB, kind, ref));
    const written = await write(read).finally(() => kind.memory.forget(ref));
    if (written === null) continue;
    const { version, isUnchanged = false, gates = null } = written;
    if (!isUnchanged) logAudit({ ...entry, gates }, c.get("requestId"), { version });
    return written;
  }
  const sentence = `Other changes to the ${nounOf(kind)} came first each time. Get the ${nounOf(kind)} and try again.`;
  throw new ApiError("precondition_failed", sentence);
}

/** A definition to test, joined with the stored secrets by the rules of a PUT. Throws what a PUT throws. */
export async function triedDefinition<D>(c: Context<AppEnv>, kind: DefinitionKind<D>, ring: KeyRing, sent: D) {
  await kind.requireStorable(c, sent);
  const ref = definitionRefOf(c);
  const stored = await readD1(c.get("hops"), () => selectDefinition(c.env.DB, kind, ref));
  const { split } = await keptOf(kind, ring, ref, stored, sent);
  // `keptOf` left no secret out.
  return { stored, split, whole: joinSecrets(kind.secrets, split.definition, split.secrets) ?? split.definition };
}

/** A pointer into the definition that was sent becomes one into the body. */
export function inDefinition(error: unknown): never {
  if (!(error instanceof ApiError) || error.pointer === undefined) throw error;
  const { code, message, pointer, cause } = error;
  throw new ApiError(code, `definition.${message}`, { pointer: `/definition${pointer}`, cause });
}

/** Admits a test, and writes it to the audit before it leaves. Throws `too_many_tests` and `coordinator_unavailable`. */
export async function admitTest(c: Context<AppEnv>, action: AuditAction): Promise<void> {
  const waitMs = await askCoordinator(environmentOf(c), ({ endpoints }) => endpoints.admitTest());
  const headers = { "Retry-After": String(Math.ceil(waitMs / 1000)) };
  if (waitMs > 0) throw new ApiError("too_many_tests", undefined, { headers });
  const entry = auditEntryOf(c, action);
  await writeAudited(c, () => auditStatement(c.env.DB, entry).run());
  logAudit(entry, c.get("requestId"));
}

const NOT_STORED = "The environment can't be reached, so nothing was stored. Try again in a few seconds.";
/** How long a response waits for the coordinator to read what was changed. */
const CHANGED_MAX_MS = 2500;

/**
 * Calls the environment's coordinator. Throws `coordinator_unavailable`, with this sentence if there is one, and
 * `environment_erasing`. The platform's own words go to the log alone, because they name internals.
 */
export async function askCoordinator<T>(
  { env, hops, scope }: Pick<Environment, "env" | "hops" | "scope">,
  call: (coordinator: Coordinator) => Promise<T>,
  sentence?: string,
): Promise<T> {
  try {
    return await callCoordinator(env, hops, scope, call);
  } catch (cause) {
    if (cause instanceof EnvironmentErasing) throw new ApiError("environment_erasing");
    throw new ApiError("coordinator_unavailable", sentence, { cause });
  }
}

/**
 * Call this before a definition is written or deleted. Otherwise a run could end after the PUT and notify nobody. A
 * repetition is harmless. `created`: the key of a new endpoint. `silences`: whether the change only ends what the
 * definition does. Then it must work without the coordinator. Throws `coordinator_unavailable`.
 */
export async function noteChange(
  c: Context<AppEnv>,
  { created = null, silences = false }: { readonly created?: string | null; readonly silences?: boolean } = {},
): Promise<void> {
  const noting = askCoordinator(environmentOf(c), ({ definitions }) => definitions.note(created), NOT_STORED);
  await (silences ? noting.catch(() => {}) : noting);
}

/** Call this when the change is written. If the call gets lost, the coordinator finds the change within a minute. */
export async function changed(c: Context<AppEnv>): Promise<void> {
  const calling = askCoordinator(environmentOf(c), ({ definitions }) => definitions.changed());
  await within(CHANGED_MAX_MS, calling).catch(() => {});
}
