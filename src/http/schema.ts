/** zod: pieces of the wire that several routes share. Every message says what to send. */

import * as z from "zod";
import { decodeCursor, decodeSeqCursor } from "./cursor.ts";
import { NAME_MAX_CHARACTERS, PAGE_DEFAULT_ROWS, PAGE_MAX_ROWS } from "./limits.ts";

const CONTROL = /\p{Cc}/u;

/** A name that lists filter on: 1 to 255 characters of well-formed Unicode, no control characters. */
export const filterableName = z
  .string({ error: "send a string." })
  .min(1, { error: "is empty; send at least one character." })
  .refine((name) => [...name].length <= NAME_MAX_CHARACTERS, {
    error: (issue) =>
      `has ${[...String(issue.input)].length} characters; at most ${NAME_MAX_CHARACTERS} are taken.`,
  })
  .refine((name) => name.isWellFormed() && !CONTROL.test(name), {
    error: "holds a control character or half a surrogate pair; send plain text.",
  })
  .meta({ wire: { type: "string", minLength: 1, maxLength: NAME_MAX_CHARACTERS } });

/** What was sent in place of a number, short enough to be said. */
export function sent(issue: { readonly input?: unknown }): string {
  const { input } = issue;
  const text = typeof input === "number" ? String(input) : (JSON.stringify(input) ?? "nothing");
  return `${text.length > 40 ? `${text.slice(0, 40)}…` : text} was sent`;
}

const LIMIT = {
  error: (issue: { readonly input?: unknown }) =>
    `${sent(issue)}; send a whole number from 1 to ${PAGE_MAX_ROWS}.`,
};

/** A point in time between two milliseconds, where the text is finer than that. */
export interface Instant {
  readonly floorMs: number;
  readonly ceilMs: number;
}

const RFC_3339 = "send a time of RFC 3339, such as 2026-01-31T12:00:00Z (in a query, write + as %2B).";

/** RFC 3339 with any offset and any precision. */
export const instant = z
  .string({ error: RFC_3339 })
  .max(64, { error: RFC_3339 })
  .transform((text) => text.toUpperCase())
  .pipe(z.iso.datetime({ offset: true, error: RFC_3339 }))
  .transform((text): Instant => {
    const floorMs = Date.parse(text.replace(/(\.\d{3})\d+/, "$1"));
    const finer = /\.\d{3}\d*[1-9]/.test(text);
    return { floorMs, ceilMs: finer ? floorMs + 1 : floorMs };
  })
  .meta({ wire: { type: "string", format: "date-time" } });

const NOT_OURS = "send the cursor of a Link header as it was, or none.";

/** A cursor as one of ours is decoded; what is none is refused. */
function cursorOf<T>(decode: (cursor: string) => T | null) {
  return z
    .string({ error: "send it once." })
    .transform((cursor, context) => {
      const after = decode(cursor);
      if (after !== null) return after;
      context.addIssue({ code: "custom", message: NOT_OURS });
      return z.NEVER;
    })
    .meta({
      wire: { type: "string", description: "Of a `Link` header, as it was.", examples: ["MDFhMjEy…"] },
    })
    .optional();
}

const limit = z
  .string({ error: "send it once." })
  .regex(/^[0-9]{1,3}$/, LIMIT)
  .transform(Number)
  .refine((limit) => limit >= 1 && limit <= PAGE_MAX_ROWS, LIMIT)
  .meta({
    wire: { type: "integer", minimum: 1, maximum: PAGE_MAX_ROWS, default: PAGE_DEFAULT_ROWS, examples: [20] },
  })
  .default(PAGE_DEFAULT_ROWS);

/** The query parameters of a page of things with ids. */
export const pageQuery = { limit, cursor: cursorOf(decodeCursor) };

/** The query parameters of a page of numbered things. */
export const seqPageQuery = { limit, cursor: cursorOf(decodeSeqCursor) };
