/**
 * What tells one kind of stored definition from another. All else is the same for stored actions, webhook endpoints and
 * schedules. The secrets of a definition are write-only: a PUT's secrets are split off before storing, and joined again
 * only for a request that leaves.
 */

import type { Context } from "hono";
import type * as z from "zod/mini";
import type { GateChange } from "../auth/audit.ts";
import type { Permission } from "../auth/principal.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { ErrorCode } from "../http/errors.ts";
import type { AppEnv } from "../http/request-context.ts";
import type { Secrets } from "./sealing.ts";

export interface StoredKind {
  /** In the column `kind`, and in codes of errors and of the audit. SQL texts contain it as it is. */
  readonly name: "action" | "webhook_endpoint" | "schedule";
  readonly maxPerEnvironment: number;
  /** Missing: a project has no limit of its own. */
  readonly maxPerProject?: number;
  readonly tooMany: ErrorCode;
  readonly memory: { forget(ref: DefinitionRef): void };
}

export function nounOf({ name }: Pick<StoredKind, "name">): string {
  return name.replace("_", " ");
}

/** Replaces the text at `path`, which is a secret. Null stands for a stored one. */
export type Visit = (path: readonly string[], text: string | null) => string | null;

/** Which texts of a definition are secrets, and when null keeps a stored one. PURE. */
export interface SecretRules<D> {
  /** The definition with each secret replaced by what `visit` returns. */
  readonly map: (definition: D, visit: Visit) => D;
  /** Whether null at a path keeps the stored secret. `before`: what the PUT replaces; null if there is nothing. */
  readonly keeps: (before: D | null, sent: D) => (path: readonly string[]) => boolean;
  /** What the caller reads if null keeps nothing by this rule. */
  readonly moved: string;
}

/** `D`: a definition as a PUT sends it and as a GET shows it, with null in the place of each secret. */
export interface DefinitionKind<D> extends StoredKind {
  readonly schema: z.ZodMiniType<D, unknown>;
  readonly permissions: Readonly<Record<"read" | "manage", Permission>>;
  readonly secrets: SecretRules<D>;
  /** What the service chooses itself. Only the response to this PUT shows it. `before`: null for a new definition. */
  readonly complete?: (sent: D, before: D | null) => Partial<D>;
  /** Throws an ApiError if the definition can't be stored, before the stored one is read. */
  readonly requireStorable: (c: Context<AppEnv>, sent: D) => void | Promise<void>;
  /** The same for rules that need the definition with its secrets. The sentence quotes no secret. */
  readonly requireWhole: (definition: D, secrets: Secrets) => void;
  /** What the kind's own queries read instead of the definition, as JSON; null if there are no such queries. */
  readonly filterOf?: (definition: D, secrets: Secrets, c: Context<AppEnv>) => string | null;
  /** What a list shows of a definition besides itself. `isDisabled`: whether the service has disabled it. PURE. */
  readonly listed?: (definition: D, isDisabled: boolean) => object;
  /** Whether the service starts runs later because of the definition. See `requireMayStart`. */
  readonly startsRuns?: (definition: D) => boolean;
  /** What older code must not ignore. Code that does not know one of them does nothing with the definition. */
  readonly featuresOf?: (definition: D) => readonly string[];
  /** What a change does to the gates of runs, for the audit. `before`, `after`: null if there is no such definition. */
  readonly gateChangeOf?: (before: D | null, after: D | null) => GateChange | null;
  /** What is sealed beside the secrets, by names that no member has. `stored`: now. `before`: null if it is new. */
  readonly besides?: (c: Context<AppEnv>, stored: Secrets, definition: D, before: D | null) => Secrets;
  /**
   * What must have happened before a definition is written or deleted, also before a PUT that changes nothing is
   * answered. If it throws, nothing is changed. `definition` null: it is deleted. `createdVersion`: if it is new.
   */
  readonly beforeChange?: (c: Context<AppEnv>, definition: D | null, createdVersion?: number) => Promise<void>;
  /** What follows after that, before the answer, also to a DELETE that finds nothing. It must not throw. */
  readonly afterChange?: (c: Context<AppEnv>) => Promise<void>;
  /** What follows when the row is written. It must not throw, because the definition is stored. */
  readonly afterWrite?: (
    c: Context<AppEnv>,
    ref: DefinitionRef,
    definition: D,
    written: { readonly version: number; readonly isNew: boolean },
  ) => Promise<void>;
}

/** What a stored definition is found by, among those of its kind. `scope`: `{org}/{project}/{env}`. */
export interface DefinitionRef {
  readonly scope: string;
  readonly name: string;
}

/** Texts by name. Null stands for a stored text. */
type SecretTexts = Readonly<Record<string, string | null>>;

/** Headers that say what the body is and what the answer should be, in lower case. They open nothing. */
const SHOWN_HEADERS = new Set(["accept", "accept-language", "content-type", "x-github-api-version"]);

/** What stays in D1 and what is sealed. In the definition, each secret is null. */
interface SplitDefinition<D> {
  readonly definition: D;
  readonly secrets: Secrets;
  /** Whether a secret was sent. If not, all of them are kept, or there are none. */
  readonly hasNewSecret: boolean;
}

/** Why null can't keep a value, and where. */
interface MissingSecret {
  readonly path: readonly string[];
  readonly reason: "nothing_stored" | "moved" | "lost";
}

/**
 * Splits what a PUT sent, and keeps the stored value where it sent null. The threat is an admin who does not know a
 * secret and redirects it to their own host, so each kind says when null keeps one. `stored`: what the PUT replaces;
 * null if there is nothing. `stored.secrets` null: no key opens them.
 */
export function splitSecrets<D>(
  rules: SecretRules<D>,
  sent: D,
  stored: { readonly definition: D; readonly secrets: Secrets | null } | null,
): Result<SplitDefinition<D>, MissingSecret> {
  const known = new Set<string>();
  if (stored !== null) {
    rules.map(stored.definition, (path, text) => {
      known.add(path.join("."));
      return text;
    });
  }
  const keeps = rules.keeps(stored?.definition ?? null, sent);
  const secrets = new Map<string, string>();
  const missing: MissingSecret[] = [];
  let hasNewSecret = false;
  const definition = rules.map(sent, (path, value) => {
    const member = path.join(".");
    if (value !== null) hasNewSecret = true;
    const secret = value ?? stored?.secrets?.get(member);
    if (value === null && !known.has(member)) missing.push({ path, reason: "nothing_stored" });
    else if (value === null && !keeps(path)) missing.push({ path, reason: "moved" });
    else if (secret === undefined) missing.push({ path, reason: "lost" });
    else secrets.set(member, secret);
    return null;
  });
  const [first] = missing;
  return first === undefined ? ok({ definition, secrets, hasNewSecret }) : err(first);
}

/** The definition with its secrets. Null if a secret is missing. */
export function joinSecrets<D>(rules: Pick<SecretRules<D>, "map">, definition: D, secrets: Secrets): D | null {
  let isWhole = true;
  const joined = rules.map(definition, (path) => {
    const secret = secrets.get(path.join("."));
    if (secret === undefined) isWhole = false;
    return secret ?? null;
  });
  return isWhole ? joined : null;
}

export function mapTexts(texts: SecretTexts, path: readonly string[], visit: Visit): SecretTexts {
  // Don't assign members, because a name `__proto__` would set the prototype.
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, visit([...path, name], text)]));
}

/** The value of a header is a secret, unless its name says that it holds none. Then null keeps nothing. */
export function mapHeaders(headers: SecretTexts, path: readonly string[], visit: Visit): SecretTexts {
  return mapTexts(headers, path, (member, text) => {
    const isShown = text !== null && SHOWN_HEADERS.has((member.at(-1) ?? "").toLowerCase());
    return isShown ? text : visit(member, text);
  });
}
