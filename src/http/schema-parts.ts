/** zod: pieces of the wire that several routes share. Every message says what to send. */

import { en } from "zod/locales";
import * as z from "zod/mini";
import { decodeCursor, decodeSeqCursor } from "./cursor.ts";
import { NAME_MAX_CHARACTERS, PAGE_DEFAULT_ROWS, PAGE_MAX_ROWS } from "./limits.ts";

// What no schema words itself, such as a key that is unknown.
z.config(en());

const CONTROL = /\p{Cc}/u;

/** `\x`, because generators hand a pattern to every language's engine, and not all know `\p` or `\u`. */
export const NAME_ON_WIRE = {
  type: "string",
  minLength: 1,
  maxLength: NAME_MAX_CHARACTERS,
  pattern: "^[^\\x00-\\x1f\\x7f-\\x9f]*$",
};

/** Of a URL whose scheme is http or https, as far as a pattern can tell. */
export const HTTP_URL = "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]";

/** The schema, with what the document says of a member beside its type. */
export function described<T extends z.ZodMiniType>(schema: T, description: string): T {
  const member = schema.clone();
  z.globalRegistry.add(member, { ...z.globalRegistry.get(schema), description });
  return member;
}

/** A name that lists filter on: 1 to 255 characters of well-formed Unicode, no control characters. */
export const filterableName = z
  .string({ error: "send a string." })
  .check(
    z.minLength(1, { error: "is empty; send at least one character." }),
    z.refine((name) => [...name].length <= NAME_MAX_CHARACTERS, {
      error: (issue) =>
        `has ${[...String(issue.input)].length} characters; at most ${NAME_MAX_CHARACTERS} are taken.`,
    }),
    z.refine((name) => name.isWellFormed() && !CONTROL.test(name), {
      error: "holds a control character or half a surrogate pair; send plain text.",
    }),
  )
  .register(z.globalRegistry, {
    wire: NAME_ON_WIRE,
    description: "Well-formed Unicode without control characters.",
  });

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
      const finer = /\.\d{3}\d*[1-9]/.test(text);
      return { floorMs, ceilMs: finer ? floorMs + 1 : floorMs };
    }),
  )
  .register(z.globalRegistry, { wire: { type: "string", format: "date-time" } });

const NOT_OURS = "send the cursor of a Link header as it was, or none.";

/** A cursor as one of ours is decoded; what is none is refused. */
function cursorOf<T>(decode: (cursor: string) => T | null, example: string) {
  const cursor = z
    .pipe(
      z.string({ error: "send it once." }),
      z.transform((cursor: string, context) => {
        const after = decode(cursor);
        if (after !== null) return after;
        context.issues.push({ code: "custom", message: NOT_OURS, input: cursor });
        return z.NEVER;
      }),
    )
    .register(z.globalRegistry, {
      wire: { type: "string", examples: [example] },
      description: "The cursor of a `Link` header, unchanged. The service refuses every other text.",
    });
  return z.optional(cursor);
}

const limit = z
  .pipe(z.string({ error: "send it once." }).check(z.regex(/^[0-9]{1,3}$/, LIMIT)), z.transform(Number))
  .check(z.refine((limit) => limit >= 1 && limit <= PAGE_MAX_ROWS, LIMIT))
  .register(z.globalRegistry, {
    wire: { type: "integer", minimum: 1, maximum: PAGE_MAX_ROWS, default: PAGE_DEFAULT_ROWS, examples: [20] },
  });

/** The query parameters of a page of things with ids. */
export const pageQuery = {
  limit: z._default(limit, PAGE_DEFAULT_ROWS),
  cursor: cursorOf(decodeCursor, "MDFhMjEyZGUtOWI1NS04MDAzLWE4YTktZGQyYzE0OGVhNjE3"),
};

/** The query parameters of a page of numbered things. */
export const seqPageQuery = {
  limit: z._default(limit, PAGE_DEFAULT_ROWS),
  cursor: cursorOf(decodeSeqCursor, "NTA"),
};
