/** zod: what responses of several rooms contain, for the OpenAPI document and the tests. The Worker contains none. */

import * as z from "zod";
import { POINTER_MAX_CHARACTERS } from "../base/limits.ts";
import { ERRORS, type ErrorCode } from "./errors.ts";

export const text = z.string();
export const textOrNull = text.nullable();
export const uuid = z.string().meta({ format: "uuid" });
export const uuidOrNull = uuid.nullable();
export const flag = z.boolean();
export const natural = z.int().min(0);
export const positive = z.int().min(1);
/** An instant in a response. */
export const responseInstant = z.iso.datetime().meta({ wire: { type: "string", format: "date-time" } });
export const instantOrNull = responseInstant.nullable();

/** The schema with a description. */
export function described<S extends z.ZodType>(schema: S, description: string): S {
  return schema.meta({ description });
}

/** An object with a name in the document, and an example; null if it stands only in others, which have one. */
export function named<Shape extends z.core.$ZodLooseShape>(id: string, example: object | null, shape: Shape) {
  return z.object(shape).meta({ id, ...(example !== null && { examples: [example] }) });
}

/** A list with a name. Its example is that of its items. */
export function listOf<Item extends z.ZodType>(id: string, item: Item) {
  return z.array(item).meta({ id, examples: [item.meta()?.examples] });
}

/** The body of every error. */
export const errorBody = named("Error", null, {
  error: text.describe("What is wrong, then what to do. The sentence may change."),
  code: z
    .enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])
    .describe("What happened. A code never changes its meaning."),
  pointer: z
    .string()
    .meta({
      format: "json-pointer",
      maxLength: POINTER_MAX_CHARACTERS,
      description:
        "A JSON pointer (RFC 6901) to the member of the request's body that is wrong, such as " +
        "`/trigger/url` or `/labels/0`. If a member is missing, the pointer says where to add it. If " +
        "several members are wrong, it points to the first one. For `invalid_query`, it is a slash and the " +
        "name of the parameter, such as `/limit`. It is missing if the request as a whole is wrong, or if " +
        `it would have more than ${POINTER_MAX_CHARACTERS} characters.`,
    })
    .optional(),
});

/** The version of a stored definition. */
export const version = z
  .int()
  .meta({
    description:
      "As in the ETag. Made of the clock, in milliseconds, so it grows with each change and never repeats, also after a restore.",
    wire: { type: "integer", format: "int64", minimum: 1 },
  });

export const count = z
  .union([natural, named("AtLeast", null, { atLeast: natural })])
  .describe("An exact number, or `atLeast` if there can be more.");

export const databaseNumber = z
  .int()
  .meta({ wire: { type: "integer", minimum: 0, maximum: 63 }, description: "The database's number." });

/** What a list of something else shows of a run. */
export const runName = {
  actionName: textOrNull.describe("Null if the run is no longer kept. Then it has no title and no subject."),
  title: textOrNull,
  subject: textOrNull,
};
