/**
 * zod: the members of a trigger that have placeholders. Refuses each fault that no value can change, and names the
 * member. PURE.
 */

import * as z from "zod/mini";
import { isJsonObject } from "../../base/json.ts";
import { HEADERS_MAX, SECRET_MAX_CHARACTERS, URL_MAX_CHARACTERS } from "../../base/limits.ts";
import { atMost, finiteNumbers, urlLength } from "../../http/schema-bounds.ts";
import { described, HTTP_URL } from "../../http/schema-parts.ts";
import { IN_STOP_URL, type Roots } from "../template/placeholder.ts";
import { checkTemplate, checkUrlPath, checkUrlTemplate, pathsOf } from "../template/template.ts";

/** RFC 9110, section 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
export const HEADER_VALUE = /^[\t\x20-\x7e]*$/;
/** Set by us or by the connection. A caller's value would be lost, or would break the request. */
const RESERVED_HEADER =
  /^(host|content-length|idempotency-key|webhook-.*|action-runs-.*|accept-encoding|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|proxy-.*|cf-.*|cdn-loop)$/;

export const headersOf = (roots: Roots, whose: string) =>
  z
    .custom<Readonly<Record<string, string>>>(isJsonObject, { error: "send a JSON object of strings." })
    .check(
      atMost(HEADERS_MAX, "headers"),
      z.superRefine((value, context) => {
        const seen = new Set<string>();
        for (const [name, text] of Object.entries(value)) {
          const message = headerFault(name, text, seen, roots);
          if (message !== null) context.addIssue({ code: "custom", path: [name], message });
        }
      }),
    )
    .register(z.globalRegistry, {
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

export const TOO_LONG = `is too long; send at most ${SECRET_MAX_CHARACTERS} characters.`;

function headerFault(name: string, text: unknown, seen: Set<string>, roots: Roots): string | null {
  const lower = name.toLowerCase();
  if (!HEADER_NAME.test(name)) return "is not a valid header name; send one that RFC 9110 allows.";
  if (RESERVED_HEADER.test(lower)) return "is set by the service or the connection; leave it out.";
  if (seen.has(lower)) return "is there twice; send it once.";
  seen.add(lower);
  if (typeof text !== "string") return "send a string.";
  if (text.length > SECRET_MAX_CHARACTERS) return TOO_LONG;
  if (!HEADER_VALUE.test(text)) return "has characters that no header can carry; send printable ASCII.";
  return checkTemplate(text, roots)?.sentence ?? null;
}

export const payloadOf = (roots: Roots, description: string) =>
  described(
    z.unknown().check(
      finiteNumbers,
      z.superRefine((payload, context) => {
        const fault = checkTemplate(payload, roots);
        if (fault === null) return;
        context.addIssue({ code: "custom", path: [...fault.path], message: fault.sentence });
      }),
    ),
    description,
  );

export const urlOf = (roots: Roots, description: string) =>
  z
    .string({ error: "send the URL to call." })
    .check(
      urlLength,
      z.superRefine((url, context) => {
        const message = checkUrlTemplate(url, roots) ?? checkUrlPath(url);
        if (message !== null) context.addIssue({ code: "custom", message });
      }),
    )
    .register(z.globalRegistry, {
      wire: { type: "string", pattern: HTTP_URL, maxLength: URL_MAX_CHARACTERS },
      description,
    });

/** A link to show is one placeholder, or a URL with placeholders in its path and query. */
export const link = z
  .string({ error: "send the URL of the job's page, as in {{ response.html_url }}." })
  .check(
    urlLength,
    z.superRefine((template, context) => {
      const message = linkFault(template);
      if (message !== null) context.addIssue({ code: "custom", message });
    }),
  )
  .register(z.globalRegistry, {
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

function linkFault(template: string): string | null {
  const fault = checkTemplate(template, IN_STOP_URL);
  if (fault !== null) return fault.sentence;
  const paths = pathsOf(template);
  if (paths.some(([root, member = "callbackToken"]) => root === "run" && member === "callbackToken")) {
    return "{{ run.callbackToken }} is a secret, and everybody who reads the run sees its link. Leave it and {{ run }} out.";
  }
  if (isWholeResponse(template)) return null;
  if (!/^https:\/\/[^/?#@]+([/?#]|$)/i.test(template)) {
    return "send one placeholder, as in {{ response.html_url }}, or an https URL with placeholders, without a user name.";
  }
  return checkUrlTemplate(template, IN_STOP_URL) ?? checkUrlPath(template);
}

/** Whether the receiver chooses the whole link. JSON text is no link, so a placeholder with `json` does not count. */
export function isWholeResponse(template: string): boolean {
  return /^\{\{\s*response\.(?:(?!\}\}).)*\}\}$/s.test(template);
}
