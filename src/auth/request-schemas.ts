/** zod: the wire of /tokens. */

import * as z from "zod/mini";
import { PATH_NAME } from "../http/limits.ts";
import { described, filterableName, instant, pageQuery } from "../http/schema-parts.ts";
import { ROLES } from "./permissions.ts";
import { holdsInvisible, looksLikeRoot } from "./token-name.ts";

const ENV_NAME = new RegExp(`^${PATH_NAME}$`);

export const newToken = z
  .strictObject({
    name: described(
      filterableName.check(
        z.refine((name) => !holdsInvisible(name), {
          error: "holds a character that can't be seen; send only characters that show.",
        }),
        z.refine((name) => !looksLikeRoot(name), {
          error: "looks like root, which is the operator's name; choose another.",
        }),
      ),
      "Names the token for people. Well-formed Unicode without control or invisible characters, and nothing that looks like `root`.",
    ),
    role: described(z.enum(ROLES, { error: `send one of ${ROLES.join(", ")}.` }), "What the token may do."),
    envName: z.nullish(
      described(
        z.string().check(z.regex(ENV_NAME, { error: "send the name of one environment, or leave it out." })),
        "The only environment that the token opens. Without it, the token opens the whole project.",
      ),
    ),
    expiresAt: z.nullish(
      described(
        instant.check(
          z.refine(({ floorMs }) => floorMs > Date.now(), {
            error: "is in the past; send a later time or leave it out.",
          }),
        ),
        "When the token expires: a time in the future.",
      ),
    ),
  })
  .register(z.globalRegistry, {
    id: "NewApiToken",
    examples: [{ name: "ci", role: "member", envName: "production" }],
  });

/** The query of a page, of tokens or of the audit. */
export const tokenListQuery = z.strictObject(pageQuery);
