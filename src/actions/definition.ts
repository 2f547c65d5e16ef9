/**
 * zod: an action as a PUT sends it and as a GET shows it. Null in a PUT keeps the stored secret. A GET shows only null.
 * PURE.
 */

import * as z from "zod/mini";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { SCHEMA_MAX_BYTES, SCHEMA_MAX_SUBSCHEMAS } from "../base/limits.ts";
import { labels } from "../http/label-schemas.ts";
import { described, filterableName, minutes } from "../http/schema-parts.ts";
import { checkSchema } from "../json-schema/check-schema.ts";
import { BUT_SHOWN, secretTexts, signingSecret, withNulls } from "../webhooks/request/secret-texts.ts";
import { AN_OBJECT, trigger } from "../webhooks/request/trigger.ts";
import { approval, concurrency, waitTimeout } from "./gate-schemas.ts";

const WRITE_ONLY =
  "A value is a secret: responses show null in its place. Null keeps the stored value while `trigger.url` and `trigger.cancel.url` have one scheme, host and port, and these do not change.";

const members = trigger.def.out.shape;
const headers = z._default(withNulls(members.headers.def.innerType, WRITE_ONLY + BUT_SHOWN), {});
const cancel = members.cancel.def.innerType;

export const cancelRequest = z
  .strictObject(
    { ...cancel.shape, headers: z._default(withNulls(cancel.shape.headers.def.innerType, WRITE_ONLY + BUT_SHOWN), {}) },
    AN_OBJECT,
  )
  .register(z.globalRegistry, { ...z.globalRegistry.get(cancel), id: "StoredCancelRequest" });

export const storedTrigger = z
  .strictObject(
    {
      ...members,
      headers,
      signingSecret: z.optional(
        described(z.nullable(signingSecret), `${z.globalRegistry.get(signingSecret)?.description} ${WRITE_ONLY}`),
      ),
      secrets: z.optional(withNulls(secretTexts, WRITE_ONLY)),
      cancel: z.optional(cancelRequest),
    },
    AN_OBJECT,
  )
  .register(z.globalRegistry, {
    id: "StoredTrigger",
    description: "The trigger of every run of the action. Its URL is not a secret.",
    examples: [{ type: "webhook", url: "https://ci.example.com/hooks/{{ parameters.version }}" }],
  });

export type StoredTrigger = z.output<typeof storedTrigger>;

const parametersSchema = z
  .custom<JsonObject>(isJsonObject, { error: "send a JSON object." })
  .check(
    z.superRefine((schema, context) => {
      const checked = checkSchema(schema);
      if (checked.ok) return;
      const { pointer, sentence } = checked.error;
      context.addIssue({ code: "custom", message: sentence, params: { pointer } });
    }),
  )
  .register(z.globalRegistry, {
    wire: { type: "object", additionalProperties: true },
    description: `JSON Schema 2020-12 for the parameters of a run. At most ${SCHEMA_MAX_BYTES} bytes and ${SCHEMA_MAX_SUBSCHEMAS} subschemas. It refers only to itself.`,
  });

export const actionDefinition = z
  .strictObject({
    description: z.optional(
      described(filterableName, "For people to read. Well-formed Unicode without control characters."),
    ),
    trigger: z.optional(storedTrigger),
    parametersSchema: z.optional(parametersSchema),
    timeout: z.optional(
      described(minutes, "Minutes after which the run fails if nobody has reported its end. Default: 60."),
    ),
    heartbeatTimeout: z.optional(
      described(minutes, "Minutes without a heartbeat after which the run fails. Without it, silence is no failure."),
    ),
    approval: z.optional(approval),
    concurrency: z.optional(concurrency),
    waitTimeout: z.optional(waitTimeout),
    labels,
  })
  .register(z.globalRegistry, {
    id: "ActionDefinition",
    examples: [
      {
        description: "Deploys a version of the shop.",
        trigger: { type: "webhook", url: "https://ci.example.com/hooks/deploy" },
        parametersSchema: { type: "object", required: ["version"] },
        timeout: 30,
      },
    ],
  });

export type ActionDefinition = z.output<typeof actionDefinition>;
