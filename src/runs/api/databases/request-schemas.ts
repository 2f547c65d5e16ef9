/** zod: queries and bodies of the operator's requests about databases. */

import * as z from "zod/mini";
import { wholeNumber } from "../../../http/schema-bounds.ts";
import { described, environmentPageQuery, seqPageQuery } from "../../../http/schema-parts.ts";
import { DATABASE_MAX } from "../../../settings/databases.ts";

export const databaseListQuery = z.strictObject(seqPageQuery);

export const environmentListQuery = z.strictObject(environmentPageQuery);

export const resyncQuery = z.strictObject({ cursor: environmentPageQuery.cursor });

export const environmentMove = z
  .strictObject({
    database: described(
      wholeNumber("a whole number", 0, DATABASE_MAX),
      "The number of the database where the environment shall live.",
    ),
  })
  .register(z.globalRegistry, { id: "EnvironmentMove", examples: [{ database: 0 }] });
