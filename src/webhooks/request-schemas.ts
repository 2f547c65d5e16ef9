/** zod: the members of a trigger or an endpoint that have placeholders, and their secrets. Names each fault. PURE. */
import * as z from "zod/mini";
import { isJsonObject } from "../base/json.ts";
import {
  HEADERS_MAX,
  SECRET_MAX_CHARACTERS,
  SECRET_NAME,
  SECRET_USES_MAX,
  SECRETS_MAX,
  URL_MAX_CHARACTERS,
  utf8Bytes,
} from "../base/limits.ts";
import type { MemberFault } from "../http/errors.ts";
import { atMost, finiteNumbers, HTTP_URL, inDocument, urlLength } from "../http/schemas.ts";
import { IN_STOP_URL, type Roots } from "./placeholder.ts";
import { checkTemplate, checkUrlTemplate, pathsOf } from "./template.ts";
import { signingKey } from "./webhook-request.ts";

/** A check that refuses a value with these faults. A text is a fault of the whole value. */
export function refusing<T>(faultsOf: (value: T) => readonly MemberFault[] | MemberFault | string | null) {
  return z.superRefine<T>((value, context) => {
    for (const fault of [faultsOf(value) ?? []].flat()) {
      const { path, message } = typeof fault === "string" ? { path: [], message: fault } : fault;
      context.addIssue({ code: "custom", path: [...path], message });
    }
  });
}

export function urlSchema(roots: Roots) {
  const url = z.string({ error: "send the URL to call." }).check(
    urlLength,
    refusing((url) => checkUrlTemplate(url, roots)),
  );
  inDocument(url, { wire: { type: "string", pattern: HTTP_URL, maxLength: URL_MAX_CHARACTERS } });
  return url;
}

export function payloadSchema(roots: Roots) {
  return z.unknown().check(
    finiteNumbers,
    refusing((template) => checkTemplate(template, roots)),
  );
}

/** A link to show is one placeholder, or a URL with placeholders in its path and query. */
export const link = z
  .string({ error: "send the URL of the job's page, as in {{ response.html_url }}." })
  .check(urlLength, refusing(linkFault));
inDocument(link, {
  wire: {
    type: "string",
    pattern: "^(\\{\\{\\s*response\\.|[Hh][Tt][Tt][Pp][Ss]://[^/?#@]+([/?#]|$))",
    maxLength: URL_MAX_CHARACTERS,
  },
  description:
    "The page of the job, made from the receiver's response: `{{ response.html_url }}`, or an `https` URL " +
    "with placeholders in its path and query. It can have no secrets, the callback token included. The " +
    "service shows it as the run's `externalUrl` if it is an `https` URL without credentials, and never " +
    "fetches it.",
});

function linkFault(template: string): MemberFault | string | null {
  const fault = checkTemplate(template, IN_STOP_URL);
  if (fault !== null) return fault;
  if (pathsOf(template).some(([root, member = "callbackToken"]) => root === "run" && member === "callbackToken")) {
    return "{{ run.callbackToken }} is a secret, and everybody who reads the run sees its link. Leave it and {{ run }} out.";
  }
  if (isWholeResponse(template)) return null;
  if (!/^https:\/\/[^/?#@]+([/?#]|$)/i.test(template)) {
    return "send one placeholder, as in {{ response.html_url }}, or an https URL with placeholders, without a user name.";
  }
  return checkUrlTemplate(template, IN_STOP_URL);
}

/** Whether the receiver chooses the whole link. JSON text is no link, so a placeholder with `json` does not count. */
export function isWholeResponse(template: string): boolean {
  return /^\{\{\s*response\.(?:(?!\}\}).)*\}\}$/s.test(template);
}

type Texts = Readonly<Record<string, string>>;
const TOO_LONG = `is too long; send at most ${SECRET_MAX_CHARACTERS} characters.`;

/** `faultOf`: what is wrong with one text; null if nothing is. */
function textsByName(max: number, things: string, faultOf: (name: string, text: unknown, all: Texts) => string | null) {
  return z.custom<Texts>(isJsonObject, { error: "send a JSON object of strings." }).check(
    atMost(max, things),
    refusing((texts) =>
      Object.entries(texts).flatMap(([name, text]) => {
        const message = faultOf(name, text, texts);
        return message === null ? [] : { path: [name], message };
      }),
    ),
  );
}

/** RFC 9110, section 5.6.2. */
export const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
export const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
/** Set by us or by the connection. A caller's value would be lost, or would break the request. */
const RESERVED_HEADER =
  /^(host|content-length|idempotency-key|webhook-.*|action-runs-.*|accept-encoding|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|proxy-.*|cf-.*|cdn-loop)$/;

export function headersSchema(roots: Roots, whose: string) {
  const headers = textsByName(HEADERS_MAX, "headers", (name, text, all) => headerFault(name, text, all, roots));
  return headers.register(z.globalRegistry, {
    wire: {
      type: "object",
      maxProperties: HEADERS_MAX,
      propertyNames: { pattern: HEADER_NAME.source },
      additionalProperties: { type: "string", pattern: HEADER_VALUE.source, maxLength: SECRET_MAX_CHARACTERS },
    },
    description:
      `Headers of the ${whose}. Values may contain placeholders. You can't set those that the service or ` +
      "the connection sets: `host`, `content-length`, `idempotency-key`, `webhook-*` and the like.",
  });
}

function headerFault(name: string, text: unknown, all: Texts, roots: Roots): string | null {
  const lower = name.toLowerCase();
  if (!HEADER_NAME.test(name)) return "is not a valid header name; send one that RFC 9110 allows.";
  if (RESERVED_HEADER.test(lower)) return "is set by the service or the connection; leave it out.";
  const first = Object.keys(all).find((other) => other.toLowerCase() === lower);
  if (first !== name) return "is there twice; send it once.";
  if (typeof text !== "string") return "send a string.";
  if (text.length > SECRET_MAX_CHARACTERS) return TOO_LONG;
  if (!HEADER_VALUE.test(text)) return "has characters that no header can carry; send printable ASCII.";
  return checkTemplate(text, roots)?.message ?? null;
}

const WHOLE_SECRET_NAME = new RegExp(`^${SECRET_NAME}$`);

/** Secrets by name. They are kept apart from the templates, so that a stored trigger can show its templates. */
export const secretTexts = textsByName(SECRETS_MAX, "secrets", secretFault);
inDocument(secretTexts, {
  wire: {
    type: "object",
    maxProperties: SECRETS_MAX,
    propertyNames: { pattern: WHOLE_SECRET_NAME.source },
    additionalProperties: { type: "string", minLength: 1, maxLength: SECRET_MAX_CHARACTERS },
  },
  description: `Secrets by name. Headers and payloads use them as \`{{ secrets.NAME }}\`, ${SECRET_USES_MAX} times at most. URLs and \`link\` can't. No response shows them.`,
});

function secretFault(name: string, text: unknown): string | null {
  if (!WHOLE_SECRET_NAME.test(name)) {
    return "is not a valid name; send a letter, then at most 62 letters, digits, - and _.";
  }
  if (typeof text !== "string") return "send a string.";
  if (text === "") return "is empty; leave it out.";
  return text.length > SECRET_MAX_CHARACTERS ? TOO_LONG : null;
}

export const signingSecret = z
  .string({ error: "send a string." })
  .check(
    z.refine((secret) => signingKey(secret) !== null, {
      error: "is not a signing secret; send whsec_ and the base64 of 24 to 64 random bytes.",
    }),
  );
inDocument(signingSecret, {
  wire: { type: "string", pattern: "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$", maxLength: 94 },
  description:
    "`whsec_` and the base64 of 24 to 64 random bytes. Signs the body after Standard Webhooks. Many " +
    "libraries of that standard parse the body as JSON after they verified it, and throw if it is a form. " +
    "For a form, switch the parsing off (`jsonParse: false` in `standardwebhooks` for JavaScript) or " +
    "compute the HMAC yourself.",
});

/** What the values of headers that open nothing are: no secrets. */
export const BUT_SHOWN =
  " The values of `Accept`, `Accept-Language`, `Content-Type` and `X-GitHub-Api-Version` are no secrets.";

/** Texts by name. Null stands for a stored secret. */
type StoredTexts = Readonly<Record<string, string | null>>;

/** The same object of strings, in which any value may be null. `writeOnly`: what its description says of that. */
export function withNulls(schema: z.ZodMiniType, writeOnly: string): z.ZodMiniType<StoredTexts, StoredTexts> {
  const stored = z.custom<StoredTexts>(isJsonObject, { error: "send a JSON object of strings." }).check(
    refusing((texts) => {
      // Also checks the names beside a null.
      const filled = Object.entries(texts).map(([name, text]) => [name, text === null ? "x" : text]);
      return schema.safeParse(Object.fromEntries(filled)).error?.issues ?? [];
    }),
  );
  if (DESCRIBE) {
    const { wire, description } = z.globalRegistry.get(schema) as {
      readonly wire: { readonly additionalProperties: object };
      readonly description: string;
    };
    inDocument(stored, {
      wire: { ...wire, additionalProperties: { ...wire.additionalProperties, type: ["string", "null"] } },
      description: `${description} ${writeOnly}`,
    });
  }
  return stored;
}

/** Refuses a value with more bytes of JSON. The texts in the members `secrets`, also of `cancel`, don't count. */
export function boundedWithoutSecrets(maxBytes: number, secrets: readonly string[]) {
  const shown = (value: unknown): unknown => {
    if (!isJsonObject(value)) return value;
    const members = Object.entries(value).map(([name, member]) => {
      if (name === "cancel") return [name, shown(member)];
      return [name, secrets.includes(name) ? blanked(member) : member];
    });
    return Object.fromEntries(members);
  };
  return z.transform((value, context) => {
    const bytes = utf8Bytes(JSON.stringify(shown(value)) ?? "");
    if (bytes <= maxBytes) return value;
    const message = `has ${bytes} bytes without its secrets; send at most ${maxBytes}.`;
    context.issues.push({ code: "custom", message, input: value });
    return z.NEVER;
  });
}

function blanked(value: unknown): unknown {
  if (typeof value === "string") return "";
  if (!isJsonObject(value)) return value;
  const texts = Object.entries(value).map(([name, text]) => [name, typeof text === "string" ? "" : text]);
  return Object.fromEntries(texts);
}

/** No sentence quotes a header or counts uses: headers can be secrets. `templates`: by the path of their member. */
export function secretFaults(templates: Readonly<Record<string, unknown>>, secrets: unknown): readonly MemberFault[] {
  const isMissing = ([root, name = ""]: readonly string[]) =>
    root === "secrets" && !(isJsonObject(secrets) && Object.hasOwn(secrets, name));
  const faults: MemberFault[] = Object.entries(templates).flatMap(([member, template]) => {
    const missing = pathsOf(template).find(isMissing);
    if (missing === undefined) return [];
    const what = member.endsWith("headers") ? "a secret" : `{{ ${missing.join(".").slice(0, 80)} }}`;
    return [{ path: member.split("."), message: `uses ${what}, which is missing in secrets; add it.` }];
  });
  const uses = Object.values(templates)
    .flatMap(pathsOf)
    .filter(([root]) => root === "secrets");
  const message = `uses secrets more than ${SECRET_USES_MAX} times; use them less often.`;
  return uses.length <= SECRET_USES_MAX ? faults : [...faults, { path: [], message }];
}
