/** zod: what /tokens answers, as the document tells it and the tests check it. */

import * as z from "zod";
import { ROLES } from "./permissions.ts";

const EXAMPLE = {
  id: "019c0e5a-1800-7000-8000-000000000000",
  name: "ci",
  role: "member",
  envName: "production",
  createdBy: "root",
  createdAt: "2026-11-25T13:21:48.373Z",
  expiresAt: null,
};

const instant = z.iso.datetime().meta({ wire: { type: "string", format: "date-time" } });

export const apiToken = z
  .object({
    id: z.string().meta({ format: "uuid" }),
    name: z.string(),
    role: z.enum(ROLES),
    envName: z.string().nullable().meta({ description: "Null for the whole project." }),
    createdBy: z.string(),
    createdAt: instant,
    expiresAt: instant.nullable(),
  })
  .meta({ id: "ApiToken", examples: [EXAMPLE] });

export const createdApiToken = z
  .object({ ...apiToken.shape, token: z.string().meta({ description: "Shown in this answer alone." }) })
  .meta({ id: "CreatedApiToken", examples: [{ ...EXAMPLE, token: `terr_${"0".repeat(43)}` }] });

export const apiTokenList = z.array(apiToken).meta({ id: "ApiTokenList", examples: [[EXAMPLE]] });
