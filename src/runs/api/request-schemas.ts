/** zod: the bodies and the queries of requests for runs. Each refusal says what to send. */

import * as z from "zod/mini";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import {
  CANCEL_GRACE_DEFAULT_SECONDS,
  CANCEL_GRACE_MAX_SECONDS,
  CHANGE_CURSOR,
  CONCURRENCY_GROUP,
  ERROR_MAX_BYTES,
  FACET_MIN_CHARACTERS,
  HEARTBEAT_MESSAGE_MAX_BYTES,
  INPUTS_MAX_BYTES,
  NEWEST_RUNS_MAX,
  NOT_BEFORE_MAX_DAYS,
  OUTPUT_MAX_BYTES,
  REASON_MAX_BYTES,
  SUBJECT_MAX_CHARACTERS,
  TAIL_MAX_BYTES,
  TEXT_MAX_CHARACTERS,
  TEXT_MIN_CHARACTERS,
  TIMEOUT_DEFAULT_MINUTES,
  TITLE_MAX_CHARACTERS,
  URL_MAX_CHARACTERS,
  WAIT_MAX_SECONDS,
  WAIT_TIMEOUT_DEFAULT_MINUTES,
} from "../../base/limits.ts";
import { pageQuery, queuePageQuery, seqPageQuery } from "../../http/paging.ts";
import {
  CONTROL,
  described,
  filterableName,
  finiteNumbers,
  HTTP_URL,
  inDocument,
  instant,
  LABELS_WIRE,
  labelList,
  labels,
  listOf,
  maxBytes,
  minutes,
  objectOf,
  oneOf,
  outOfRange,
  PLAIN_TEXT,
  parsedText,
  repeatable,
  textLike,
  urlLength,
  uuid,
  visibleLine,
  wholeNumber,
  wholeNumberText,
  wireOf,
  withExample,
} from "../../http/schemas.ts";
import { trigger } from "../../webhooks/trigger.ts";
import { FACET_FIELDS } from "../d1/summary.ts";
import { STATUSES, type Status } from "../run.ts";
import { ORDERS, WAITING_FILTERS } from "../run-filters.ts";

/** Checked as a whole, and not copied member by member, so that odd keys such as `__proto__` do no harm. */
const jsonObject = z.custom<JsonObject>(isJsonObject, { error: "send a JSON object." }).check(finiteNumbers);
inDocument(jsonObject, { wire: { type: "object", additionalProperties: true } });

const inputs = (what: string, other: string) =>
  z._default(
    described(
      jsonObject,
      DESCRIBE && `${what} of the workflow. At most ${INPUTS_MAX_BYTES} bytes of JSON together with \`${other}\`.`,
    ),
    {},
  );

/** What callers give to a run, with or without a stored action. Check `inputsFit` on the same object. */
export const runInputs = {
  entityId: z._default(z.nullable(described(uuid, DESCRIBE && "What the run is about. Lists filter by it.")), null),
  parameters: inputs("Input", "recommendations"),
  recommendations: inputs("Further input", "parameters"),
  labels,
};

export const inputsFit = maxBytes<Record<"parameters" | "recommendations", JsonObject>>(
  INPUTS_MAX_BYTES,
  ({ parameters, recommendations }) => JSON.stringify(parameters) + JSON.stringify(recommendations),
  "parameters and recommendations together have",
);

const WAIT_TIMEOUT =
  "Minutes that the run may wait before its trigger is called, counted from `notBefore` if there is one. Then it fails. " +
  "Without anything to wait for, it has no effect.";

/** What holds back the trigger of this run alone. The gates of a stored action come on top. */
const gates = (waitDefault: string) => ({
  notBefore: z.optional(
    described(
      instant,
      DESCRIBE &&
        `The trigger is not called before this instant: RFC 3339 with an offset, at most ${NOT_BEFORE_MAX_DAYS} days ahead. ` +
          "An instant in the past means now. Requires a trigger.",
    ),
  ),
  waitTimeout: z.optional(described(minutes, DESCRIBE && `${WAIT_TIMEOUT} Default: ${waitDefault}.`)),
});

const TIMEOUT = "Minutes after which the run fails if nobody has reported its end.";

export const newRun = objectOf(
  {
    actionName: filterableName,
    title: z.optional(visibleLine(TITLE_MAX_CHARACTERS)),
    subject: z.optional(visibleLine(SUBJECT_MAX_CHARACTERS)),
    ...runInputs,
    timeout: z._default(minutes, TIMEOUT_DEFAULT_MINUTES),
    heartbeatTimeout: z.optional(minutes),
    trigger: z.optional(trigger),
    ...gates(String(WAIT_TIMEOUT_DEFAULT_MINUTES)),
  },
  DESCRIBE && {
    id: "NewActionRun",
    members: {
      actionName: "What the run does. Lists filter by it. Well-formed Unicode without control characters.",
      title: "What the run does, in one line for people. Well-formed Unicode without invisible characters.",
      subject:
        "What the run works on, such as a service. Lists filter by it. Well-formed Unicode without invisible characters.",
      timeout: TIMEOUT,
      heartbeatTimeout: "Minutes without a heartbeat after which the run fails. Without it, silence is no failure.",
    },
    examples: [{ actionName: "deploy", parameters: { version: "1.4.2" }, timeout: 30 }],
  },
  inputsFit,
);

export type NewRunBody = z.output<typeof newRun>;

/** A run of a stored action. The action has everything else. */
export const newRunOfAction = objectOf(
  { ...runInputs, timeout: z.optional(minutes), ...gates("the action's") },
  DESCRIBE && {
    id: "NewRunOfAction",
    members: { timeout: `${TIMEOUT} Default: the action's.` },
    examples: [{ parameters: { version: "1.4.2" }, labels: ["team:payments"] }],
  },
  inputsFit,
);

export type NewRunOfActionBody = z.output<typeof newRunOfAction>;

export const retry = objectOf(
  { parameters: z.optional(jsonObject.check(maxBytes(INPUTS_MAX_BYTES, JSON.stringify))), ...gates("the action's") },
  DESCRIBE && {
    id: "Retry",
    members: {
      parameters: `Replaces the run's parameters. At most ${INPUTS_MAX_BYTES} bytes of JSON together with the run's recommendations.`,
    },
    examples: [{ parameters: { version: "1.4.3" } }],
  },
);

export type RetryBody = z.output<typeof retry>;

/** Odd characters are refused, because the caller can send others. `empty`: how an empty text is refused, if it is. */
export function reasonOf(what: string, empty?: string) {
  return z
    .string({ error: "send a string." })
    .check(
      z.refine((text) => text.isWellFormed() && !CONTROL.test(text), {
        error: "has a line break, a control character or half a surrogate pair; send one line of plain text.",
      }),
      maxBytes(REASON_MAX_BYTES, String),
      ...(empty === undefined ? [] : [z.minLength(1, { error: empty })]),
    )
    .register(z.globalRegistry, {
      wire: {
        type: "string",
        maxLength: REASON_MAX_BYTES,
        pattern: PLAIN_TEXT,
        ...(empty !== undefined && { minLength: 1 }),
      },
      description: `${what} At most ${REASON_MAX_BYTES} bytes of UTF-8.`,
    });
}

const ONE_LINE = "one line of well-formed Unicode without control characters";

/** The members of a cancel. */
export const cancelShape = {
  reason: z.optional(
    reasonOf(`Why the run is cancelled: ${ONE_LINE}. The job and every reader of the run can see it.`),
  ),
  graceSeconds: described(
    wholeNumber("whole seconds", 0, CANCEL_GRACE_MAX_SECONDS),
    DESCRIBE &&
      "How long a running job may still work, at most until the run's deadline. With 0, the run ends at once.",
  ),
};
export const cancel = objectOf(
  { ...cancelShape, graceSeconds: z._default(cancelShape.graceSeconds, CANCEL_GRACE_DEFAULT_SECONDS) },
  DESCRIBE && { id: "Cancel", examples: [{ reason: "a newer version is on its way", graceSeconds: 30 }] },
);
export type CancelBody = z.output<typeof cancel>;

export const decision = objectOf(
  { reason: z.optional(reasonOf(`Why you decide so: ${ONE_LINE}. Every reader of the run can see it.`)) },
  DESCRIBE && { id: "Decision", examples: [{ reason: "checked with the team" }] },
);

export const erasure = objectOf(
  {
    reason: reasonOf(
      `Why the texts are erased: ${ONE_LINE}. The audit keeps the reason, so write nothing that must be forgotten.`,
      "is empty; say why.",
    ),
  },
  DESCRIBE && { id: "ErasureOfRun", examples: [{ reason: "the customer asked, ticket 4711" }] },
);

export const release = objectOf(
  {
    throughPause: z.optional(z.literal(true, { error: "send true, or leave it out." })),
    reason: z.optional(
      reasonOf(`Why this run passes the pause: ${ONE_LINE}. Every reader of the run can see it.`, "is empty; say why."),
    ),
  },
  DESCRIBE && {
    id: "Release",
    members: { throughPause: "Releases the run through the pauses that are in force now, and opens no other gate." },
    examples: [{ throughPause: true, reason: "the fix for the outage" }],
    dependentRequired: { throughPause: ["reason"], reason: ["throughPause"] },
  },
  z.refine(({ throughPause, reason }) => throughPause === undefined || reason !== undefined, {
    path: ["reason"],
    error: "is missing; say why this run passes the pause.",
  }),
  z.refine(({ throughPause, reason }) => reason === undefined || throughPause !== undefined, {
    path: ["throughPause"],
    error: "is missing; send true with the reason, or leave out the reason.",
  }),
);

const output = z.optional(
  described(
    jsonObject,
    DESCRIBE &&
      `What the workflow produced. The service keeps ${OUTPUT_MAX_BYTES} bytes of JSON, and shortens the longest texts.`,
  ),
);

/** What a program has printed can contain anything, and a job must not fail because of an odd byte. */
function printed(error: string) {
  return z
    .string({ error })
    .check(z.overwrite((text) => text.toWellFormed().replaceAll("\0", "\ufffd")))
    .register(z.globalRegistry, { wire: { type: "string" } });
}

/** Accepts texts of any length, because a job can't repair its report. callback-routes.ts shortens long texts. */
export const report = z.discriminatedUnion(
  "status",
  [
    objectOf({ status: z.literal("succeeded"), output }, DESCRIBE && { id: "SuccessReport" }),
    objectOf(
      { status: z.literal("failed"), error: printed("send a sentence on what went wrong."), output },
      DESCRIBE && {
        id: "FailureReport",
        members: {
          error: `What went wrong. The service keeps ${ERROR_MAX_BYTES} bytes of JSON, and leaves out the middle.`,
        },
      },
    ),
  ],
  { error: 'send "succeeded", or "failed" with an error.' },
);
inDocument(report, {
  id: "Report",
  examples: [
    { status: "succeeded", output: { url: "https://shop.example" } },
    { status: "failed", error: "3 tests failed" },
  ],
});

export type Report = z.infer<typeof report>;

const externalUrl = parsedText(
  z.string({ error: "send the URL of the job's page." }).check(urlLength),
  (text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) ? url.href : null;
  },
  "send an http or https URL.",
);
inDocument(externalUrl, {
  // There is no `format: uri`, because browsers accept more than that format allows.
  wire: { type: "string", pattern: HTTP_URL, maxLength: URL_MAX_CHARACTERS },
  description:
    "The page of the job that does the work: an `http` or `https` URL. An `https` URL without credentials " +
    "also becomes the run's `externalUrl`, which can be set at most five times. Every other URL is only " +
    "shown as text, and the response says why in `externalUrlRefused`.",
});

const PROGRESS = outOfRange("a number", 0, 1);

export const heartbeat = objectOf(
  {
    // Odd characters are replaced and not refused, because a job can't repair its own output.
    message: z.optional(
      z
        .string({ error: "send a string." })
        .check(
          z.overwrite((text) => text.toWellFormed().replaceAll(/\p{Cc}/gu, " ")),
          maxBytes(HEARTBEAT_MESSAGE_MAX_BYTES, String),
        )
        .register(z.globalRegistry, { wire: { type: "string", maxLength: HEARTBEAT_MESSAGE_MAX_BYTES } }),
    ),
    progress: z.optional(z.number(PROGRESS).check(z.minimum(0, PROGRESS), z.maximum(1, PROGRESS))),
    externalUrl: z.optional(externalUrl),
    // callback-routes.ts cuts it.
    tail: z.optional(printed("send the newest lines of the job's output.")),
  },
  DESCRIBE && {
    id: "Heartbeat",
    members: {
      message: `What the workflow does now. At most ${HEARTBEAT_MESSAGE_MAX_BYTES} bytes of UTF-8.`,
      progress: "How much of the work is done, from 0 to 1.",
      tail:
        `The newest lines of the job's output. The service keeps the last ${TAIL_MAX_BYTES} bytes of UTF-8, in memory ` +
        "only, until the next tail or the run's end. Everybody who may read the run can see it, so send no secret.",
    },
    examples: [{ message: "running the tests", progress: 0.4 }],
  },
);

/** The name of a concurrency group, in a query. */
export const groupFilter = described(
  withExample(
    textLike(
      `^${CONCURRENCY_GROUP}$`,
      "send 1 to 63 letters, digits, dots, hyphens and underscores, a letter or a digit first.",
      "send it once.",
    ),
    "deploy",
  ),
  DESCRIBE && "The name of a concurrency group.",
);

const status = z.enum(STATUSES);
const ANY_STATUS = `send any of ${STATUSES.join(", ")}, each once.`;
const STATUS = { type: "string", enum: [...STATUSES] };
const asList = z.transform((one: Status) => [one]);

/** A name has no case in D1's column. */
export const triggeredByFilter = described(
  withExample(filterableName, "ci"),
  DESCRIBE &&
    "The person's or the token's name. Well-formed Unicode without control characters. ASCII letters match in both cases.",
);

export const subjectFilter = described(
  withExample(visibleLine(SUBJECT_MAX_CHARACTERS), "shop"),
  DESCRIBE && "The run's whole subject. Well-formed Unicode without invisible characters.",
);

const labelFilter = repeatable(labelList);
inDocument(labelFilter, {
  wire: { ...LABELS_WIRE, examples: [["team:payments"]] },
  description:
    "A run must have each label that you send. Send the rarest first, because the service walks the runs with that one.",
});

const runFilters = {
  status: z.optional(
    z
      .union([z.pipe(status, asList), listOf(STATUSES.length, "statuses", status, ANY_STATUS)], { error: ANY_STATUS })
      .register(z.globalRegistry, {
        wire: { type: "array", items: STATUS, maxItems: STATUSES.length, examples: [["failed", "cancelled"]] },
      }),
  ),
  waiting: z.optional(
    oneOf(WAITING_FILTERS, { examples: ["approval"], description: "Runs that wait: at any gate, or at this one." }),
  ),
  group: z.optional(groupFilter),
  label: z.optional(labelFilter),
  actionName: z.optional(withExample(filterableName, "deploy")),
  entityId: z.optional(withExample(uuid, "01890a5d-ac96-774b-bcce-b302099a8057")),
  subject: z.optional(subjectFilter),
  triggeredBy: z.optional(triggeredByFilter),
  createdAfter: z.optional(withExample(instant, "2026-01-31T12:00:00Z")),
  createdBefore: z.optional(withExample(instant, "2026-02-01T00:00:00Z")),
};

const detailed = { examples: ["details"], description: "`details` adds the member `details` to the run." };
const include = z.optional(oneOf(["details"], detailed, 'send "details" once.'));

const order = z.optional(
  oneOf(ORDERS, {
    default: "newest",
    examples: ["oldest"],
    description: "Which run comes first. A cursor goes on in the order of its list.",
  }),
);

const text = z.string({ error: "send it once." }).check(
  z.refine((text) => [...text].length >= TEXT_MIN_CHARACTERS && [...text].length <= TEXT_MAX_CHARACTERS, {
    error: `send ${TEXT_MIN_CHARACTERS} to ${TEXT_MAX_CHARACTERS} characters.`,
  }),
  z.refine((text) => text.isWellFormed(), { error: "has half a surrogate pair; send well-formed Unicode." }),
);
inDocument(text, {
  wire: { type: "string", minLength: TEXT_MIN_CHARACTERS, maxLength: TEXT_MAX_CHARACTERS, examples: ["timed out"] },
  description:
    "Runs whose JSON contains the text, names of members included, or whose title or subject does. ASCII letters match in both cases. " +
    "A page ends after 5000 runs or 32 MiB of their JSON, so narrow the list by other filters if you can. " +
    "Summaries, bulk operations and the feed don't take it.",
});

export const runListQuery = z.strictObject({ ...pageQuery, ...runFilters, order, include, text: z.optional(text) });

/** Not strict, because a create ignores parameters that it does not know. */
export const createQuery = z.object({ include });
export const changeQuery = z.strictObject({ include });

/** Only the filters, because a summary has no pages. */
export const runSummaryQuery = z.strictObject(runFilters);

const field = oneOf(
  FACET_FIELDS,
  { examples: ["actionName"], description: "The filter of a list that you need values for." },
  `send one of ${FACET_FIELDS.join(", ")}.`,
);

const contains = filterableName
  .clone()
  .check(
    z.refine((part) => [...part].length >= FACET_MIN_CHARACTERS, {
      error: `is too short; send at least ${FACET_MIN_CHARACTERS} characters.`,
    }),
  );
inDocument(contains, {
  wire: { ...wireOf(filterableName), minLength: FACET_MIN_CHARACTERS, examples: ["depl"] },
  description: "A part of the value. ASCII letters match in upper and lower case.",
});

export const runFacetsQuery = z.strictObject({ field, contains });

const actionNames = repeatable(
  listOf(NEWEST_RUNS_MAX, "names", filterableName, "send the name of an action."),
  "is missing; send the name of an action.",
);
inDocument(actionNames, {
  wire: { type: "array", items: wireOf(filterableName), maxItems: NEWEST_RUNS_MAX, examples: [["deploy"]] },
});

export const newestRunsQuery = z.strictObject({ actionName: actionNames });

export const runQuery = z.strictObject({
  include,
  wait: z.optional(wholeNumberText("whole seconds", WAIT_MAX_SECONDS, { examples: [30] })),
});

const changeCursor = z.string({ error: "send it once." });
inDocument(changeCursor, {
  wire: { type: "string", pattern: CHANGE_CURSOR, examples: ["0"] },
  description:
    "The cursor of an earlier response, or `0` for all runs that are kept. Without it, the response has no runs and a cursor for now.",
});

export const changesQuery = z.strictObject({
  after: z.optional(changeCursor),
  wait: z.optional(
    described(
      wholeNumberText("whole seconds", WAIT_MAX_SECONDS, { default: 0, examples: [0] }, 0),
      DESCRIBE && "How long the response waits for a change. It has no effect without `after`, or in a stream.",
    ),
  ),
  waiting: z.optional(
    described(
      runFilters.waiting.def.innerType,
      DESCRIBE &&
        "Runs that this gate can hold back; `any`: runs that any gate can. So you hear when a run begins to wait, and when it no longer waits.",
    ),
  ),
  group: runFilters.group,
  actionName: runFilters.actionName,
  subject: runFilters.subject,
  label: runFilters.label,
  include,
});

export const eventsQuery = z.strictObject(seqPageQuery);

export const groupsQuery = z.strictObject({ ...queuePageQuery, group: z.optional(groupFilter) });
