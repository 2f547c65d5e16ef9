/**
 * The secrets of an action are write-only. PURE. They leave the definition when it comes in and join it only for a run. A PUT
 * keeps a secret by sending null in its place.
 *
 * The threat is an admin who does not know a secret and redirects it to their own host. So null keeps a value only while
 * the requests that can carry the value go to the same scheme, host and port as before. These are always written out,
 * because placeholders may stand only in the path and query of a URL.
 */

import { err, ok, type Result } from "../result.ts";
import type { ActionDefinition, SecretTexts, StoredTrigger } from "./definition.ts";

/** By place, such as `trigger.headers.Authorization`. */
export type Secrets = ReadonlyMap<string, string>;

/** Which requests can carry a secret. */
type Carrier = "trigger" | "cancel" | "both";

/** What stays in D1 and what is sealed. In the definition, each secret is null. */
export interface SplitDefinition {
  readonly definition: ActionDefinition;
  readonly secrets: Secrets;
}

/** Why null can't keep a value, and where. */
export interface MissingSecret {
  readonly place: string;
  readonly reason: "nothing_stored" | "moved" | "lost";
}

/**
 * Splits what a PUT sent, and keeps the stored value where it sent null. `stored`: what the PUT replaces; null if there is
 * nothing. `stored.secrets` null: no key opens them.
 */
export function splitSecrets(
  sent: ActionDefinition,
  stored: { readonly definition: ActionDefinition; readonly secrets: Secrets | null } | null,
): Result<SplitDefinition, MissingSecret> {
  if (sent.trigger === undefined) return ok({ definition: sent, secrets: new Map() });
  const before = stored?.definition.trigger;
  const known = placesOf(before);
  const isKept = keptCarriers(before, sent.trigger);
  const secrets = new Map<string, string>();
  const missing: MissingSecret[] = [];
  const trigger = mapSecrets(sent.trigger, (place, value, carrier) => {
    const secret = value ?? stored?.secrets?.get(place);
    if (value === null && !known.has(place)) missing.push({ place, reason: "nothing_stored" });
    else if (value === null && !isKept[carrier]) missing.push({ place, reason: "moved" });
    else if (secret === undefined) missing.push({ place, reason: "lost" });
    else secrets.set(place, secret);
    return null;
  });
  const [first] = missing;
  return first === undefined ? ok({ definition: { ...sent, trigger }, secrets }) : err(first);
}

/** The trigger with its secrets. Null if a secret is missing. */
export function joinSecrets(trigger: StoredTrigger, secrets: Secrets): StoredTrigger | null {
  let isWhole = true;
  const joined = mapSecrets(trigger, (place) => {
    const secret = secrets.get(place);
    if (secret === undefined) isWhole = false;
    return secret ?? null;
  });
  return isWhole ? joined : null;
}

function placesOf(trigger: StoredTrigger | undefined): ReadonlySet<string> {
  const found = new Set<string>();
  if (trigger === undefined) return found;
  mapSecrets(trigger, (place, value) => {
    found.add(place);
    return value;
  });
  return found;
}

type Visit = (place: string, value: string | null, carrier: Carrier) => string | null;

/** The trigger with each secret replaced by what `visit` returns. This is the only list of the places of secrets. */
function mapSecrets(trigger: StoredTrigger, visit: Visit): StoredTrigger {
  const { headers, signingSecret, secrets, cancel, ...others } = trigger;
  return {
    ...others,
    headers: mapTexts(headers, "trigger.headers", "trigger", visit),
    // The cancel request is signed with it, too.
    ...(signingSecret !== undefined && {
      signingSecret: visit("trigger.signingSecret", signingSecret, "both"),
    }),
    ...(secrets !== undefined && { secrets: mapTexts(secrets, "trigger.secrets", "both", visit) }),
    ...(cancel !== undefined && {
      cancel: {
        ...cancel,
        headers: mapTexts(cancel.headers, "trigger.cancel.headers", "cancel", visit),
      },
    }),
  };
}

function mapTexts(texts: SecretTexts, place: string, carrier: Carrier, visit: Visit): SecretTexts {
  // Not by assignment, because a name `__proto__` would set the prototype.
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, visit(`${place}.${name}`, text, carrier)]),
  );
}

/** Whether a secret of each carrier goes only where it went before. */
function keptCarriers(
  before: StoredTrigger | undefined,
  after: StoredTrigger,
): Readonly<Record<Carrier, boolean>> {
  const start = originOf(before);
  const stop = originOf(before?.cancel);
  const stopAfter = originOf(after.cancel);
  const isSameStart = start !== null && originOf(after) === start;
  return {
    trigger: isSameStart,
    cancel: stop !== null && stopAfter === stop,
    // A new cancel request may go where the trigger goes: the secret went there before.
    both: isSameStart && (after.cancel === undefined || stopAfter === (stop ?? start)),
  };
}

/** Scheme, host and port. Null without a URL that can be called. */
function originOf(request: { readonly url: string } | undefined): string | null {
  const url = request === undefined ? null : URL.parse(request.url);
  return url === null || url.origin === "null" ? null : url.origin;
}
