/** zod: what the schemas of requests are made of: bounds, texts, instants, labels. Each refusal says what to send. */

import { en } from "zod/locales";
import * as z from "zod/mini";
import { parseUuid } from "../base/ids.ts";
import { hasOnlyFiniteNumbers, isJsonObject } from "../base/json.ts";
import {
  LABEL_MAX_CHARACTERS,
  LABELS_MAX,
  NAME_MAX_CHARACTERS,
  TIMEOUT_MAX_MINUTES,
  URL_MAX_CHARACTERS,
  utf8Bytes,
} from "../base/limits.ts";
import type { Instant } from "../base/time.ts";
import { isBlank } from "../base/visible-text.ts";

interface Issue {
  readonly input?: unknown;
}

function sent({ input }: Issue): string {
  const text = typeof input === "number" ? String(input) : (JSON.stringify(input) ?? "nothing");
  return `${text.length > 40 ? `${text.slice(0, 40)}…` : text} was sent`;
}

/** `what`: "a number", for example. */
export function outOfRange(what: string, min: number, max: number) {
  return { error: (issue: Issue) => `${sent(issue)}; send ${what} from ${min} to ${max}.` };
}

/** `what`: "whole minutes", for example. */
export function wholeNumber(what: string, min: number, max: number) {
  const refusal = outOfRange(what, min, max);
  return z.int(refusal).check(z.minimum(min, refusal), z.maximum(max, refusal));
}

/** The same as the text of a query. */
export function wholeNumberText(what: string, max: number, more: object, min = 1) {
  const refusal = outOfRange(what, min, max);
  const digits = new RegExp(`^[0-9]{1,${String(max).length}}$`);
  return z
    .pipe(z.string({ error: "send it once." }).check(z.regex(digits, refusal)), z.transform(Number))
    .check(z.refine((number) => number >= min && number <= max, refusal))
    .register(z.globalRegistry, { wire: { type: "integer", minimum: min, maximum: max, ...more } });
}

/** The refusal of what is no object. */
export const AN_OBJECT = {
  error: ({ code }: { readonly code?: string }) => (code === "invalid_type" ? "send a JSON object." : undefined),
};

export const urlLength = z.maxLength(URL_MAX_CHARACTERS, {
  error: `is too long; send at most ${URL_MAX_CHARACTERS} characters.`,
});

export const finiteNumbers = z.refine(hasOnlyFiniteNumbers, {
  error: "has a number that is too large; send it as a string.",
});

/** The UTF-8 of `textOf(value)` has at most `max` bytes. */
export function maxBytes<T>(max: number, textOf: (value: T) => string, subject = "has") {
  const bytesOf = (value: T) => utf8Bytes(textOf(value));
  return z.refine<T>((value) => bytesOf(value) <= max, {
    error: (issue) => `${subject} ${bytesOf(issue.input as T)} bytes; send at most ${max}.`,
  });
}

/** `what`: what the items of a list or an object are. */
function tooMany(max: number, what: string, value: unknown): string | undefined {
  const count = Array.isArray(value) ? value.length : isJsonObject(value) ? Object.keys(value).length : 0;
  return count > max ? `has ${count} ${what}; send at most ${max}.` : undefined;
}

/** The check of an object before others look at its members: a body has room for 100 000 that are refused. */
export function atMost<T>(max: number, what: string) {
  return z.refine<T>((value) => tooMany(max, what, value) === undefined, {
    error: ({ input }) => tooMany(max, what, input),
    abort: true,
  });
}

/** The same for schemas of zod, which look at each item before any check: they get no value that has too many. */
export function bounded<S extends z.ZodMiniType>(max: number, what: string, schema: S) {
  return z.pipe(
    z.transform((input: unknown, { issues }): unknown => {
      const message = tooMany(max, what, input);
      if (message !== undefined) issues.push({ code: "custom", message, input });
      return input;
    }),
    schema,
  );
}

/** Every list of a request is such a list. `refusal`: of something that is no list. `checks`: of the whole list. */
export function listOf<Item extends z.ZodMiniType>(
  max: number,
  what: string,
  item: Item,
  refusal: string,
  ...checks: readonly z.core.$ZodCheck<z.output<Item>[]>[]
) {
  return bounded(max, what, z.array(item, { error: refusal }).check(z.maxLength(max), ...checks));
}

/** A text that matches this pattern, or is refused with this sentence. */
export function textLike(pattern: string, error: string, missing = "send a string.") {
  return z
    .string({ error: missing })
    .check(z.regex(new RegExp(pattern), { error }))
    .register(z.globalRegistry, { wire: { type: "string", pattern } });
}

/** A text of at most `max` UTF-16 units. */
export function textUpTo(max: number, missing: string, ...checks: readonly z.core.$ZodCheck<string>[]) {
  return z
    .string({ error: missing })
    .check(z.maxLength(max, { error: `is too long; send at most ${max} characters.` }), ...checks)
    .register(z.globalRegistry, { wire: { type: "string", maxLength: max } });
}

/** A text is refused with `sentence` if `parse` returns null. */
export function parsedText<T>(
  text: z.ZodMiniType<string, string>,
  parse: (text: string) => T | null,
  sentence: string,
) {
  return z.pipe(
    text,
    z.transform((input: string, context) => {
      const value = parse(input);
      if (value !== null) return value;
      context.issues.push({ code: "custom", message: sentence, input });
      return z.NEVER;
    }),
  );
}

// Messages for issues that no schema words itself, such as an unknown key.
z.config(en());

/** As far as a pattern can tell. */
export const HTTP_URL = "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]";

/** What only the document says of a schema. In the Worker this is empty, so the build drops the call with its texts. */
export function inDocument(schema: z.ZodMiniType, said: z.core.GlobalMeta): void {
  if (DESCRIBE) z.globalRegistry.add(schema, said);
}

/** A copy with its own description. Write `described(schema, DESCRIBE && "…")`, so that the build drops the text. */
export function described<T extends z.ZodMiniType>(schema: T, description: string | false): T {
  if (description === false) return schema;
  const member = schema.clone();
  z.globalRegistry.add(member, { ...z.globalRegistry.get(schema), description });
  return member;
}

/** A closed object. `said`: only for the document. Write `DESCRIBE && { … }`, so that the build drops the texts. */
export function objectOf<Shape extends Readonly<Record<string, z.ZodMiniType>>>(
  shape: Shape,
  said: (z.core.GlobalMeta & { readonly members?: Partial<Readonly<Record<keyof Shape, string>>> }) | false,
  ...checks: readonly z.core.$ZodCheck<z.output<z.ZodMiniObject<Shape, z.core.$strict>>>[]
) {
  if (!said) return z.strictObject(shape, AN_OBJECT).check(...checks);
  const { members = {}, ...meta } = said;
  const texts: Readonly<Record<string, string | undefined>> = members;
  const all = Object.entries(shape).map(([name, member]) => [name, described(member, texts[name] ?? false)] as const);
  const object = z.strictObject(Object.fromEntries(all) as Shape, AN_OBJECT).check(...checks);
  z.globalRegistry.add(object, meta);
  return object;
}

/** One of these words. `refusal` replaces how any other is refused. */
export function oneOf<const Words extends readonly string[]>(
  words: Words,
  said: z.core.GlobalMeta,
  refusal = `send one of ${words.join(", ")}, once.`,
) {
  return z.enum(words, { error: refusal }).register(z.globalRegistry, said);
}

/** A query parameter that may repeat: the list of its values. */
export function repeatable<Out>(list: z.ZodMiniType<Out, unknown>, refusal?: string) {
  const sent = z.union([z.string(), z.array(z.string())], refusal);
  return z.pipe(
    z.pipe(
      sent,
      z.transform((texts): unknown => [texts].flat()),
    ),
    list,
  );
}

/** The JSON Schema that the OpenAPI document shows instead of zod's. */
export function wireOf(schema: z.ZodMiniType): object {
  return z.globalRegistry.get(schema)?.wire as object;
}

/** The schema of a query parameter, with an example for the OpenAPI document. */
export function withExample<T extends z.ZodMiniType>(schema: T, example: string): T {
  const parameter = schema.clone();
  z.globalRegistry.add(parameter, { wire: { ...wireOf(schema), examples: [example] } });
  return parameter;
}

/** A flag, false by default. */
export function flag(description: string | false) {
  return z._default(described(z.boolean({ error: "send true or false." }), description), false);
}

export const minutes = wholeNumber("whole minutes", 1, TIMEOUT_MAX_MINUTES);

/** It has `\x`, because code generators use it in languages that don't know `\p` or `\u`. */
export const PLAIN_TEXT = "^[^\\x00-\\x1f\\x7f-\\x9f]*$";
/** The same, with a character that is no blank. */
const SEEN_TEXT = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\x00-\\x20\\x7f-\\xa0][^\\x00-\\x1f\\x7f-\\x9f]*$";

export const CONTROL = /[\p{Cc}\u2028\u2029]/u;

/** A short text of one line: 1 to `max` characters of well-formed Unicode, none of which is `odd`. */
export function lineOf(max: number, odd = CONTROL, mayBeBlank = true) {
  return z
    .string({ error: "send a string." })
    .check(
      z.minLength(1, { error: "is empty; send at least one character." }),
      z.refine((text) => [...text].length <= max, {
        error: ({ input }) => `has ${[...String(input)].length} characters; send at most ${max}.`,
      }),
      z.refine((text) => text.isWellFormed() && !odd.test(text), {
        error: "has a character that nobody sees, such as a line break, or half a surrogate pair; send plain text.",
      }),
      z.refine((text) => mayBeBlank || text === "" || !isBlank(text), {
        error: "has only blanks; send a text that people can see.",
      }),
    )
    .register(z.globalRegistry, {
      wire: { type: "string", minLength: 1, maxLength: max, pattern: mayBeBlank ? PLAIN_TEXT : SEEN_TEXT },
    });
}

/** For people: without control, format and line characters, and not only blanks. */
export function visibleLine(max: number) {
  return lineOf(max, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u, false);
}

/** A name that lists can filter by. */
export const filterableName = described(
  lineOf(NAME_MAX_CHARACTERS, /\p{Cc}/u),
  DESCRIBE && "Well-formed Unicode without control characters.",
);

export const uuid = parsedText(z.string({ error: "send a uuid." }), parseUuid, "send a uuid.");
inDocument(uuid, { wire: { type: "string", format: "uuid" } });

const RFC_3339 = "send an RFC 3339 time, such as 2026-01-31T12:00:00Z (in a query, write + as %2B).";

export const instant = z.pipe(
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
);
inDocument(instant, { wire: { type: "string", format: "date-time" } });

const label = lineOf(LABEL_MAX_CHARACTERS);

export const labelList = listOf(LABELS_MAX, "labels", label, "send an array of strings.");

export const LABELS_WIRE = { type: "array", items: wireOf(label), maxItems: LABELS_MAX };

/** A sorted set; undefined if it is empty, so that an empty list is the same request as a missing one. */
export const labelSet = z.pipe(
  labelList,
  z.transform((texts): readonly string[] | undefined => (texts.length === 0 ? undefined : [...new Set(texts)].sort())),
);
inDocument(labelSet, { wire: LABELS_WIRE });

/** The labels of a run, or those that an action gives to its runs. */
export const labels = z.optional(
  described(
    labelSet,
    DESCRIBE &&
      `Texts that lists filter by. A set: repeats count once. At most ${LABELS_MAX}; with those of the action, more is 422. Well-formed Unicode without control characters.`,
  ),
);
