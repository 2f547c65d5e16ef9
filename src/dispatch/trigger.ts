/** zod: a trigger as a create sends it. A fault that the values can't change is refused here, with its place. PURE. */

import * as z from "zod/mini";
import { isJsonObject } from "../http/json.ts";
import {
  ATTEMPTS_DEFAULT,
  ATTEMPTS_MAX,
  RETRY_DELAY_DEFAULT_MS,
  RETRY_DELAY_MAX_MS,
  RETRY_DELAY_MIN_MS,
  TRIGGER_MAX_BYTES,
  URL_MAX_CHARACTERS,
  utf8Bytes,
} from "../http/limits.ts";
import { finiteNumbers, urlLength, wholeNumber } from "../http/schema-bounds.ts";
import { described, HTTP_URL } from "../http/schema-parts.ts";
import { signingKey } from "./signature.ts";
import { checkTemplate, checkUrlTemplate } from "./template.ts";

/** RFC 9110, section 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
export const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
/** Set by us or by the connection. A caller's value would be lost, or would break the request. */
const RESERVED_HEADER =
  /^(host|content-length|idempotency-key|webhook-.*|action-runs-.*|accept-encoding|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|proxy-.*|cf-.*|cdn-loop)$/;

const headers = z
  .custom<Readonly<Record<string, string>>>(isJsonObject, { error: "send a JSON object of strings." })
  .check(
    z.superRefine((value, context) => {
      const seen = new Set<string>();
      for (const [name, text] of Object.entries(value)) {
        const message = headerFault(name, text, seen);
        if (message !== null) context.addIssue({ code: "custom", path: [name], message });
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
  if (!HEADER_NAME.test(name)) return "is not a valid header name; send one that RFC 9110 allows.";
  if (RESERVED_HEADER.test(lower)) return "is set by the service or the connection; leave it out.";
  if (seen.has(lower)) return "is there twice; send it once.";
  seen.add(lower);
  if (typeof text !== "string") return "send a string.";
  if (!HEADER_VALUE.test(text)) return "has characters that no header can carry; send printable ASCII.";
  return checkTemplate(text)?.sentence ?? null;
}

const AN_OBJECT = {
  error: ({ code }: { readonly code?: string }) =>
    code === "invalid_type" ? "send a JSON object." : undefined,
};

const retry = z.strictObject(
  {
    maxAttempts: z._default(
      described(wholeNumber("a whole number", 1, ATTEMPTS_MAX), "How often the webhook is sent at most."),
      ATTEMPTS_DEFAULT,
    ),
    initialDelayMs: z._default(
      described(
        wholeNumber("whole milliseconds", RETRY_DELAY_MIN_MS, RETRY_DELAY_MAX_MS),
        "The longest wait before the first retry, in milliseconds. It doubles with each retry.",
      ),
      RETRY_DELAY_DEFAULT_MS,
    ),
  },
  AN_OBJECT,
);

/** A webhook that starts the workflow. Without a `payload`, the whole template context is sent. */
export const trigger = z
  .pipe(
    z.transform((value, context) => {
      const bytes = utf8Bytes(JSON.stringify(value) ?? "");
      if (bytes <= TRIGGER_MAX_BYTES) return value;
      const message = `has ${bytes} bytes; send at most ${TRIGGER_MAX_BYTES}.`;
      context.issues.push({ code: "custom", message, input: value });
      return z.NEVER;
    }),
    z.strictObject(
      {
        type: z.literal("webhook", { error: 'send "webhook".' }),
        url: z
          .string({ error: "send the URL to call." })
          .check(
            urlLength,
            z.superRefine((url, context) => {
              const message = checkUrlTemplate(url);
              if (message !== null) context.addIssue({ code: "custom", message });
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
              finiteNumbers,
              z.superRefine((payload, context) => {
                const fault = checkTemplate(payload);
                if (fault === null) return;
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
                error: "is not a signing secret; send whsec_ and the base64 of 24 to 64 random bytes.",
              }),
            )
            .register(z.globalRegistry, {
              wire: { type: "string", pattern: "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$", maxLength: 94 },
              description:
                "`whsec_` and the base64 of 24 to 64 random bytes. Signs the body after Standard Webhooks. Many libraries of that standard parse the body as JSON after they verified it, and throw if it is a form. For a form, switch the parsing off (`jsonParse: false` in `standardwebhooks` for JavaScript) or compute the HMAC yourself.",
            }),
        ),
        retry: z._default(retry, { maxAttempts: ATTEMPTS_DEFAULT, initialDelayMs: RETRY_DELAY_DEFAULT_MS }),
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
