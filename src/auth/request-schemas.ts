/** zod: the wire of /tokens. */

import * as z from "zod/mini";
import { PATH_NAME } from "../http/limits.ts";
import { filterableName, instant, pageQuery } from "../http/schema-parts.ts";
import { ROLES } from "./permissions.ts";
import { holdsInvisible, looksLikeRoot } from "./token-name.ts";

const ENV_NAME = new RegExp(`^${PATH_NAME}$`);

export const newToken = z
  .strictObject({
    name: filterableName.check(
      z.refine((name) => !holdsInvisible(name), {
        error: "holds a character that can't be seen; send only characters that show.",
      }),
      z.refine((name) => !looksLikeRoot(name), {
        error: "looks like root, which is the operator's name; choose another.",
      }),
    ),
    role: z.enum(ROLES, { error: `send one of ${ROLES.join(", ")}.` }),
    envName: z.nullish(
      z.string().check(z.regex(ENV_NAME, { error: "send the name of one environment, or leave it out." })),
    ),
    expiresAt: z.nullish(
      instant.check(
        z.refine(({ floorMs }) => floorMs > Date.now(), {
          error: "is in the past; send a later time or leave it out.",
        }),
      ),
    ),
  })
  .register(z.globalRegistry, {
    id: "NewApiToken",
    examples: [{ name: "ci", role: "member", envName: "production" }],
  });

/** The query of a page, of tokens or of the audit. */
export const tokenListQuery = z.strictObject(pageQuery);
