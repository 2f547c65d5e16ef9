/** zod: the bodies and queries of requests about gates: pauses and concurrency groups. */

import * as z from "zod/mini";
import { CONCURRENCY_GROUP } from "../../../base/limits.ts";
import { described, instant, queuePageQuery } from "../../../http/schema-parts.ts";
import { reasonOf } from "../request-schemas.ts";

const why = reasonOf(
  "Why the runs wait: one line of well-formed Unicode without control characters. Everybody who can read a waiting run can read the reason.",
);

export const pause = z
  .strictObject({
    reason: why
      .check(z.minLength(1, { error: "is empty; say why the runs wait." }))
      .register(z.globalRegistry, {
        ...z.globalRegistry.get(why),
        wire: { ...(z.globalRegistry.get(why)?.wire as object), minLength: 1 },
      }),
    until: z.optional(
      described(
        instant,
        "When the pause ends by itself, in the future. Without this member, only a DELETE ends the pause.",
      ),
    ),
  })
  .register(z.globalRegistry, {
    id: "PauseRequest",
    examples: [{ reason: "a deploy freeze over lunch", until: "2099-01-31T12:00:00Z" }],
  });

const GROUP_SENTENCE = "send 1 to 63 letters, digits, dots, hyphens and underscores, a letter or a digit first.";

/** The name of a concurrency group, in a query. */
export const groupFilter = z
  .string({ error: "send it once." })
  .check(z.regex(new RegExp(`^${CONCURRENCY_GROUP}$`), { error: GROUP_SENTENCE }))
  .register(z.globalRegistry, {
    wire: { type: "string", pattern: `^${CONCURRENCY_GROUP}$`, examples: ["deploy"] },
    description: "The name of a concurrency group.",
  });

export const groupsQuery = z.strictObject({ ...queuePageQuery, group: z.optional(groupFilter) });
