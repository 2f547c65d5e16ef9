/**
 * The secrets of a definition are write-only. PURE. A PUT's secrets are split off before storing. They are joined again
 * only for a request that leaves. A PUT keeps a secret by sending null instead of it. The threat is an admin who does
 * not know a secret and redirects it to their own host, so each kind says when null keeps one.
 */

import { err, ok, type Result } from "../base/result.ts";
import type { SecretRules, Visit } from "./kind.ts";
import type { Secrets } from "./sealing.ts";

/** Texts by name. Null stands for a stored text. */
type SecretTexts = Readonly<Record<string, string | null>>;

/** Headers that say what the body is and what the answer should be, in lower case. They open nothing. */
const SHOWN_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "content-type",
  "x-github-api-version",
]);

/** What stays in D1 and what is sealed. In the definition, each secret is null. */
export interface SplitDefinition<D> {
  readonly definition: D;
  readonly secrets: Secrets;
  /** Whether a secret was sent. If not, all of them are kept, or there are none. */
  readonly hasNewSecret: boolean;
}

/** Why null can't keep a value, and where. */
export interface MissingSecret {
  readonly path: readonly string[];
  readonly reason: "nothing_stored" | "moved" | "lost";
}

/**
 * Splits what a PUT sent, and keeps the stored value where it sent null. `stored`: what the PUT replaces; null if there
 * is nothing. `stored.secrets` null: no key opens them.
 */
export function splitSecrets<D>(
  rules: SecretRules<D>,
  sent: D,
  stored: { readonly definition: D; readonly secrets: Secrets | null } | null,
): Result<SplitDefinition<D>, MissingSecret> {
  const known = stored === null ? new Set<string>() : membersOf(rules, stored.definition);
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

function membersOf<D>(rules: SecretRules<D>, definition: D): ReadonlySet<string> {
  const found = new Set<string>();
  rules.map(definition, (path, text) => {
    found.add(path.join("."));
    return text;
  });
  return found;
}

export function mapTexts(texts: SecretTexts, path: readonly string[], visit: Visit): SecretTexts {
  // Don't assign members, because a name `__proto__` would set the prototype.
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, visit([...path, name], text)]));
}

/**
 * The value of a header is a secret, unless its name says that it holds none. Every response has such a value, so null
 * in its place keeps nothing: it is visited as a secret that is not stored.
 */
export function mapHeaders(headers: SecretTexts, path: readonly string[], visit: Visit): SecretTexts {
  return mapTexts(headers, path, (member, text) => {
    const isShown = text !== null && SHOWN_HEADERS.has((member.at(-1) ?? "").toLowerCase());
    return isShown ? text : visit(member, text);
  });
}
