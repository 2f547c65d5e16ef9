/** zod: schemas that several routes share. Every message says what to send. */

import { en } from "zod/locales";
import * as z from "zod/mini";
import {
  ENVIRONMENTS_PAGE_ROWS,
  NAME_MAX_CHARACTERS,
  PAGE_DEFAULT_ROWS,
  PAGE_MAX_ROWS,
  TIMEOUT_MAX_MINUTES,
} from "../base/limits.ts";
import type { Instant } from "../base/time.ts";
import {
  decodeCursor,
  decodeDeliveryCursor,
  decodeNameCursor,
  decodeQueueCursor,
  decodeScopeCursor,
  decodeSeqCursor,
} from "./cursor.ts";
import { parsedText, wholeNumber, wholeNumberText } from "./schema-bounds.ts";

// Messages for issues that no schema words itself, such as an unknown key.
z.config(en());

const CONTROL = /\p{Cc}/u;

/** An http or https URL, as far as a pattern can tell. */
export const HTTP_URL = "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]";

/** A copy of the schema with its own description in the OpenAPI document. */
export function described<T extends z.ZodMiniType>(schema: T, description: string): T {
  const member = schema.clone();
  z.globalRegistry.add(member, { ...z.globalRegistry.get(schema), description });
  return member;
}

/** The schema of a query parameter, with an example for the OpenAPI document. */
export function withExample<T extends z.ZodMiniType>(schema: T, example: string): T {
  const parameter = schema.clone();
  const wire = z.globalRegistry.get(schema)?.wire as object;
  z.globalRegistry.add(parameter, { wire: { ...wire, examples: [example] } });
  return parameter;
}

export const minutes = wholeNumber("whole minutes", 1, TIMEOUT_MAX_MINUTES);

/** A name that lists can filter by: 1 to 255 characters of well-formed Unicode without control characters. */
export const filterableName = z
  .string({ error: "send a string." })
  .check(
    z.minLength(1, { error: "is empty; send at least one character." }),
    z.refine((name) => [...name].length <= NAME_MAX_CHARACTERS, {
      error: ({ input }) => `has ${[...String(input)].length} characters; send at most ${NAME_MAX_CHARACTERS}.`,
    }),
    z.refine((name) => name.isWellFormed() && !CONTROL.test(name), {
      error: "has a control character or half a surrogate pair; send plain text.",
    }),
  )
  .register(z.globalRegistry, {
    // The pattern uses `\x`, because code generators use it in languages that don't know `\p` or `\u`.
    wire: { type: "string", minLength: 1, maxLength: NAME_MAX_CHARACTERS, pattern: "^[^\\x00-\\x1f\\x7f-\\x9f]*$" },
    description: "Well-formed Unicode without control characters.",
  });

const RFC_3339 = "send an RFC 3339 time, such as 2026-01-31T12:00:00Z (in a query, write + as %2B).";

/** RFC 3339 with any offset and any precision. */
export const instant = z
  .pipe(
    z
      .string({ error: RFC_3339 })
      .check(
        z.maxLength(64, { error: RFC_3339, abort: true }),
        z.toUpperCase(),
        z.iso.datetime({ offset: true, error: RFC_3339 }),
      ),
    z.transform((text: string): Instant => {
      const floorMs = Date.parse(text.replace(/(\.\d{3})\d+/, "$1"));
      const isFiner = /\.\d{3}\d*[1-9]/.test(text);
      return { floorMs, ceilMs: isFiner ? floorMs + 1 : floorMs };
    }),
  )
  .register(z.globalRegistry, { wire: { type: "string", format: "date-time" } });

/**
 * The query parameters of a page. `decode` gives null for a cursor that the service did not make. `after`: an entry for
 * the example. The base64 of a multiple of 3 characters has no padding, as a cursor.
 */
function pageOf<After>(decode: (cursor: string) => After | null, after: string, rows = PAGE_DEFAULT_ROWS) {
  const limit = wholeNumberText("a whole number", PAGE_MAX_ROWS, { default: rows, examples: [20] });
  const cursor = parsedText(
    z.string({ error: "send it once." }),
    decode,
    "send the cursor of a Link header unchanged, or omit it.",
  ).register(z.globalRegistry, {
    wire: { type: "string", examples: [btoa(after)] },
    description: "The cursor of a `Link` header, unchanged. The service refuses every other text.",
  });
  return { limit: z._default(limit, rows), cursor: z.optional(cursor) };
}

/** Pages of things with ids. */
export const pageQuery = pageOf(decodeCursor, "01890a5d-ac96-774b-bcce-b302099a8057");

/** Pages of stored definitions, by their names. */
export const namePageQuery = pageOf(decodeNameCursor, "deploy");

/** Pages of environments, by their scopes. */
export const environmentPageQuery = pageOf(decodeScopeCursor, "acme/shop/stage", ENVIRONMENTS_PAGE_ROWS);

/** Pages of numbered things. */
export const seqPageQuery = pageOf(decodeSeqCursor, "500");

/** Pages of messages to a webhook endpoint. The example's text has 42 characters. */
export const deliveryPageQuery = pageOf(decodeDeliveryCursor, "01890a5d-ac96-774b-bcce-b302099a8057 ended");

/** Pages of concurrency groups, by group and key. */
export const queuePageQuery = pageOf(decodeQueueCursor, "deploy-shop\n");
