/** zod: the wire of action runs. Every message says what to send, and names the limit where there is one. */

import * as z from "zod";
import { hasOnlyFiniteNumbers, isJsonObject, type JsonObject } from "../http/json.ts";
import {
  ERROR_MAX_BYTES,
  INPUTS_MAX_BYTES,
  OUTPUT_MAX_BYTES,
  TIMEOUT_DEFAULT_MINUTES,
  TIMEOUT_MAX_MINUTES,
  utf8Bytes,
} from "../http/limits.ts";
import { filterableName, instant, pageQuery, sent } from "../http/schema.ts";
import { STATUSES } from "./run.ts";
import { parseUuid } from "./run-id.ts";

/** Taken as it is, down to odd keys such as `__proto__`, for it is only ever kept as text. */
const jsonObject = z
  .custom<JsonObject>(isJsonObject, { error: "send a JSON object." })
  .refine(hasOnlyFiniteNumbers, { error: "holds a number too large for JSON's usual range." });

const uuid = z.string({ error: "send a uuid." }).transform((text, context) => {
  const id = parseUuid(text);
  if (id !== null) return id;
  context.addIssue({ code: "custom", message: "send a uuid." });
  return z.NEVER;
});

const TIMEOUT = {
  error: (issue: { readonly input?: unknown }) =>
    `${sent(issue)}; send whole minutes from 1 to ${TIMEOUT_MAX_MINUTES}.`,
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
  })
  .refine((body) => inputBytes(body) <= INPUTS_MAX_BYTES, {
    error: (issue) =>
      `parameters and recommendations have ${inputBytes(issue.input as NewRunBody)} bytes together; at most ${INPUTS_MAX_BYTES} are taken.`,
  });

interface NewRunBody {
  readonly parameters: JsonObject;
  readonly recommendations: JsonObject;
}

function inputBytes({ parameters, recommendations }: NewRunBody): number {
  return utf8Bytes(JSON.stringify(parameters)) + utf8Bytes(JSON.stringify(recommendations));
}

const output = jsonObject
  .refine((value) => utf8Bytes(JSON.stringify(value)) <= OUTPUT_MAX_BYTES, {
    error: (issue) =>
      `has ${utf8Bytes(JSON.stringify(issue.input))} bytes; at most ${OUTPUT_MAX_BYTES} are taken.`,
  })
  .optional();

export const report = z.discriminatedUnion(
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
);

export type Report = z.infer<typeof report>;

const oneOrMore = <T extends z.ZodType>(one: T) =>
  z.union([one.transform((value) => [value]), z.array(one)], {
    error: `send any of ${STATUSES.join(", ")}.`,
  });

export const runListQuery = z.strictObject({
  ...pageQuery,
  status: oneOrMore(z.enum(STATUSES)).optional(),
  actionName: filterableName.optional(),
  entityId: uuid.optional(),
  triggeredBy: filterableName.optional(),
  createdAfter: instant.optional(),
  createdBefore: instant.optional(),
});

export type RunListQuery = z.infer<typeof runListQuery>;
