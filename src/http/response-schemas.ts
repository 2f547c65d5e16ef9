/**
 * zod: what the responses of several rooms contain. Schemas of responses are for the OpenAPI document and the tests. The
 * service prints its JSON without them, so the Worker contains none.
 */

import * as z from "zod";

/** The schema with a description. */
export function described<S extends z.ZodType>(schema: S, description: string): S {
  return schema.meta({ description });
}

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
