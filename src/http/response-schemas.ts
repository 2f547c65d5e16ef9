/**
 * zod: what the responses of several rooms contain. Schemas of responses are for the OpenAPI document and the tests. The
 * service prints its JSON without them, so the Worker contains none.
 */

import * as z from "zod";
import { POINTER_MAX_CHARACTERS } from "../base/limits.ts";
import { ERRORS, type ErrorCode } from "./errors.ts";

/** The schema with a description. */
export function described<S extends z.ZodType>(schema: S, description: string): S {
  return schema.meta({ description });
}

/** The body of every error. */
export const errorBody = z
  .object({
    error: z.string().meta({ description: "What is wrong, then what to do. The sentence may change." }),
    code: z
      .enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])
      .meta({ description: "What happened. A code never changes its meaning." }),
    pointer: z.optional(
      z
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
        }),
    ),
  })
  .meta({ id: "Error" });

/** An instant in a response. */
export const responseInstant = z.iso.datetime().meta({ wire: { type: "string", format: "date-time" } });

/** The version of a stored definition. */
export const version = z
  .int()
  .meta({
    description:
      "As in the ETag. Made of the clock, in milliseconds, so it grows with each change and never repeats, also after a restore.",
    wire: { type: "integer", format: "int64", minimum: 1 },
  });

export const count = z
  .union([z.int().min(0), z.object({ atLeast: z.int().min(0) }).meta({ id: "AtLeast" })])
  .meta({ description: "An exact number, or `atLeast` if there can be more." });

export const databaseNumber = z
  .int()
  .meta({ wire: { type: "integer", minimum: 0, maximum: 63 }, description: "The database's number." });

/** What a list of something else shows of a run. */
export const runName = {
  actionName: described(
    z.string().nullable(),
    "Null if the run is no longer kept. Then it has no title and no subject.",
  ),
  title: z.string().nullable(),
  subject: z.string().nullable(),
};
