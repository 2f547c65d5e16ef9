/** zod: bounds that many members have. Each refusal names the bound. */

import * as z from "zod/mini";
import { utf8Bytes } from "./limits.ts";
import { sent } from "./schema-parts.ts";

interface Issue {
  readonly input?: unknown;
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

/** A check that the UTF-8 of `textOf(value)` has at most `max` bytes. */
export function maxBytes<T>(max: number, textOf: (value: T) => string, subject = "has") {
  const bytesOf = (value: T) => utf8Bytes(textOf(value));
  return z.refine<T>((value) => bytesOf(value) <= max, {
    error: (issue) => `${subject} ${bytesOf(issue.input as T)} bytes; send at most ${max}.`,
  });
}

/** What `parse` makes of a text. `sentence` refuses a text for which `parse` returns null. */
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
