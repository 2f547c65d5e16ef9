/** zod: the wire of action runs. Every message says what to send, and names the limit where there is one. */

import * as z from "zod/mini";
import { trigger } from "../../dispatch/trigger.ts";
import { hasOnlyFiniteNumbers, isJsonObject, type JsonObject } from "../../http/json.ts";
import {
  ERROR_MAX_BYTES,
  HEARTBEAT_MESSAGE_MAX_BYTES,
  INPUTS_MAX_BYTES,
  OUTPUT_MAX_BYTES,
  TIMEOUT_DEFAULT_MINUTES,
  TIMEOUT_MAX_MINUTES,
  URL_MAX_CHARACTERS,
  utf8Bytes,
  WAIT_MAX_SECONDS,
} from "../../http/limits.ts";
import {
  described,
  filterableName,
  HTTP_URL,
  instant,
  NAME_ON_WIRE,
  pageQuery,
  sent,
  seqPageQuery,
} from "../../http/schema-parts.ts";
import { parseUuid } from "../../uuid.ts";
import { STATUSES } from "../run.ts";

/** Taken as it is, down to odd keys such as `__proto__`, for it is only ever kept as text. */
const jsonObject = z
  .custom<JsonObject>(isJsonObject, { error: "send a JSON object." })
  .check(z.refine(hasOnlyFiniteNumbers, { error: "holds a number too large for JSON's usual range." }))
  .register(z.globalRegistry, { wire: { type: "object", additionalProperties: true } });

const uuid = z
  .pipe(
    z.string({ error: "send a uuid." }),
    z.transform((text: string, context) => {
      const id = parseUuid(text);
      if (id !== null) return id;
      context.issues.push({ code: "custom", message: "send a uuid.", input: text });
      return z.NEVER;
    }),
  )
  .register(z.globalRegistry, { wire: { type: "string", format: "uuid" } });

const TIMEOUT = {
  error: (issue: { readonly input?: unknown }) =>
    `${sent(issue)}; send whole minutes from 1 to ${TIMEOUT_MAX_MINUTES}.`,
};

const minutes = z.int(TIMEOUT).check(z.minimum(1, TIMEOUT), z.maximum(TIMEOUT_MAX_MINUTES, TIMEOUT));

const PROGRESS = {
  error: (issue: { readonly input?: unknown }) => `${sent(issue)}; send a number from 0 to 1.`,
};

export const newRun = z
  .strictObject({
    actionName: described(
      filterableName,
      "What the run does. Lists filter by it. Well-formed Unicode without control characters.",
    ),
    entityId: z._default(z.nullable(described(uuid, "What the run is about. Lists filter by it.")), null),
    parameters: z._default(
      described(
        jsonObject,
        `Input of the workflow. At most ${INPUTS_MAX_BYTES} bytes of JSON together with \`recommendations\`.`,
      ),
      {},
    ),
    recommendations: z._default(
      described(
        jsonObject,
        `Further input of the workflow. At most ${INPUTS_MAX_BYTES} bytes of JSON together with \`parameters\`.`,
      ),
      {},
    ),
    timeout: z._default(
      described(minutes, "Minutes after which the run fails if nobody has reported its end."),
      TIMEOUT_DEFAULT_MINUTES,
    ),
    heartbeatTimeout: z.optional(
      described(
        minutes,
        "Minutes without a heartbeat after which the run fails. Without it, silence is no failure.",
      ),
    ),
    trigger: z.optional(trigger),
  })
  .check(
    z.refine((body) => inputBytes(body) <= INPUTS_MAX_BYTES, {
      error: (issue) =>
        `parameters and recommendations have ${inputBytes(issue.input as Inputs)} bytes together; at most ${INPUTS_MAX_BYTES} are taken.`,
    }),
  )
  .register(z.globalRegistry, {
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

const output = z.optional(
  jsonObject
    .check(
      z.refine((value) => utf8Bytes(JSON.stringify(value)) <= OUTPUT_MAX_BYTES, {
        error: (issue) =>
          `has ${utf8Bytes(JSON.stringify(issue.input))} bytes; at most ${OUTPUT_MAX_BYTES} are taken.`,
      }),
    )
    .register(z.globalRegistry, {
      description: `What the workflow produced. At most ${OUTPUT_MAX_BYTES} bytes of JSON.`,
    }),
);

/** Of a JSON string. */
const QUOTES = 2;

export const report = z
  .discriminatedUnion(
    "status",
    [
      z.strictObject({ status: z.literal("succeeded"), output }),
      z.strictObject({
        status: z.literal("failed"),
        error: z
          .string({ error: "send a sentence on what went wrong." })
          .check(
            // The tail of a log may hold anything, and the job that sends it must not be told to come back.
            z.overwrite((text) => text.toWellFormed().replaceAll("\0", "\ufffd")),
            z.refine((text) => utf8Bytes(JSON.stringify(text)) <= ERROR_MAX_BYTES, {
              error: (issue) =>
                `has ${utf8Bytes(JSON.stringify(issue.input))} bytes; at most ${ERROR_MAX_BYTES} are taken.`,
            }),
          )
          .register(z.globalRegistry, {
            wire: { type: "string", maxLength: ERROR_MAX_BYTES - QUOTES },
            description: `What went wrong. At most ${ERROR_MAX_BYTES} bytes as a JSON string, with its quotes.`,
          }),
        output,
      }),
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

/** What a terminal may be shown, and a job not be told to mend: odd bytes are replaced, not refused. */
const plainText = z
  .string({ error: "send a string." })
  .check(z.overwrite((text) => text.toWellFormed().replaceAll(/\p{Cc}/gu, " ")))
  .register(z.globalRegistry, { wire: { type: "string" } });

const externalUrl = z
  .pipe(
    z.string({ error: "send the URL of the job's page." }).check(
      z.maxLength(URL_MAX_CHARACTERS, {
        error: `is too long; at most ${URL_MAX_CHARACTERS} characters are taken.`,
      }),
    ),
    z.transform((text: string, context) => {
      const url = URL.parse(text);
      if (url !== null && /^https?:$/.test(url.protocol)) return url.href;
      context.issues.push({ code: "custom", message: "send an http or https URL.", input: text });
      return z.NEVER;
    }),
  )
  .register(z.globalRegistry, {
    // No `format: uri`: what browsers take for a URL is more than that.
    wire: { type: "string", pattern: HTTP_URL, maxLength: URL_MAX_CHARACTERS },
    description: "The page of the job that does the work: an `http` or `https` URL.",
  });

export const heartbeat = z
  .strictObject({
    message: z.optional(
      plainText
        .check(
          z.refine((text) => utf8Bytes(text) <= HEARTBEAT_MESSAGE_MAX_BYTES, {
            error: (issue) =>
              `has ${utf8Bytes(String(issue.input))} bytes; at most ${HEARTBEAT_MESSAGE_MAX_BYTES} are taken.`,
          }),
        )
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
  .register(z.globalRegistry, {
    id: "Heartbeat",
    examples: [{ message: "running the tests", progress: 0.4 }],
  });

const oneOrMore = <T extends z.ZodMiniType>(one: T) => {
  const listed = z.transform((value: z.output<T>) => [value]);
  return z.union([z.pipe(one, listed), z.array(one)], { error: `send any of ${STATUSES.join(", ")}.` });
};

const UUID = { type: "string", format: "uuid" };
const INSTANT = { type: "string", format: "date-time" };

/** What the document says of a parameter, with an example. */
function shown<T extends z.ZodMiniType>(schema: T, wire: object, example: string): T {
  const parameter = schema.clone();
  z.globalRegistry.add(parameter, { wire: { ...wire, examples: [example] } });
  return parameter;
}

export const runListQuery = z.strictObject({
  ...pageQuery,
  status: z.optional(
    oneOrMore(z.enum(STATUSES)).register(z.globalRegistry, {
      wire: {
        type: "array",
        items: { type: "string", enum: [...STATUSES] },
        examples: [["failed", "cancelled"]],
      },
    }),
  ),
  actionName: z.optional(shown(filterableName, NAME_ON_WIRE, "deploy")),
  entityId: z.optional(shown(uuid, UUID, "01890a5d-ac96-774b-bcce-b302099a8057")),
  triggeredBy: z.optional(shown(filterableName, NAME_ON_WIRE, "ci")),
  createdAfter: z.optional(shown(instant, INSTANT, "2026-01-31T12:00:00Z")),
  createdBefore: z.optional(shown(instant, INSTANT, "2026-02-01T00:00:00+01:00")),
});

export type RunListQuery = z.infer<typeof runListQuery>;

const WAIT = {
  error: (issue: { readonly input?: unknown }) =>
    `${sent(issue)}; send whole seconds from 1 to ${WAIT_MAX_SECONDS}.`,
};

export const runQuery = z.strictObject({
  wait: z.optional(
    z
      .pipe(z.string({ error: "send it once." }).check(z.regex(/^[0-9]{1,2}$/, WAIT)), z.transform(Number))
      .check(z.refine((wait) => wait >= 1 && wait <= WAIT_MAX_SECONDS, WAIT))
      .register(z.globalRegistry, {
        wire: { type: "integer", minimum: 1, maximum: WAIT_MAX_SECONDS, examples: [30] },
      }),
  ),
});

export const eventsQuery = z.strictObject(seqPageQuery);
