/**
 * zod: what a create may ask to be called, and how it becomes a request. Everything that can be known at create is
 * refused at create, with the place named. PURE.
 */

import * as z from "zod/mini";
import { hasOnlyFiniteNumbers, isJsonObject } from "../http/json.ts";
import {
  ATTEMPTS_DEFAULT,
  ATTEMPTS_MAX,
  RENDERED_HEADERS_MAX_BYTES,
  RENDERED_MAX_BYTES,
  RETRY_DELAY_DEFAULT_MS,
  RETRY_DELAY_MAX_MS,
  RETRY_DELAY_MIN_MS,
  TRIGGER_MAX_BYTES,
  URL_MAX_CHARACTERS,
  utf8Bytes,
} from "../http/limits.ts";
import { described, HTTP_URL, sent } from "../http/schema-parts.ts";
import { err, ok, type Result } from "../result.ts";
import type { TemplateContext } from "./placeholder.ts";
import { signingKey } from "./signature.ts";
import { checkTemplate, checkUrlTemplate, renderJson, renderText, renderUrl } from "./template.ts";

/** RFC 9110, section 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
/** Ours, or the connection's: what the caller sets would be lost, or would break the request. */
const RESERVED_HEADER =
  /^(host|content-length|idempotency-key|webhook-.*|action-runs-.*|accept-encoding|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|proxy-.*|cf-.*|cdn-loop)$/;
const FORM = /^application\/x-www-form-urlencoded\b/i;

const headers = z
  .custom<Readonly<Record<string, string>>>(isJsonObject, { error: "send a JSON object of texts." })
  .check(
    z.superRefine((value, context) => {
      const seen = new Set<string>();
      for (const [name, text] of Object.entries(value)) {
        const fault = headerFault(name, text, seen);
        if (fault !== null) context.addIssue({ code: "custom", path: [name], message: fault });
      }
    }),
  )
  .register(z.globalRegistry, {
    wire: {
      type: "object",
      propertyNames: { pattern: HEADER_NAME.source },
      additionalProperties: { type: "string", pattern: HEADER_VALUE.source },
    },
    description:
      "Headers of the webhook. Values may contain placeholders. You can't set those that the service or the connection sets: `host`, `content-length`, `idempotency-key`, `webhook-*` and the like.",
  });

function headerFault(name: string, text: unknown, seen: Set<string>): string | null {
  const lower = name.toLowerCase();
  if (!HEADER_NAME.test(name)) return "is no name of a header; send one of RFC 9110.";
  if (RESERVED_HEADER.test(lower)) return "is set by the service or the connection; leave it out.";
  if (seen.has(lower)) return "is there twice; send it once.";
  seen.add(lower);
  if (typeof text !== "string") return "send a string.";
  if (!HEADER_VALUE.test(text)) return "holds what no header can carry; send printable ASCII.";
  return checkTemplate(text)?.sentence ?? null;
}

const ATTEMPTS = {
  error: (issue: { readonly input?: unknown }) =>
    `${sent(issue)}; send a whole number from 1 to ${ATTEMPTS_MAX}.`,
};
const DELAY = {
  error: (issue: { readonly input?: unknown }) =>
    `${sent(issue)}; send whole milliseconds from ${RETRY_DELAY_MIN_MS} to ${RETRY_DELAY_MAX_MS}.`,
};

const AN_OBJECT = {
  error: ({ code }: { readonly code?: string }) =>
    code === "invalid_type" ? "send a JSON object." : undefined,
};

const retry = z.strictObject(
  {
    maxAttempts: z._default(
      described(
        z.int(ATTEMPTS).check(z.minimum(1, ATTEMPTS), z.maximum(ATTEMPTS_MAX, ATTEMPTS)),
        "How often the webhook is sent at most.",
      ),
      ATTEMPTS_DEFAULT,
    ),
    initialDelayMs: z._default(
      described(
        z.int(DELAY).check(z.minimum(RETRY_DELAY_MIN_MS, DELAY), z.maximum(RETRY_DELAY_MAX_MS, DELAY)),
        "The longest wait before the first retry, in milliseconds. It doubles with each retry.",
      ),
      RETRY_DELAY_DEFAULT_MS,
    ),
  },
  AN_OBJECT,
);

/** A webhook that starts the work. `payload` is any JSON with placeholders; all they can reach, where it is left out. */
export const trigger = z
  .pipe(
    z.transform((value, context) => {
      const bytes = utf8Bytes(JSON.stringify(value) ?? "");
      if (bytes <= TRIGGER_MAX_BYTES) return value;
      const message = `has ${bytes} bytes; at most ${TRIGGER_MAX_BYTES} are taken.`;
      context.issues.push({ code: "custom", message, input: value });
      return z.NEVER;
    }),
    z.strictObject(
      {
        type: z.literal("webhook", { error: 'send "webhook".' }),
        url: z
          .string({ error: "send the URL to call." })
          .check(
            z.maxLength(URL_MAX_CHARACTERS, {
              error: `is too long; at most ${URL_MAX_CHARACTERS} characters are taken.`,
            }),
            z.superRefine((url, context) => {
              const fault = checkUrlTemplate(url);
              if (fault !== null) context.addIssue({ code: "custom", message: fault });
            }),
          )
          .register(z.globalRegistry, {
            wire: { type: "string", pattern: HTTP_URL, maxLength: URL_MAX_CHARACTERS },
            description:
              "The URL to call: `https`, with a public host name, on port 443 or one that the operator allows. Placeholders may stand in its path and query. In development, `ALLOW_INSECURE_WEBHOOKS` opens `http` and loopback hosts.",
          }),
        method: z._default(
          described(
            z.enum(["POST", "PUT", "PATCH"], { error: "send POST, PUT or PATCH." }),
            "The method of the webhook.",
          ),
          "POST",
        ),
        headers: z._default(headers, {}),
        payload: z.optional(
          described(
            z.unknown().check(
              z.refine(hasOnlyFiniteNumbers, { error: "holds a number too large for JSON's usual range." }),
              z.superRefine((payload, context) => {
                const fault = checkTemplate(payload);
                if (fault !== null)
                  context.addIssue({ code: "custom", path: [...fault.path], message: fault.sentence });
              }),
            ),
            "The body of the webhook: any JSON, whose strings may contain placeholders such as `{{ run.callbackUrl }}`. Without it, the body is everything that placeholders can reach. If `headers` has `Content-Type: application/x-www-form-urlencoded`, send a flat object, and the body is a form. Libraries that verify a signature can refuse a form: see `signingSecret`.",
          ),
        ),
        signingSecret: z.optional(
          z
            .string({ error: "send a string." })
            .check(
              z.refine((secret) => signingKey(secret) !== null, {
                error: "is no signing secret; send whsec_ and the base64 of 24 to 64 random bytes.",
              }),
            )
            .register(z.globalRegistry, {
              wire: { type: "string", pattern: "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$", maxLength: 94 },
              description:
                "`whsec_` and the base64 of 24 to 64 random bytes. Signs the body after Standard Webhooks. Many libraries of that standard parse the body as JSON after they verified it, and throw if it is a form. For a form, switch the parsing off (`jsonParse: false` in `standardwebhooks` for JavaScript) or compute the HMAC yourself.",
            }),
        ),
        retry: z._default(retry, {
          maxAttempts: ATTEMPTS_DEFAULT,
          initialDelayMs: RETRY_DELAY_DEFAULT_MS,
        }),
        startOn: z._default(
          described(
            z.enum(["accepted", "heartbeat"], { error: 'send "accepted" or "heartbeat".' }),
            "What starts the run: a 2xx answer to the webhook, or only the first heartbeat.",
          ),
          "accepted",
        ),
      },
      AN_OBJECT,
    ),
  )
  .register(z.globalRegistry, {
    id: "Trigger",
    description: `A webhook that starts the workflow. At most ${TRIGGER_MAX_BYTES} bytes of JSON.`,
    examples: [
      { type: "webhook", url: "https://ci.example.com/hooks/{{ parameters.version }}", startOn: "heartbeat" },
    ],
  });

export type Trigger = z.output<typeof trigger>;

/** What a trigger comes to for one run. */
export interface RenderedTrigger {
  readonly url: string;
  readonly method: Trigger["method"];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The request with all placeholders put in, or a sentence that names the place of what can't be sent. */
export function renderTrigger(trigger: Trigger, context: TemplateContext): Result<RenderedTrigger, string> {
  const url = renderUrl(trigger.url, context, URL_MAX_CHARACTERS);
  if (!url.ok) {
    return url.error === "too_large"
      ? err(`trigger.url: comes to more than ${URL_MAX_CHARACTERS} characters with its placeholders put in.`)
      : err("trigger.url: a segment . or .. would leave the path; leave it out.");
  }
  const headers: [string, string][] = [];
  let headerBytes = 0;
  for (const [name, template] of Object.entries(trigger.headers)) {
    const value = renderText(template, context, RENDERED_HEADERS_MAX_BYTES);
    headerBytes += name.length + (value.ok ? value.value.length : RENDERED_HEADERS_MAX_BYTES);
    if (headerBytes > RENDERED_HEADERS_MAX_BYTES) {
      return err(
        `trigger.headers: come to more than ${RENDERED_HEADERS_MAX_BYTES} bytes with their placeholders put in; send less.`,
      );
    }
    if (!value.ok || !HEADER_VALUE.test(value.value)) {
      return err(
        `trigger.headers.${name.slice(0, 100)}: what is put in holds what no header can carry; send printable ASCII.`,
      );
    }
    headers.push([name, value.value]);
  }
  const payload = payloadOf(trigger, context);
  if (!payload.ok) {
    return err(
      `trigger.payload: comes to more than ${RENDERED_MAX_BYTES} bytes with its placeholders put in; send less.`,
    );
  }
  const isForm = headers.some(([name, value]) => name.toLowerCase() === "content-type" && FORM.test(value));
  const body = isForm ? toForm(payload.value) : JSON.stringify(payload.value);
  if (body === null) {
    return err("trigger.payload: for a form, send one flat JSON object of texts, numbers and booleans.");
  }
  return ok({ url: url.value, method: trigger.method, headers: Object.fromEntries(headers), body });
}

/** Without a payload the context itself is sent. It is a value: what callers put into it is never read as a template. */
function payloadOf({ payload }: Trigger, context: TemplateContext): Result<unknown, "too_large"> {
  if (payload !== undefined) return renderJson(payload, context, RENDERED_MAX_BYTES);
  return utf8Bytes(JSON.stringify(context)) > RENDERED_MAX_BYTES ? err("too_large") : ok(context);
}

function toForm(payload: unknown): string | null {
  if (!isJsonObject(payload)) return null;
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(payload)) {
    if (typeof value === "object" && value !== null) return null;
    form.append(name, value === null ? "" : String(value));
  }
  return form.toString();
}
