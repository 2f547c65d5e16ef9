/** zod: the wire of action runs. Every message says what to send, and names the limit where there is one. */

import * as z from "zod";
import { trigger } from "../dispatch/trigger.ts";
import { hasOnlyFiniteNumbers, isJsonObject, type JsonObject } from "../http/json.ts";
import {
  ERROR_MAX_BYTES,
  HEARTBEAT_MESSAGE_MAX_BYTES,
  INPUTS_MAX_BYTES,
  NAME_MAX_CHARACTERS,
  OUTPUT_MAX_BYTES,
  TIMEOUT_DEFAULT_MINUTES,
  TIMEOUT_MAX_MINUTES,
  URL_MAX_CHARACTERS,
  utf8Bytes,
  WAIT_MAX_SECONDS,
} from "../http/limits.ts";
import { filterableName, instant, pageQuery, sent, seqPageQuery } from "../http/schema.ts";
import { STATUSES } from "./run.ts";
import { parseUuid } from "./run-id.ts";

/** Taken as it is, down to odd keys such as `__proto__`, for it is only ever kept as text. */
const jsonObject = z
  .custom<JsonObject>(isJsonObject, { error: "send a JSON object." })
  .refine(hasOnlyFiniteNumbers, { error: "holds a number too large for JSON's usual range." })
  .meta({ wire: { type: "object", additionalProperties: true } });

const uuid = z
  .string({ error: "send a uuid." })
  .transform((text, context) => {
    const id = parseUuid(text);
    if (id !== null) return id;
    context.addIssue({ code: "custom", message: "send a uuid." });
    return z.NEVER;
  })
  .meta({ wire: { type: "string", format: "uuid" } });

const TIMEOUT = {
  error: (issue: { readonly input?: unknown }) =>
    `${sent(issue)}; send whole minutes from 1 to ${TIMEOUT_MAX_MINUTES}.`,
};

const PROGRESS = {
  error: (issue: { readonly input?: unknown }) => `${sent(issue)}; send a number from 0 to 1.`,
};

export const newRun = z
  .strictObject({
    actionName: filterableName,
    entityId: uuid.nullable().default(null),
    parameters: jsonObject.default({}),
    recommendations: jsonObject.default({}),
    timeout: z
      .int(TIMEOUT)
      .min(1, TIMEOUT)
      .max(TIMEOUT_MAX_MINUTES, TIMEOUT)
      .default(TIMEOUT_DEFAULT_MINUTES),
    heartbeatTimeout: z.int(TIMEOUT).min(1, TIMEOUT).max(TIMEOUT_MAX_MINUTES, TIMEOUT).optional(),
    trigger: trigger.optional(),
  })
  .refine((body) => inputBytes(body) <= INPUTS_MAX_BYTES, {
    error: (issue) =>
      `parameters and recommendations have ${inputBytes(issue.input as Inputs)} bytes together; at most ${INPUTS_MAX_BYTES} are taken.`,
  })
  .meta({
    id: "NewActionRun",
    examples: [{ actionName: "deploy", parameters: { version: "1.4.2" }, timeout: 30 }],
  });

export type NewRunBody = z.output<typeof newRun>;

interface Inputs {
  readonly parameters: JsonObject;
  readonly recommendations: JsonObject;
}

function inputBytes({ parameters, recommendations }: Inputs): number {
  return utf8Bytes(JSON.stringify(parameters)) + utf8Bytes(JSON.stringify(recommendations));
}

const output = jsonObject
  .refine((value) => utf8Bytes(JSON.stringify(value)) <= OUTPUT_MAX_BYTES, {
    error: (issue) =>
      `has ${utf8Bytes(JSON.stringify(issue.input))} bytes; at most ${OUTPUT_MAX_BYTES} are taken.`,
  })
  .optional();

export const report = z
  .discriminatedUnion(
    "status",
    [
      z.strictObject({ status: z.literal("succeeded"), output }),
      z.strictObject({
        status: z.literal("failed"),
        error: z
          .string({ error: "send a sentence on what went wrong." })
          // The tail of a log may hold anything, and the job that sends it must not be told to come back.
          .transform((text) => text.toWellFormed().replaceAll("\0", "\ufffd"))
          .refine((text) => utf8Bytes(JSON.stringify(text)) <= ERROR_MAX_BYTES, {
            error: (issue) =>
              `has ${utf8Bytes(JSON.stringify(issue.input))} bytes; at most ${ERROR_MAX_BYTES} are taken.`,
          }),
        output,
      }),
    ],
    { error: 'send "succeeded", or "failed" with an error.' },
  )
  .meta({
    id: "Report",
    examples: [
      { status: "succeeded", output: { url: "https://shop.example" } },
      { status: "failed", error: "3 tests failed" },
    ],
  });

export type Report = z.infer<typeof report>;

/** What a terminal may be shown, and a job not be told to mend: odd bytes are replaced, not refused. */
const plainText = z
  .string({ error: "send a string." })
  .transform((text) => text.toWellFormed().replaceAll(/\p{Cc}/gu, " "))
  .meta({ wire: { type: "string" } });

export const heartbeat = z
  .strictObject({
    message: plainText
      .refine((text) => utf8Bytes(text) <= HEARTBEAT_MESSAGE_MAX_BYTES, {
        error: (issue) =>
          `has ${utf8Bytes(String(issue.input))} bytes; at most ${HEARTBEAT_MESSAGE_MAX_BYTES} are taken.`,
      })
      .optional(),
    progress: z.number(PROGRESS).min(0, PROGRESS).max(1, PROGRESS).optional(),
    externalUrl: z
      .string({ error: "send the URL of the job's page." })
      .max(URL_MAX_CHARACTERS, { error: `is too long; at most ${URL_MAX_CHARACTERS} characters are taken.` })
      .transform((text, context) => {
        const url = URL.parse(text);
        if (url !== null && /^https?:$/.test(url.protocol)) return url.href;
        context.addIssue({ code: "custom", message: "send an http or https URL." });
        return z.NEVER;
      })
      .meta({ wire: { type: "string", format: "uri", maxLength: URL_MAX_CHARACTERS } })
      .optional(),
  })
  .meta({ id: "Heartbeat", examples: [{ message: "running the tests", progress: 0.4 }] });

const oneOrMore = <T extends z.ZodType>(one: T) =>
  z.union([one.transform((value) => [value]), z.array(one)], {
    error: `send any of ${STATUSES.join(", ")}.`,
  });

const NAME = { type: "string", minLength: 1, maxLength: NAME_MAX_CHARACTERS };
const INSTANT = { type: "string", format: "date-time" };

/** What the document says of a parameter, with an example. */
function shown(schema: object, example: string) {
  return { wire: { ...schema, examples: [example] } };
}

export const runListQuery = z.strictObject({
  ...pageQuery,
  status: oneOrMore(z.enum(STATUSES))
    .meta({
      wire: {
        type: "array",
        items: { type: "string", enum: [...STATUSES] },
        examples: [["failed", "cancelled"]],
      },
    })
    .optional(),
  actionName: filterableName.meta(shown(NAME, "deploy")).optional(),
  entityId: uuid
    .meta(shown({ type: "string", format: "uuid" }, "01890a5d-ac96-774b-bcce-b302099a8057"))
    .optional(),
  triggeredBy: filterableName.meta(shown(NAME, "ci")).optional(),
  createdAfter: instant.meta(shown(INSTANT, "2026-01-31T12:00:00Z")).optional(),
  createdBefore: instant.meta(shown(INSTANT, "2026-02-01T00:00:00+01:00")).optional(),
});

export type RunListQuery = z.infer<typeof runListQuery>;

const WAIT = {
  error: (issue: { readonly input?: unknown }) =>
    `${sent(issue)}; send whole seconds from 1 to ${WAIT_MAX_SECONDS}.`,
};

export const runQuery = z.strictObject({
  wait: z
    .string({ error: "send it once." })
    .regex(/^[0-9]{1,2}$/, WAIT)
    .transform(Number)
    .refine((wait) => wait >= 1 && wait <= WAIT_MAX_SECONDS, WAIT)
    .meta({ wire: { type: "integer", minimum: 1, maximum: WAIT_MAX_SECONDS, examples: [30] } })
    .optional(),
});

export const eventsQuery = z.strictObject(seqPageQuery);
