/** zod: labels, which a run and an action have. */

import * as z from "zod/mini";
import { LABEL_MAX_CHARACTERS, LABELS_MAX } from "../base/limits.ts";
import { listOf } from "./schema-bounds.ts";
import { described } from "./schema-parts.ts";

/** The pattern uses `\x`, as that of a filterable name. */
export const PLAIN_TEXT = "^[^\\x00-\\x1f\\x7f-\\x9f]*$";
export const CONTROL = /[\p{Cc}\u2028\u2029]/u;

const label = z
  .string({ error: "send a string." })
  .check(
    z.refine(
      (text) => {
        const { length } = [...text];
        return length >= 1 && length <= LABEL_MAX_CHARACTERS;
      },
      { error: ({ input }) => `has ${[...String(input)].length} characters; send 1 to ${LABEL_MAX_CHARACTERS}.` },
    ),
    z.refine((text) => text.isWellFormed() && !CONTROL.test(text), {
      error: "has a control character or half a surrogate pair; send plain text.",
    }),
  )
  .register(z.globalRegistry, {
    wire: { type: "string", minLength: 1, maxLength: LABEL_MAX_CHARACTERS, pattern: PLAIN_TEXT },
  });

export const labelList = listOf(LABELS_MAX, "labels", label, "send an array of strings.");

/** The list of labels in the OpenAPI document. */
export const LABELS_WIRE = { type: "array", items: z.globalRegistry.get(label)?.wire, maxItems: LABELS_MAX };

/** A sorted set; undefined if it is empty, so that an empty list is the same request as a missing one. */
export const labelSet = z
  .pipe(
    labelList,
    z.transform((texts): readonly string[] | undefined =>
      texts.length === 0 ? undefined : [...new Set(texts)].sort(),
    ),
  )
  .register(z.globalRegistry, { wire: LABELS_WIRE });

/** The labels of a run, or those that an action gives to its runs. */
export const labels = z.optional(
  described(
    labelSet,
    `Texts that lists filter by. A set: repeats count once. At most ${LABELS_MAX}; with those of the action, more is 422. Well-formed Unicode without control characters.`,
  ),
);
