/**
 * zod: conditions on JSON that somebody else sends, which are a trigger's on the receiver's response, and an action's on
 * an event. PURE. They have no placeholders, because no caller's value may decide what holds.
 */
import * as z from "zod/mini";
import { CONDITION_MAX_CHARACTERS, CONDITIONS_MAX } from "../base/limits.ts";
import { bounded, inDocument, listOf } from "../http/schemas.ts";
import { parse, type Roots } from "./placeholder.ts";

/** What the conditions are on. */
interface Subject {
  /** The pattern of a path, in the spelling of placeholders. */
  readonly path: RegExp;
  readonly roots: Roots;
  /** As sentences call it. */
  readonly what: string;
  /** A path that must have a value, and one whose value can be true. */
  readonly examples: readonly [exists: string, equals: string];
  /** The name of the member. */
  readonly member: string;
}

interface Condition {
  readonly exists?: string | undefined;
  readonly equals?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** All must hold. */
export type Conditions = readonly Condition[];

const TOO_LONG = `is too long; send at most ${CONDITION_MAX_CHARACTERS} characters.`;

const wantedValue = z
  .union([z.string(), z.number(), z.boolean()], { error: "send a text, a number, true or false." })
  .check(
    z.refine((value) => typeof value !== "string" || value.length <= CONDITION_MAX_CHARACTERS, { error: TOO_LONG }),
    z.refine((value) => typeof value !== "string" || !value.includes("{{"), {
      error: "has a placeholder; send the text itself, because conditions have no placeholders.",
    }),
  );
inDocument(wantedValue, { wire: { type: ["string", "number", "boolean"], maxLength: CONDITION_MAX_CHARACTERS } });

/** A list of conditions. */
export function conditionsOn({ path: pattern, roots, what, examples: [exists, equal], member }: Subject) {
  const path = z.string({ error: `send a path as text, as in "${exists}".` }).check(
    z.maxLength(CONDITION_MAX_CHARACTERS, { error: TOO_LONG }),
    z.refine((text) => pattern.test(text) && parse(`{{ ${text} }}`, roots).ok, {
      error: `is not a path in ${what}; send one without braces, as in ${exists}.`,
    }),
  );
  inDocument(path, { wire: { type: "string", pattern: pattern.source, maxLength: CONDITION_MAX_CHARACTERS } });
  const equals = z.record(path, wantedValue);
  inDocument(equals, { maxProperties: CONDITIONS_MAX });
  const condition = z
    .strictObject(
      { exists: z.optional(path), equals: z.optional(bounded(CONDITIONS_MAX, "conditions", equals)) },
      {
        error: ({ code }) =>
          code === "invalid_type" ? `send { "exists": "${exists}" } or { "equals": { "${equal}": true } }.` : undefined,
      },
    )
    .check(z.refine((members) => countOf(members) > 0, { error: "has no condition; send exists or equals." }));
  return listOf(
    CONDITIONS_MAX,
    "conditions",
    condition,
    "send a list of conditions.",
    z.minLength(1, { error: `is empty; send a condition, or leave ${member} out.` }),
    z.refine((conditions) => conditions.reduce((sum, one) => sum + countOf(one), 0) <= CONDITIONS_MAX, {
      error: `has too many conditions; send at most ${CONDITIONS_MAX}.`,
    }),
  );
}

function countOf({ exists, equals = {} }: Condition): number {
  return (exists === undefined ? 0 : 1) + Object.keys(equals).length;
}

/** Every path that the conditions name. */
export function pathsIn(conditions: Conditions): readonly string[] {
  return conditions.flatMap(({ exists, equals = {} }) => [
    ...(exists === undefined ? [] : [exists]),
    ...Object.keys(equals),
  ]);
}

/** The first path whose value is not as it must be, and whether there is a value. Null if all conditions hold. */
export function firstUnmet(
  conditions: Conditions,
  at: (path: string) => unknown,
): { readonly path: string; readonly isThere: boolean } | null {
  for (const { exists, equals = {} } of conditions) {
    if (exists !== undefined && at(exists) === null) return { path: exists, isThere: false };
    for (const [path, wanted] of Object.entries(equals)) {
      const found = at(path);
      if (found !== wanted) return { path, isThere: found !== null };
    }
  }
  return null;
}
