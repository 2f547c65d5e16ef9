/** zod: the query parameters of requests for runs: filters, pages, and `include`. */
import * as z from "zod/mini";
import {
  CHANGE_CURSOR,
  CONCURRENCY_GROUP,
  FACET_MIN_CHARACTERS,
  NAME_MAX_CHARACTERS,
  WAIT_MAX_SECONDS,
} from "../../base/limits.ts";
import { pageQuery, queuePageQuery, seqPageQuery } from "../../http/paging.ts";
import {
  described,
  filterableName,
  instant,
  LABELS_WIRE,
  labelList,
  listOf,
  PLAIN_TEXT,
  wholeNumberText,
  withExample,
} from "../../http/schemas.ts";
import { FACET_FIELDS } from "../d1/summary.ts";
import { STATUSES, type Status } from "../run.ts";
import { ORDERS, WAITING_FILTERS } from "../run-filters.ts";
import { reasonOf, uuid } from "./request-schemas.ts";

/* SECTION: zod: the bodies and queries of requests about gates: pauses and concurrency groups. */

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

const status = z.enum(STATUSES);
const ANY_STATUS = `send any of ${STATUSES.join(", ")}, each once.`;
const asList = z.transform((one: Status) => [one]);

/** A name has no case in D1's column. */
export const triggeredByFilter = described(
  withExample(filterableName, "ci"),
  "The person's or the token's name. Well-formed Unicode without control characters. ASCII letters match in both cases.",
);

const labelFilter = z
  .pipe(
    z.pipe(
      z.union([z.string(), z.array(z.string())]),
      z.transform((sent): unknown => [sent].flat()),
    ),
    labelList,
  )
  .register(z.globalRegistry, {
    wire: { ...LABELS_WIRE, examples: [["team:payments"]] },
    description:
      "A run must have each label that you send. Send the rarest first, because the service walks the runs with that one.",
  });

const runFilters = {
  status: z.optional(
    z
      .union([z.pipe(status, asList), listOf(STATUSES.length, "statuses", status, ANY_STATUS)], { error: ANY_STATUS })
      .register(z.globalRegistry, {
        wire: {
          type: "array",
          items: { type: "string", enum: [...STATUSES] },
          maxItems: STATUSES.length,
          examples: [["failed", "cancelled"]],
        },
      }),
  ),
  waiting: z.optional(
    z
      .enum(WAITING_FILTERS, { error: `send one of ${WAITING_FILTERS.join(", ")}, once.` })
      .register(z.globalRegistry, {
        wire: { type: "string", enum: [...WAITING_FILTERS], examples: ["approval"] },
        description: "Runs that wait: at any gate, or at this one.",
      }),
  ),
  group: z.optional(groupFilter),
  label: z.optional(labelFilter),
  actionName: z.optional(withExample(filterableName, "deploy")),
  entityId: z.optional(withExample(uuid, "01890a5d-ac96-774b-bcce-b302099a8057")),
  triggeredBy: z.optional(triggeredByFilter),
  createdAfter: z.optional(withExample(instant, "2026-01-31T12:00:00Z")),
  createdBefore: z.optional(withExample(instant, "2026-02-01T00:00:00Z")),
};

const include = z.optional(
  z
    .literal("details", { error: 'send "details" once.' })
    .register(z.globalRegistry, {
      wire: { type: "string", enum: ["details"], examples: ["details"] },
      description: "`details` adds the member `details` to the run.",
    }),
);

const order = z.optional(
  z
    .enum(ORDERS, { error: `send one of ${ORDERS.join(", ")}, once.` })
    .register(z.globalRegistry, {
      wire: { type: "string", enum: [...ORDERS], default: "newest", examples: ["oldest"] },
      description: "Which run comes first. A cursor goes on in the order of its list.",
    }),
);

export const runListQuery = z.strictObject({ ...pageQuery, ...runFilters, order, include });

/** Not strict, because a create ignores parameters that it does not know. */
export const createQuery = z.object({ include });
export const changeQuery = z.strictObject({ include });

/** Only the filters, because a summary has no pages. */
export const runSummaryQuery = z.strictObject(runFilters);

const field = z
  .enum(FACET_FIELDS, { error: `send one of ${FACET_FIELDS.join(", ")}.` })
  .register(z.globalRegistry, {
    wire: { type: "string", enum: [...FACET_FIELDS], examples: ["actionName"] },
    description: "The filter of a list that you need values for.",
  });

const contains = filterableName
  .clone()
  .check(
    z.refine((part) => [...part].length >= FACET_MIN_CHARACTERS, {
      error: `is too short; send at least ${FACET_MIN_CHARACTERS} characters.`,
    }),
  )
  .register(z.globalRegistry, {
    wire: {
      type: "string",
      minLength: FACET_MIN_CHARACTERS,
      maxLength: NAME_MAX_CHARACTERS,
      pattern: PLAIN_TEXT,
      examples: ["depl"],
    },
    description: "A part of the value. ASCII letters match in upper and lower case.",
  });

export const runFacetsQuery = z.strictObject({ field, contains });

export const runQuery = z.strictObject({
  include,
  wait: z.optional(wholeNumberText("whole seconds", WAIT_MAX_SECONDS, { examples: [30] })),
});

const changeCursor = z
  .string({ error: "send it once." })
  .register(z.globalRegistry, {
    wire: { type: "string", pattern: CHANGE_CURSOR, examples: ["0"] },
    description:
      "The cursor of an earlier response, or `0` for all runs that are kept. Without it, the response has no runs and a cursor for now.",
  });

export const changesQuery = z.strictObject({
  after: z.optional(changeCursor),
  wait: z.optional(
    described(
      wholeNumberText("whole seconds", WAIT_MAX_SECONDS, { default: 0, examples: [0] }, 0),
      "How long the response waits for a change. It has no effect without `after`, or in a stream.",
    ),
  ),
  waiting: z.optional(
    described(
      runFilters.waiting.def.innerType,
      "Runs that this gate can hold back; `any`: runs that any gate can. So you hear when a run begins to wait, and when it no longer waits.",
    ),
  ),
  group: runFilters.group,
  actionName: runFilters.actionName,
  label: runFilters.label,
  include,
});

export const eventsQuery = z.strictObject(seqPageQuery);
