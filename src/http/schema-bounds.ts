/** zod: bounds that many members have. Each refusal names the bound. */

import * as z from "zod/mini";
import { hasOnlyFiniteNumbers, isJsonObject } from "../base/json.ts";
import { URL_MAX_CHARACTERS, utf8Bytes } from "../base/limits.ts";

interface Issue {
  readonly input?: unknown;
}

/** The value that was sent, cut to a length that fits a sentence. */
function sent({ input }: Issue): string {
  const text = typeof input === "number" ? String(input) : (JSON.stringify(input) ?? "nothing");
  return `${text.length > 40 ? `${text.slice(0, 40)}…` : text} was sent`;
}

/** The refusal of a number outside of `min` to `max`. `what`: "a number", for example. */
export function outOfRange(what: string, min: number, max: number) {
  return { error: (issue: Issue) => `${sent(issue)}; send ${what} from ${min} to ${max}.` };
}

/** A whole number from `min` to `max`. `what`: "whole minutes", for example. */
export function wholeNumber(what: string, min: number, max: number) {
  const refusal = outOfRange(what, min, max);
  return z.int(refusal).check(z.minimum(min, refusal), z.maximum(max, refusal));
}

/** A whole number from `min` to `max`, as the text of a query. */
export function wholeNumberText(what: string, max: number, more: object, min = 1) {
  const refusal = outOfRange(what, min, max);
  const digits = new RegExp(`^[0-9]{1,${String(max).length}}$`);
  return z
    .pipe(z.string({ error: "send it once." }).check(z.regex(digits, refusal)), z.transform(Number))
    .check(z.refine((number) => number >= min && number <= max, refusal))
    .register(z.globalRegistry, { wire: { type: "integer", minimum: min, maximum: max, ...more } });
}

export const urlLength = z.maxLength(URL_MAX_CHARACTERS, {
  error: `is too long; send at most ${URL_MAX_CHARACTERS} characters.`,
});

export const finiteNumbers = z.refine(hasOnlyFiniteNumbers, {
  error: "has a number that is too large; send it as a string.",
});

/** A check that the UTF-8 of `textOf(value)` has at most `max` bytes. */
export function maxBytes<T>(max: number, textOf: (value: T) => string, subject = "has") {
  const bytesOf = (value: T) => utf8Bytes(textOf(value));
  return z.refine<T>((value) => bytesOf(value) <= max, {
    error: (issue) => `${subject} ${bytesOf(issue.input as T)} bytes; send at most ${max}.`,
  });
}

/** The refusal of a list or an object with more than `max` items. `what`: what they are. */
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

/** A text that `parse` turns into a value. If `parse` returns null, the text is refused with `sentence`. */
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
