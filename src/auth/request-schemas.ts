/** zod: the request bodies and queries of /tokens and /audit. */

import * as z from "zod/mini";
import {
  GRACE_PERIOD_DEFAULT_SECONDS,
  GRACE_PERIOD_MAX_SECONDS,
  PATH_NAME,
  PERSON_MAX_CHARACTERS,
} from "../base/limits.ts";
import {
  described,
  environmentPageQuery,
  filterableName,
  instant,
  pageQuery,
  wholeNumber,
  withExample,
} from "../http/schemas.ts";
import { AUDIT_ACTIONS } from "./audit.ts";
import { asPerson, INVISIBLE, looksLikeRoot, PERSON_PATTERN, ROLES } from "./principal.ts";

const PERSON_RULE = `is no person's name; send 1 to ${PERSON_MAX_CHARACTERS} visible ASCII characters without spaces, and not a name that looks like root.`;

const ENV_NAME = new RegExp(`^${PATH_NAME}$`);

const person = z
  .string({ error: PERSON_RULE })
  .check(
    z.refine((text) => asPerson(text) !== null, { error: PERSON_RULE }),
    z.toLowerCase(),
  )
  .register(z.globalRegistry, { wire: { type: "string", pattern: PERSON_PATTERN } });

const flag = (description: string) =>
  z._default(described(z.boolean({ error: "send true or false." }), description), false);

export const newToken = z
  .strictObject({
    name: described(
      filterableName.check(
        z.refine((name) => !INVISIBLE.test(name), {
          error: "has a character that can't be seen; send only visible characters.",
        }),
        z.refine((name) => !looksLikeRoot(name), {
          error: "looks like root, which is the operator's name; choose another name.",
        }),
      ),
      "The token's name, for people to read. Well-formed Unicode without control or invisible characters. A name that looks like `root` is refused.",
    ),
    role: described(
      z.enum(ROLES, { error: `send one of ${ROLES.join(", ")}.` }),
      "The token's role, which decides its permissions.",
    ),
    envName: z.nullish(
      described(
        z.string().check(z.regex(ENV_NAME, { error: "send the name of one environment, or omit it." })),
        "The only environment that the token opens. Without it, the token opens the whole project.",
      ),
    ),
    expiresAt: z.nullish(
      described(
        instant.check(
          z.refine(({ floorMs }) => floorMs > Date.now(), { error: "is in the past; send a later time, or omit it." }),
        ),
        "When the token expires. The time must be in the future.",
      ),
    ),
    person: z.nullish(
      described(
        person,
        "The person for whom the token acts, for its whole life. Its changes show this name instead of the token's. " +
          "Visible ASCII characters without spaces, stored in lower case. A name that looks like `root` is refused. " +
          "Without it, the token has your own token's person. If your token has one, you can't send another, and " +
          "only owners can send null, for a token without a person. If it has none, only owners, the operator and " +
          "tokens with `mayActForOthers` can send a person.",
      ),
    ),
    mayApprove: flag(
      "Whether the token may approve and reject runs, whatever its role. Only owners and the operator can send `true`.",
    ),
    mayActForOthers: flag(
      "Whether the token may send `On-Behalf-Of`. Only owners, the operator and tokens that have it can send `true`.",
    ),
  })
  .register(z.globalRegistry, { id: "NewApiToken", examples: [{ name: "ci", role: "member", envName: "production" }] });

export const rotation = z
  .strictObject({
    overlapSeconds: z.optional(
      described(
        wholeNumber("whole seconds", 0, GRACE_PERIOD_MAX_SECONDS),
        "How many seconds the old secret still works, but not longer than the token. With 0, the old secret stops at " +
          `once. Default: \`${GRACE_PERIOD_DEFAULT_SECONDS}\`. If an earlier rotation's old secret still works, this can ` +
          "only end it sooner, and without this it keeps its end.",
      ),
    ),
  })
  .register(z.globalRegistry, { id: "TokenRotation", examples: [{ overlapSeconds: 3600 }, {}] });

/** `{o}/{p}` */
const PROJECT = new RegExp(`^${PATH_NAME}/${PATH_NAME}$`);

export const newSession = z
  .strictObject({
    project: z.optional(
      described(
        z.string().check(z.regex(PROJECT, { error: "send a project as {o}/{p}." })),
        "`{o}/{p}`: the project of the session. Only `ROOT_TOKEN` must send it.",
      ),
    ),
    code: z.optional(
      described(
        z.string().check(z.regex(/^[A-Za-z0-9_-]{43}$/, { error: "send the code of the link unchanged." })),
        "The code of a link that `npm start` printed, instead of a token.",
      ),
    ),
  })
  .register(z.globalRegistry, { id: "NewSession", examples: [{ project: "acme/shop" }] });

/** A body without members. */
export const noMembers = z.strictObject({}).register(z.globalRegistry, { examples: [{}] });

/** The query of a page of tokens or of sessions. */
export const tokenListQuery = z.strictObject(pageQuery);

/** The query of a page of audit entries. */
export const auditQuery = z.strictObject({
  ...pageQuery,
  actor: z.optional(withExample(filterableName, "root")),
  person: z.optional(withExample(person, "ada@acme.example")),
  action: z.optional(
    z
      .enum(AUDIT_ACTIONS, { error: "send an action as entries show it, once." })
      .register(z.globalRegistry, { wire: { type: "string", enum: [...AUDIT_ACTIONS], examples: ["run_approved"] } }),
  ),
  since: z.optional(withExample(instant, "2026-01-31T12:00:00Z")),
  until: z.optional(withExample(instant, "2026-02-01T00:00:00Z")),
});

/** The query of a page of environments. */
export const environmentListQuery = z.strictObject(environmentPageQuery);
