/** `inbound` of an action. The sender is a stranger until `verifiedEvent` says otherwise: nothing is parsed before. */
import * as z from "zod/mini";
import { hasOnlyFiniteNumbers, isDeeperThan, isJsonObject, type JsonObject } from "../base/json.ts";
import {
  CONDITIONS_MAX,
  EVENT_HEADER_MAX_CHARACTERS,
  EVENT_HEADERS_MAX,
  EVENT_TEMPLATE_MAX_BYTES,
  INPUTS_MAX_BYTES,
  JSON_MAX_DEPTH,
  utf8Bytes,
} from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { MINUTE_MS } from "../base/time.ts";
import type { MemberFault } from "../http/errors.ts";
import { finiteNumbers, inDocument, listOf, maxBytes, objectOf, textLike } from "../http/schemas.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { IN_EVENT, type InboundEvent, inEventWith, memberAt } from "../webhooks/placeholder.ts";
import { refusing } from "../webhooks/request-schemas.ts";
import { conditionsOn, firstUnmet, pathsIn } from "../webhooks/response.ts";
import { checkTemplate, renderJson } from "../webhooks/template.ts";
import { hmacSha256, signingKey } from "../webhooks/webhook-request.ts";

const verify = z.enum(["token", "github", "standard-webhooks"], {
  error: 'send "token", "github" or "standard-webhooks".',
});

/** Any text that can be a token: a header's value without blanks. */
const secret = textLike(
  "^[!-~]{16,255}$",
  "is not a usable secret; send 16 to 255 printable ASCII characters without blanks.",
);

const HEADER = `^[!#$%&'*+.^_\`|~0-9A-Za-z-]{1,${EVENT_HEADER_MAX_CHARACTERS}}$`;
/** What such a header holds could be put into parameters, and everybody who reads the run reads these. */
const OPENS = /authorization|cookie|token|signature|secret|password|credential|jwt|(?:api|auth|access)[-_]?key/;

const headerName = z.pipe(
  textLike(
    HEADER,
    `is not a header's name; send 1 to ${EVENT_HEADER_MAX_CHARACTERS} characters that RFC 9110 allows.`,
  ).check(
    z.refine((name) => !OPENS.test(name.toLowerCase()), {
      error: "can hold a secret, and parameters are no secrets; leave it out.",
    }),
  ),
  z.transform((name: string) => name.toLowerCase()),
);

const headers = z.pipe(
  listOf(EVENT_HEADERS_MAX, "headers", headerName, "send an array of headers' names."),
  z.transform((names): readonly string[] => [...new Set(names)]),
);
inDocument(headers, {
  wire: { type: "array", items: { type: "string", pattern: HEADER }, maxItems: EVENT_HEADERS_MAX },
  description:
    "The headers that `when` and `parameters` may read, in any case. A header whose name contains `authorization`, " +
    "`cookie`, `token`, `signature`, `secret`, `password`, `credential`, `jwt`, `api-key`, `auth-key` or `access-key` is " +
    "refused, because parameters are no secrets.",
});

const when = conditionsOn({
  path: /^(body|headers)\.[^\s{}]+$/,
  roots: IN_EVENT,
  what: "the event",
  examples: ["body.ref", "body.active"],
  member: "when",
});

const ONE_PLACEHOLDER = "^\\{\\{[^{}]*\\}\\}$";

const parameters = z.unknown().check(
  z.refine(
    (template) =>
      isJsonObject(template) || (typeof template === "string" && new RegExp(ONE_PLACEHOLDER).test(template)),
    { error: 'send a JSON object, or one placeholder, as in "{{ body }}".', abort: true },
  ),
  finiteNumbers,
  maxBytes(EVENT_TEMPLATE_MAX_BYTES, JSON.stringify),
);
inDocument(parameters, {
  wire: { type: ["object", "string"], additionalProperties: true, pattern: ONE_PLACEHOLDER },
  description:
    "The parameters of the run: an object whose strings may contain placeholders of `body` and of the named `headers`, such " +
    "as `{{ body.commits.0.id }}`. A string that is only one placeholder becomes the value itself. So `{{ body }}` " +
    'instead of an object takes the event as it is. Without it, the parameters are `{ "event": … }` with the whole body. ' +
    `At most ${EVENT_TEMPLATE_MAX_BYTES} bytes of JSON.`,
});

const inboundShape = {
  verify,
  secret: z.optional(z.nullable(secret)),
  headers: z.optional(headers),
  when: z.optional(when),
  parameters: z.optional(parameters),
};

function wholeFaults({
  secret,
  verify,
  headers = [],
  when = [],
  parameters,
}: z.output<z.ZodMiniObject<typeof inboundShape>>): readonly MemberFault[] {
  const faults: MemberFault[] = [];
  if (verify === "standard-webhooks" && typeof secret === "string" && signingKey(secret) === null) {
    const message = "is not a secret of Standard Webhooks; send whsec_ and the base64 of 24 to 64 random bytes.";
    faults.push({ path: ["secret"], message });
  }
  const named = new Set(headers.map((name) => `headers.${name}`));
  if (pathsIn(when).some((path) => path.startsWith("headers.") && !named.has(path))) {
    const message = "names a header that is not in headers; add it there, in lower case here.";
    faults.push({ path: ["when"], message });
  }
  const fault = checkTemplate(parameters, inEventWith(headers));
  return fault === null ? faults : [...faults, { ...fault, path: ["parameters", ...fault.path] }];
}

export const inbound = objectOf(
  inboundShape,
  DESCRIBE && {
    id: "Inbound",
    description:
      "Lets another product start the action by an event. Requires a `trigger`. The runs have the token that stored the " +
      "action as their creator. `GET …/actions/{name}/inbound` shows the URL for the product.",
    members: {
      verify:
        "How an event proves that it is genuine. `token`: the secret itself, as `Authorization: Bearer`, as the password of " +
        "`Authorization: Basic`, or as `X-Gitlab-Token`. `github`: the signature `X-Hub-Signature-256`. " +
        "`standard-webhooks`: the headers of Standard Webhooks, at most 5 minutes old.",
      secret:
        "Write-only: responses show null in its place. If it is missing or null, the stored secret stays. If " +
        "`inbound` is new, or `verify` changes, the service makes a secret, which only that response shows. For " +
        "`standard-webhooks`, send `whsec_` and the base64 of 24 to 64 random bytes. To replace " +
        "a secret without a gap, rotate it.",
      when:
        'Conditions on an event. `{ "exists": "body.ref" }` holds if the value is there and not null. ' +
        '`{ "equals": { "headers.x-github-event": "push" } }` holds if value and type are the same. ' +
        `All must hold, and there are at most ${CONDITIONS_MAX}. Otherwise the event starts nothing. A path may name only ` +
        "headers that are in `headers`, in lower case.",
    },
    examples: [
      {
        verify: "github",
        headers: ["x-github-event"],
        when: [{ equals: { "body.ref": "refs/heads/main" } }],
        parameters: { version: "{{ body.after }}" },
      },
    ],
  },
  refusing(wholeFaults),
);

export type Inbound = z.output<typeof inbound>;

type Bytes = Uint8Array<ArrayBuffer>;

export interface SentEvent {
  readonly headers: Headers;
  readonly body: Bytes;
}

const encoder = new TextEncoder();

/** How far the timestamp of an event may be from our clock, as Standard Webhooks recommends. */
const TOLERANCE_MS = 5 * MINUTE_MS;
const SIGNATURE_BYTES = 32;

/** In constant time. Null: unproven. `id` null: none is signed, and an unsigned one could make two events of one. */
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

async function sha256(bytes: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
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

export function readableEvent({ headers: names = [] }: Inbound, headers: Headers, body: unknown): InboundEvent {
  const named = names.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return { body, headers: Object.fromEntries(named) };
}

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
