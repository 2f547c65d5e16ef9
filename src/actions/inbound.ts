/**
 * What an action makes of an event: whether it is genuine, whether it starts a run, and the run's parameters. Plain data
 * in and out; only WebCrypto is asked. The sender is a stranger until `verifiedEvent` says otherwise, so nothing of an
 * event is parsed before that.
 */
import { hasOnlyFiniteNumbers, isDeeperThan, isJsonObject, type JsonObject } from "../base/json.ts";
import { INPUTS_MAX_BYTES, JSON_MAX_DEPTH, utf8Bytes } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { MINUTE_MS } from "../base/time.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { type InboundEvent, memberAt } from "../webhooks/placeholder.ts";
import { firstUnmet } from "../webhooks/response.ts";
import { renderJson } from "../webhooks/template.ts";
import { hmacSha256, signingKey } from "../webhooks/webhook-request.ts";
import type { Inbound } from "./inbound-definition.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** An event as it came. */
export interface SentEvent {
  readonly headers: Headers;
  readonly body: Bytes;
}

const encoder = new TextEncoder();

/** How far the timestamp of an event may be from our clock, as Standard Webhooks recommends. */
const TOLERANCE_MS = 5 * MINUTE_MS;
const SIGNATURE_BYTES = 32;

/**
 * Whether one of `secrets` proves the event, and the id that the proof covers. Null if none does. `id` null: no id is
 * covered, because a header that nobody signed could make two events of one, or one of two. All comparisons take the same
 * time whatever they find.
 */
export async function verifiedEvent(
  verify: Inbound["verify"],
  event: SentEvent,
  secrets: readonly string[],
  now: number,
): Promise<{ readonly id: string | null } | null> {
  switch (verify) {
    case "token":
      return (await isToken(event, secrets)) ? { id: null } : null;
    case "github":
      return (await isSignedAsGitHub(event, secrets)) ? { id: null } : null;
    case "standard-webhooks":
      return standardWebhook(event, secrets, now);
  }
}

async function isToken({ headers }: SentEvent, secrets: readonly string[]): Promise<boolean> {
  const sent = [bearerOrPassword(headers.get("Authorization") ?? ""), headers.get("X-Gitlab-Token")];
  const hashes = (texts: readonly string[]) => Promise.all(texts.map((text) => sha256(encoder.encode(text))));
  const known = await hashes(secrets);
  return (await hashes(sent.filter((text) => text !== null))).some((hash) => isOneOf(hash, known));
}

/** The token of `Bearer`, or the password of `Basic` (RFC 7617), whose user name means nothing here. */
function bearerOrPassword(authorization: string): string | null {
  const [, scheme = "", value = ""] = /^(Bearer|Basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== "basic") return value || null;
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(value));
    return text.includes(":") ? text.slice(text.indexOf(":") + 1) : null;
  } catch {
    return null;
  }
}

/** https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries */
async function isSignedAsGitHub({ headers, body }: SentEvent, secrets: readonly string[]): Promise<boolean> {
  const [, hex] = /^sha256=([0-9a-f]{64})$/.exec(headers.get("X-Hub-Signature-256") ?? "") ?? [];
  if (hex === undefined) return false;
  const known = await Promise.all(secrets.map((secret) => hmacSha256(encoder.encode(secret), body)));
  return isOneOf(Uint8Array.fromHex(hex), known);
}

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
async function standardWebhook({ headers, body }: SentEvent, secrets: readonly string[], now: number) {
  const id = headers.get("webhook-id") ?? "";
  const timestamp = headers.get("webhook-timestamp") ?? "";
  if (!/^[!-~]{1,255}$/.test(id) || !/^[0-9]{1,12}$/.test(timestamp)) return null;
  if (Math.abs(now - Number(timestamp) * 1000) > TOLERANCE_MS) return null;
  const signed = new Uint8Array(await new Blob([`${id}.${timestamp}.`, body]).arrayBuffer());
  const keys = secrets.map(signingKey).filter((key) => key !== null);
  const known = await Promise.all(keys.map((key) => hmacSha256(key, signed)));
  const sent = (headers.get("webhook-signature") ?? "").split(" ").map(signatureOf);
  return sent.some((signature) => signature !== null && isOneOf(signature, known)) ? { id } : null;
}

function signatureOf(text: string): Bytes | null {
  const [, base64] = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(text) ?? [];
  return base64 === undefined ? null : Uint8Array.fromBase64(base64);
}

function isOneOf(bytes: Bytes, known: readonly Bytes[]): boolean {
  let found = false;
  // No early end, so the time does not tell which one it is.
  for (const one of known) {
    if (bytes.byteLength === SIGNATURE_BYTES && crypto.subtle.timingSafeEqual(bytes, one)) found = true;
  }
  return found;
}

async function sha256(bytes: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** The part of the URL that strangers can't know: an HMAC, so a wrong one is refused before anything is read. */
export async function inboundIdOf(ring: KeyRing, scope: string, action: string): Promise<string> {
  const id = await ring.sign("inbound-url", inboundText(scope, action));
  return id.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Whether a key of the ring made the id. The path's pattern lets only 43 characters of base64url through. */
export async function isInboundId(ring: KeyRing, scope: string, action: string, id: string): Promise<boolean> {
  const bytes = Uint8Array.fromBase64(id, { alphabet: "base64url" });
  return ring.verify("inbound-url", inboundText(scope, action), bytes);
}

function inboundText(scope: string, action: string): string {
  return `action-runs inbound v1\n${scope}\n${action}`;
}

/** What tells the event from others of its action: the id that was proven, or the hash of the body. */
export async function eventIdOf({ body }: SentEvent, { id }: { readonly id: string | null }): Promise<string> {
  return id ?? (await sha256(body)).toHex();
}

/** The event as conditions and templates may read it. */
export function readableEvent({ headers: names = [] }: Inbound, headers: Headers, body: unknown): InboundEvent {
  const named = names.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return { body, headers: Object.fromEntries(named) };
}

/** Whether the event starts a run. */
export function startsRun({ when = [] }: Inbound, event: InboundEvent): boolean {
  return firstUnmet(when, (path) => memberAt(event, path.split("."))) === null;
}

/** A run's parameters are one level below its body. */
const PARAMETERS_MAX_DEPTH = JSON_MAX_DEPTH - 1;

/** The parameters of the run. The error is a sentence that quotes nothing of the event. */
export function parametersOf({ parameters }: Inbound, event: InboundEvent): Result<JsonObject, string> {
  const made = parameters === undefined ? ok({ event: event.body }) : renderJson(parameters, event, INPUTS_MAX_BYTES);
  if (!made.ok) return err(TOO_LARGE);
  const { value } = made;
  if (!isJsonObject(value))
    return err("inbound.parameters makes no JSON object of this event. Send another event, or change it.");
  if (!hasOnlyFiniteNumbers(value)) return err("The event has a number that is too large. Send it as a string.");
  if (isDeeperThan(value, PARAMETERS_MAX_DEPTH)) {
    return err(
      `The parameters of the event nest deeper than ${PARAMETERS_MAX_DEPTH} levels. Put less of it into inbound.parameters.`,
    );
  }
  // The empty recommendations count, too.
  return utf8Bytes(JSON.stringify(value)) + 2 > INPUTS_MAX_BYTES ? err(TOO_LARGE) : ok(value);
}

const TOO_LARGE = `The parameters of the event have more than ${INPUTS_MAX_BYTES} bytes. Put less of it into inbound.parameters.`;
