/**
 * The secrets of an action are write-only. PURE. A PUT's secrets are split off before storing. They are joined again
 * only for a run. A PUT keeps a secret by sending null instead of it. The value of a header is a secret, unless its name
 * says that it holds none.
 *
 * The threat is an admin who does not know a secret and redirects it to their own host. So null keeps values only while
 * all requests of the action, before and after, go to one scheme, host and port. These are always written out, because
 * placeholders may stand only in the path and query of a URL. The rule is the same for every secret. The receiver of
 * the webhook chooses values that are put into the stop request, so both requests must have one origin.
 */

import { err, ok, type Result } from "../base/result.ts";
import type { SecretTexts } from "../webhooks/request/secret-texts.ts";
import type { ActionDefinition, StoredTrigger } from "./definition.ts";

/** Headers that say what the body is and what the answer should be, in lower case. They open nothing. */
const SHOWN_HEADERS: ReadonlySet<string> = new Set([
  ...["accept", "accept-language", "content-type", "x-github-api-version"],
]);

/** By member, such as `trigger.headers.Authorization`. */
export type Secrets = ReadonlyMap<string, string>;

/** What stays in D1 and what is sealed. In the definition, each secret is null. */
export interface SplitDefinition {
  readonly definition: ActionDefinition;
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
export function splitSecrets(
  sent: ActionDefinition,
  stored: { readonly definition: ActionDefinition; readonly secrets: Secrets | null } | null,
): Result<SplitDefinition, MissingSecret> {
  if (sent.trigger === undefined) return ok({ definition: sent, secrets: new Map(), hasNewSecret: false });
  const before = stored?.definition.trigger;
  const known = membersOf(before);
  const isKept = haveOneOrigin(before, sent.trigger);
  const secrets = new Map<string, string>();
  const missing: MissingSecret[] = [];
  let hasNewSecret = false;
  const trigger = mapSecrets(sent.trigger, (path, value) => {
    const member = path.join(".");
    if (value !== null) hasNewSecret = true;
    const secret = value ?? stored?.secrets?.get(member);
    if (value === null && !known.has(member)) missing.push({ path, reason: "nothing_stored" });
    else if (value === null && !isKept) missing.push({ path, reason: "moved" });
    else if (secret === undefined) missing.push({ path, reason: "lost" });
    else secrets.set(member, secret);
    return null;
  });
  // A shown header has no stored secret. Its value is in every response, so null keeps nothing.
  for (const path of shownNulls(trigger)) missing.push({ path, reason: "nothing_stored" });
  const [first] = missing;
  return first === undefined ? ok({ definition: { ...sent, trigger }, secrets, hasNewSecret }) : err(first);
}

/** The trigger with its secrets. Null if a secret is missing. */
export function joinSecrets(trigger: StoredTrigger, secrets: Secrets): StoredTrigger | null {
  let isWhole = true;
  const joined = mapSecrets(trigger, (path) => {
    const secret = secrets.get(path.join("."));
    if (secret === undefined) isWhole = false;
    return secret ?? null;
  });
  return isWhole ? joined : null;
}

function membersOf(trigger: StoredTrigger | undefined): ReadonlySet<string> {
  const found = new Set<string>();
  if (trigger === undefined) return found;
  mapSecrets(trigger, (path, value) => {
    found.add(path.join("."));
    return value;
  });
  return found;
}

function shownNulls({ headers, cancel }: StoredTrigger): readonly (readonly string[])[] {
  const nullsOf = (texts: SecretTexts = {}, path: readonly string[]) =>
    Object.entries(texts)
      .filter(([name, text]) => text === null && SHOWN_HEADERS.has(name.toLowerCase()))
      .map(([name]) => [...path, name]);
  return [
    ...nullsOf(headers, ["trigger", "headers"]),
    ...nullsOf(cancel?.headers, ["trigger", "cancel", "headers"]),
  ];
}

type Visit = (path: readonly string[], value: string | null) => string | null;

/** The trigger with each secret replaced by what `visit` returns. */
function mapSecrets(trigger: StoredTrigger, visit: Visit): StoredTrigger {
  const { headers, signingSecret, secrets, cancel, ...others } = trigger;
  return {
    ...others,
    headers: mapTexts(headers, ["trigger", "headers"], visit),
    ...(signingSecret !== undefined && { signingSecret: visit(["trigger", "signingSecret"], signingSecret) }),
    ...(secrets !== undefined && { secrets: mapTexts(secrets, ["trigger", "secrets"], visit) }),
    ...(cancel !== undefined && {
      cancel: { ...cancel, headers: mapTexts(cancel.headers, ["trigger", "cancel", "headers"], visit) },
    }),
  };
}

function mapTexts(texts: SecretTexts, path: readonly string[], visit: Visit): SecretTexts {
  // Don't assign members, because a name `__proto__` would set the prototype.
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      path.at(-1) === "headers" && SHOWN_HEADERS.has(name.toLowerCase())
        ? text
        : visit([...path, name], text),
    ]),
  );
}

/** Whether all requests of both triggers go to one scheme, host and port. */
function haveOneOrigin(before: StoredTrigger | undefined, after: StoredTrigger): boolean {
  const [origin, ...others] = [before, before?.cancel, after, after.cancel]
    .filter((request) => request !== undefined)
    .map(originOf);
  return origin !== null && others.every((other) => other === origin);
}

/** Scheme, host and port. Null without a URL that can be called. */
function originOf({ url: text }: { readonly url: string }): string | null {
  const url = URL.parse(text);
  return url === null || url.origin === "null" ? null : url.origin;
}
