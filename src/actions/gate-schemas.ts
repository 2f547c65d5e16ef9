/** zod: what a stored action says of the gates that hold back its runs. PURE. */

import * as z from "zod/mini";
import {
  APPROVALS_MAX,
  CONCURRENCY_GROUP,
  CONCURRENCY_KEY_MAX_CHARACTERS,
  CONCURRENCY_LIMIT_MAX,
  WAIT_TIMEOUT_DEFAULT_MINUTES,
} from "../base/limits.ts";
import { wholeNumber } from "../http/schema-bounds.ts";
import { described, minutes } from "../http/schema-parts.ts";
import { AN_OBJECT } from "../webhooks/request/trigger.ts";
import { IN_KEY } from "../webhooks/template/placeholder.ts";
import { checkTemplate } from "../webhooks/template/template.ts";

const GROUP = `^${CONCURRENCY_GROUP}$`;

const group = z
  .string({ error: "send a string." })
  .check(
    z.regex(new RegExp(GROUP), {
      error: "is not a valid name; send a letter or digit, then at most 62 letters, digits, ., _ and -.",
    }),
  )
  .register(z.globalRegistry, {
    wire: { type: "string", pattern: GROUP },
    description: "The group's name, without placeholders. All actions of the environment share its slots.",
  });

const key = z
  .string({ error: "send a string." })
  .check(
    z.minLength(1, { error: "is empty; leave it out." }),
    z.maxLength(CONCURRENCY_KEY_MAX_CHARACTERS, {
      error: `is too long; send at most ${CONCURRENCY_KEY_MAX_CHARACTERS} characters.`,
    }),
    z.superRefine((template, context) => {
      const fault = checkTemplate(template, IN_KEY);
      if (fault !== null) context.addIssue({ code: "custom", message: fault.sentence });
    }),
  )
  .register(z.globalRegistry, {
    wire: { type: "string", minLength: 1, maxLength: CONCURRENCY_KEY_MAX_CHARACTERS },
    description:
      "Runs share slots only with runs of the same group and key. The key may contain placeholders of `parameters` and " +
      `\`entity.id\`: \`{{ parameters.service }}\`. With its values, it has at most ${CONCURRENCY_KEY_MAX_CHARACTERS} ` +
      "characters. A run that lacks a value is refused. Without a key, all runs of the group share its slots.",
  });

export const concurrency = z
  .strictObject(
    {
      group,
      key: z.optional(key),
      limit: z._default(
        described(
          wholeNumber("a whole number", 1, CONCURRENCY_LIMIT_MAX),
          "How many runs of the group and key may be released and open at a time.",
        ),
        1,
      ),
      onConflict: z._default(
        described(
          z.enum(["queue", "cancel_running", "reject"], { error: 'send "queue", "cancel_running" or "reject".' }),
          "What happens when a run needs a slot and there is none. `queue`: it waits its turn. `cancel_running`: the " +
            "runs of this action that hold a slot are cancelled, and those that wait for one end as replaced. `reject`: " +
            "the run is refused.",
        ),
        "queue",
      ),
    },
    AN_OBJECT,
  )
  .register(z.globalRegistry, {
    id: "ConcurrencyGate",
    description: "Limits how many runs are under way at a time. Requires a `trigger`.",
    examples: [{ group: "deploy", key: "{{ parameters.service }}" }],
  });

export const approval = z
  .strictObject(
    {
      required: z._default(
        described(wholeNumber("a whole number", 1, APPROVALS_MAX), "How many different approvers a run needs."),
        1,
      ),
      allowSelf: z._default(
        described(z.boolean({ error: "send true or false." }), "Whether the creator of a run may approve it."),
        false,
      ),
    },
    AN_OBJECT,
  )
  .register(z.globalRegistry, {
    id: "ApprovalGate",
    description: "Holds back a run until somebody has approved it. Requires a `trigger`.",
    examples: [{ required: 2 }],
  });

export const waitTimeout = described(
  minutes,
  "Minutes that a run may wait behind its gates, counted from `notBefore` if the run has one. Then it fails. Without a " +
    `gate, it has no effect. Default: ${WAIT_TIMEOUT_DEFAULT_MINUTES}.`,
);
