/**
 * zod: the conditions on a receiver's response, for products that answer 200 with an error inside. PURE. There are no
 * placeholders, because no caller's value may decide what counts as accepted.
 */

import * as z from "zod/mini";
import { CONDITION_MAX_CHARACTERS, CONDITIONS_MAX } from "../../base/limits.ts";
import { bounded, listOf } from "../../http/schema-bounds.ts";
import { IN_CONDITION, parse } from "../template/placeholder.ts";

const PATH = /^response\.[^\s{}]+$/;

/** A path in the response, in the spelling of placeholders. */
const path = z
  .string({ error: 'send a path as text, as in "response.result.id".' })
  .check(
    z.maxLength(CONDITION_MAX_CHARACTERS, {
      error: `is too long; send at most ${CONDITION_MAX_CHARACTERS} characters.`,
    }),
    z.refine((text) => PATH.test(text) && parse(`{{ ${text} }}`, IN_CONDITION).ok, {
      error: "is not a path in the response; send one without braces, as in response.result.id.",
    }),
  )
  .register(z.globalRegistry, { wire: { type: "string", pattern: PATH.source, maxLength: CONDITION_MAX_CHARACTERS } });

const literal = z
  .union([z.string(), z.number(), z.boolean()], { error: "send a text, a number, true or false." })
  .check(
    z.refine((value) => typeof value !== "string" || value.length <= CONDITION_MAX_CHARACTERS, {
      error: `is too long; send at most ${CONDITION_MAX_CHARACTERS} characters.`,
    }),
    z.refine((value) => typeof value !== "string" || !value.includes("{{"), {
      error: "has a placeholder; send the text itself, because conditions have no placeholders.",
    }),
  )
  .register(z.globalRegistry, { wire: { type: ["string", "number", "boolean"], maxLength: CONDITION_MAX_CHARACTERS } });

const condition = z
  .strictObject(
    {
      exists: z.optional(path),
      equals: z.optional(
        bounded(
          CONDITIONS_MAX,
          "conditions",
          z.record(path, literal).register(z.globalRegistry, { maxProperties: CONDITIONS_MAX }),
        ),
      ),
    },
    {
      error: ({ code }) =>
        code === "invalid_type"
          ? 'send { "exists": "response.result.id" } or { "equals": { "response.ok": true } }.'
          : undefined,
    },
  )
  .check(z.refine((members) => countOf(members) > 0, { error: "has no condition; send exists or equals." }));

type Condition = z.output<typeof condition>;
export type Conditions = readonly Condition[];

export const accepted = listOf(
  CONDITIONS_MAX,
  "conditions",
  condition,
  "send a list of conditions.",
  z.minLength(1, { error: "is empty; send a condition, or leave accepted out." }),
  z.refine((conditions) => conditions.reduce((sum, one) => sum + countOf(one), 0) <= CONDITIONS_MAX, {
    error: `has too many conditions; send at most ${CONDITIONS_MAX}.`,
  }),
).register(z.globalRegistry, {
  description:
    "Conditions on a 2xx response, for products that answer 200 with an error inside. " +
    '`{ "exists": "response.result.id" }` holds if the value is there and not null. ' +
    '`{ "equals": { "response.ok": true } }` holds if value and type are the same. ' +
    `All must hold, and there are at most ${CONDITIONS_MAX}. Otherwise the run fails, and the webhook is not sent ` +
    "again, because the job may have begun. The response must be JSON of up to 64 KiB. Conditions don't apply to the " +
    "stop request.",
});

function countOf({ exists, equals = {} }: Condition): number {
  return (exists === undefined ? 0 : 1) + Object.keys(equals).length;
}
