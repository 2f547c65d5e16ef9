/** zod: the wire of /tokens. */

import * as z from "zod";
import { NAME_MAX_CHARACTERS, PATH_NAME } from "../http/limits.ts";
import { filterableName, instant, pageQuery } from "../http/schema.ts";
import { ROLES } from "./permissions.ts";

const ENV_NAME = new RegExp(`^${PATH_NAME}$`);

export const newToken = z
  .strictObject({
    name: filterableName
      .refine((name) => name.normalize("NFKC").trim().toLowerCase() !== "root", {
        error: "root is the operator's name; choose another.",
      })
      .meta({ wire: { type: "string", minLength: 1, maxLength: NAME_MAX_CHARACTERS } }),
    role: z.enum(ROLES, { error: `send one of ${ROLES.join(", ")}.` }),
    envName: z
      .string()
      .regex(ENV_NAME, { error: "send the name of one environment, or leave it out." })
      .nullish(),
    expiresAt: instant
      .refine(({ floorMs }) => floorMs > Date.now(), {
        error: "is in the past; send a later time or leave it out.",
      })
      .meta({ wire: { type: "string", format: "date-time" } })
      .nullish(),
  })
  .meta({ id: "NewApiToken", examples: [{ name: "ci", role: "member", envName: "production" }] });

export const tokenListQuery = z.strictObject(pageQuery);
