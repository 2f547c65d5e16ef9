/** zod: the wire of /tokens. */

import * as z from "zod";
import { filterableName, instant, pageQuery } from "../http/schema.ts";
import { ROLES } from "./permissions.ts";

export const ENV_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export const newToken = z.strictObject({
  name: filterableName.refine((name) => name.normalize("NFKC").trim().toLowerCase() !== "root", {
    error: "root is the operator's name; choose another.",
  }),
  role: z.enum(ROLES, { error: `send one of ${ROLES.join(", ")}.` }),
  envName: z
    .string()
    .regex(ENV_NAME, { error: "send the name of one environment, or leave it out." })
    .nullish(),
  expiresAt: instant
    .refine(({ floorMs }) => floorMs > Date.now(), {
      error: "is in the past; send a later time or leave it out.",
    })
    .nullish(),
});

export const tokenListQuery = z.strictObject(pageQuery);
