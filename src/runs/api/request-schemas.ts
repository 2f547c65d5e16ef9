/** zod: the bodies of requests for runs. Each message says what to send, and names the limit if there is one. */

import * as z from "zod/mini";
import { parseUuid } from "../../base/ids.ts";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import {
  CANCEL_GRACE_DEFAULT_SECONDS,
  CANCEL_GRACE_MAX_SECONDS,
  ERROR_MAX_BYTES,
  HEARTBEAT_MESSAGE_MAX_BYTES,
  INPUTS_MAX_BYTES,
  NOT_BEFORE_MAX_DAYS,
  OUTPUT_MAX_BYTES,
  REASON_MAX_BYTES,
  TIMEOUT_DEFAULT_MINUTES,
  URL_MAX_CHARACTERS,
  WAIT_TIMEOUT_DEFAULT_MINUTES,
} from "../../base/limits.ts";
import {
  CONTROL,
  described,
  filterableName,
  finiteNumbers,
  HTTP_URL,
  instant,
  labels,
  maxBytes,
  minutes,
  outOfRange,
  PLAIN_TEXT,
  parsedText,
  urlLength,
  wholeNumber,
} from "../../http/schemas.ts";
import { trigger } from "../../webhooks/trigger.ts";

/** Checked as a whole, and not copied member by member, so that odd keys such as `__proto__` do no harm. */
const jsonObject = z
  .custom<JsonObject>(isJsonObject, { error: "send a JSON object." })
  .check(finiteNumbers)
  .register(z.globalRegistry, { wire: { type: "object", additionalProperties: true } });

export const uuid = parsedText(z.string({ error: "send a uuid." }), parseUuid, "send a uuid.").register(
  z.globalRegistry,
  { wire: { type: "string", format: "uuid" } },
);

const inputs = (what: string, other: string) =>
  z._default(
    described(
      jsonObject,
      `${what} of the workflow. At most ${INPUTS_MAX_BYTES} bytes of JSON together with \`${other}\`.`,
    ),
    {},
  );

/** What callers give to a run, with or without a stored action. Check `inputsFit` on the same object. */
export const runInputs = {
  entityId: z._default(z.nullable(described(uuid, "What the run is about. Lists filter by it.")), null),
  parameters: inputs("Input", "recommendations"),
  recommendations: inputs("Further input", "parameters"),
  labels,
};

interface Inputs {
  readonly parameters: JsonObject;
  readonly recommendations: JsonObject;
}

export const inputsFit = maxBytes<Inputs>(
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
      `The trigger is not called before this instant: RFC 3339 with an offset, at most ${NOT_BEFORE_MAX_DAYS} days ahead. ` +
        "An instant in the past means now. Requires a trigger.",
    ),
  ),
  waitTimeout: z.optional(described(minutes, `${WAIT_TIMEOUT} Default: ${waitDefault}.`)),
});

const TIMEOUT = "Minutes after which the run fails if nobody has reported its end.";

export const newRun = z
  .strictObject({
    actionName: described(
      filterableName,
      "What the run does. Lists filter by it. Well-formed Unicode without control characters.",
    ),
    ...runInputs,
    timeout: z._default(described(minutes, TIMEOUT), TIMEOUT_DEFAULT_MINUTES),
    heartbeatTimeout: z.optional(
      described(minutes, "Minutes without a heartbeat after which the run fails. Without it, silence is no failure."),
    ),
    trigger: z.optional(trigger),
    ...gates(String(WAIT_TIMEOUT_DEFAULT_MINUTES)),
  })
  .check(inputsFit)
  .register(z.globalRegistry, {
    id: "NewActionRun",
    examples: [{ actionName: "deploy", parameters: { version: "1.4.2" }, timeout: 30 }],
  });

export type NewRunBody = z.output<typeof newRun>;

/** A run of a stored action. The action has everything else. */
export const newRunOfAction = z
  .strictObject({
    ...runInputs,
    timeout: z.optional(described(minutes, `${TIMEOUT} Default: the action's.`)),
    ...gates("the action's"),
  })
  .check(inputsFit)
  .register(z.globalRegistry, {
    id: "NewRunOfAction",
    examples: [{ parameters: { version: "1.4.2" }, labels: ["team:payments"] }],
  });

export type NewRunOfActionBody = z.output<typeof newRunOfAction>;

export const retry = z
  .strictObject({
    parameters: z.optional(
      described(
        jsonObject.check(maxBytes(INPUTS_MAX_BYTES, JSON.stringify)),
        `Replaces the run's parameters. At most ${INPUTS_MAX_BYTES} bytes of JSON together with the run's recommendations.`,
      ),
    ),
    ...gates("the action's"),
  })
  .register(z.globalRegistry, { id: "Retry", examples: [{ parameters: { version: "1.4.3" } }] });

export type RetryBody = z.output<typeof retry>;

/** Odd characters are refused and not repaired, because the caller can send another text. `what`: why this is said. */
export const reasonOf = (what: string) =>
  z
    .string({ error: "send a string." })
    .check(
      z.refine((text) => text.isWellFormed() && !CONTROL.test(text), {
        error: "has a line break, a control character or half a surrogate pair; send one line of plain text.",
      }),
      maxBytes(REASON_MAX_BYTES, String),
    )
    .register(z.globalRegistry, {
      wire: { type: "string", maxLength: REASON_MAX_BYTES, pattern: PLAIN_TEXT },
      description: `${what} At most ${REASON_MAX_BYTES} bytes of UTF-8.`,
    });

const ONE_LINE = "one line of well-formed Unicode without control characters";

export const cancel = z
  .strictObject({
    reason: z.optional(
      reasonOf(`Why the run is cancelled: ${ONE_LINE}. The job and every reader of the run can see it.`),
    ),
    graceSeconds: z._default(
      described(
        wholeNumber("whole seconds", 0, CANCEL_GRACE_MAX_SECONDS),
        "How long a running job may still work, at most until the run's deadline. With 0, the run ends at once.",
      ),
      CANCEL_GRACE_DEFAULT_SECONDS,
    ),
  })
  .register(z.globalRegistry, {
    id: "Cancel",
    examples: [{ reason: "a newer version is on its way", graceSeconds: 30 }],
  });

export const decision = z
  .strictObject({ reason: z.optional(reasonOf(`Why you decide so: ${ONE_LINE}. Every reader of the run can see it.`)) })
  .register(z.globalRegistry, { id: "Decision", examples: [{ reason: "checked with the team" }] });

const output = z.optional(
  described(
    jsonObject,
    `What the workflow produced. The service keeps ${OUTPUT_MAX_BYTES} bytes of JSON, and shortens the longest texts.`,
  ),
);

/** No length is refused, because a job can't repair its report. `shortened-report.ts` says what is kept of it. */
export const report = z
  .discriminatedUnion(
    "status",
    [
      z.strictObject({ status: z.literal("succeeded"), output }).register(z.globalRegistry, { id: "SuccessReport" }),
      z
        .strictObject({
          status: z.literal("failed"),
          error: z
            .string({ error: "send a sentence on what went wrong." })
            // The tail of a log can contain anything, and a report must not fail because of an odd byte.
            .check(z.overwrite((text) => text.toWellFormed().replaceAll("\0", "\ufffd")))
            .register(z.globalRegistry, {
              wire: { type: "string" },
              description: `What went wrong. The service keeps ${ERROR_MAX_BYTES} bytes of JSON, and leaves out the middle.`,
            }),
          output,
        })
        .register(z.globalRegistry, { id: "FailureReport" }),
    ],
    { error: 'send "succeeded", or "failed" with an error.' },
  )
  .register(z.globalRegistry, {
    id: "Report",
    examples: [
      { status: "succeeded", output: { url: "https://shop.example" } },
      { status: "failed", error: "3 tests failed" },
    ],
  });

export type Report = z.infer<typeof report>;

/**
 * Safe to print in a terminal. Odd characters are replaced and not refused, because a job can't repair its own output.
 */
const plainText = z
  .string({ error: "send a string." })
  .check(z.overwrite((text) => text.toWellFormed().replaceAll(/\p{Cc}/gu, " ")));

const externalUrl = parsedText(
  z.string({ error: "send the URL of the job's page." }).check(urlLength),
  (text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) ? url.href : null;
  },
  "send an http or https URL.",
).register(z.globalRegistry, {
  // There is no `format: uri`, because browsers accept more than that format allows.
  wire: { type: "string", pattern: HTTP_URL, maxLength: URL_MAX_CHARACTERS },
  description:
    "The page of the job that does the work: an `http` or `https` URL. An `https` URL without credentials " +
    "also becomes the run's `externalUrl`, which can be set at most five times. Every other URL is only " +
    "shown as text, and the response says why in `externalUrlRefused`.",
});

const PROGRESS = outOfRange("a number", 0, 1);

export const heartbeat = z
  .strictObject({
    message: z.optional(
      plainText
        .check(maxBytes(HEARTBEAT_MESSAGE_MAX_BYTES, String))
        .register(z.globalRegistry, {
          wire: { type: "string", maxLength: HEARTBEAT_MESSAGE_MAX_BYTES },
          description: `What the workflow does now. At most ${HEARTBEAT_MESSAGE_MAX_BYTES} bytes of UTF-8.`,
        }),
    ),
    progress: z.optional(
      described(
        z.number(PROGRESS).check(z.minimum(0, PROGRESS), z.maximum(1, PROGRESS)),
        "How much of the work is done, from 0 to 1.",
      ),
    ),
    externalUrl: z.optional(externalUrl),
  })
  .register(z.globalRegistry, { id: "Heartbeat", examples: [{ message: "running the tests", progress: 0.4 }] });
