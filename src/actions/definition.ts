/** zod: an action with its gates. Null in a PUT keeps the stored secret, and a GET shows only null. PURE. */
import * as z from "zod/mini";
import { trustSchema } from "../auth/identity/trust.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { checkSchema } from "../base/json-schema/check-schema.ts";
import {
  AGENT_DESCRIPTION_MAX_CHARACTERS,
  APPROVALS_MAX,
  APPROVER_TOKENS_MAX,
  CONCURRENCY_GROUP,
  CONCURRENCY_KEY_MAX_CHARACTERS,
  CONCURRENCY_LIMIT_MAX,
  FACE_TEMPLATE_MAX_CHARACTERS,
  RETRIED_ENDS,
  RETRIES_MAX,
  RETRY_DELAY_MAX_SECONDS,
  SCHEMA_MAX_BYTES,
  SCHEMA_MAX_SUBSCHEMAS,
  SUBJECT_MAX_CHARACTERS,
  TITLE_MAX_CHARACTERS,
  WAIT_TIMEOUT_DEFAULT_MINUTES,
} from "../base/limits.ts";
import {
  described,
  filterableName,
  flag,
  inDocument,
  labels,
  listOf,
  minutes,
  objectOf,
  textLike,
  textUpTo,
  uuid,
  visibleLine,
  wholeNumber,
  wireOf,
} from "../http/schemas.ts";
import { IN_CONDITION, IN_FACE, IN_KEY } from "../webhooks/placeholder.ts";
import { BUT_SHOWN, refusing, secretTexts, signingSecret, withNulls } from "../webhooks/request-schemas.ts";
import { checkTemplate, pathsOf } from "../webhooks/template.ts";
import { trigger } from "../webhooks/trigger.ts";
import { inbound } from "./inbound.ts";

const group = described(
  textLike(
    `^${CONCURRENCY_GROUP}$`,
    "is not a valid name; send a letter or digit, then at most 62 letters, digits, ., _ and -.",
  ),
  DESCRIBE && "The group's name, without placeholders. All actions of the environment share its slots.",
);

const key = textUpTo(
  CONCURRENCY_KEY_MAX_CHARACTERS,
  "send a string.",
  z.minLength(1, { error: "is empty; leave it out." }),
  refusing((template) => checkTemplate(template, IN_KEY)),
);
inDocument(key, {
  wire: { type: "string", minLength: 1, maxLength: CONCURRENCY_KEY_MAX_CHARACTERS },
  description:
    "Runs share slots only with runs of the same group and key. The key may contain placeholders of `parameters` and " +
    `\`entity.id\`: \`{{ parameters.service }}\`. With its values, it has at most ${CONCURRENCY_KEY_MAX_CHARACTERS} ` +
    "characters. A run that lacks a value is refused. Without a key, all runs of the group share its slots.",
});

export const concurrency = objectOf(
  {
    group,
    key: z.optional(key),
    limit: z._default(wholeNumber("a whole number", 1, CONCURRENCY_LIMIT_MAX), 1),
    onConflict: z._default(
      z.enum(["queue", "cancel_running", "reject"], { error: 'send "queue", "cancel_running" or "reject".' }),
      "queue",
    ),
  },
  DESCRIBE && {
    id: "ConcurrencyGate",
    description: "Limits how many runs are under way at a time. Requires a `trigger`.",
    members: {
      limit: "How many runs of the group and key may be released and open at a time.",
      onConflict:
        "What happens when a run needs a slot and there is none. `queue`: it waits its turn. `cancel_running`: the " +
        "runs of this action that hold a slot are cancelled, and those that wait for one end as replaced. `reject`: " +
        "the run is refused.",
    },
    examples: [{ group: "deploy", key: "{{ parameters.service }}" }],
  },
);

const approvers = z.pipe(
  listOf(
    APPROVER_TOKENS_MAX,
    "tokens",
    uuid,
    "send an array of token ids.",
    z.minLength(1, { error: "is empty; name a token, or leave it out." }),
  ),
  z.transform((ids): string[] => [...new Set(ids)]),
);
inDocument(approvers, {
  wire: { type: "array", items: wireOf(uuid), minItems: 1, maxItems: APPROVER_TOKENS_MAX },
  description:
    "The ids of the API tokens of this project that alone may approve or reject a run. Each of them still needs " +
    "`mayApprove`. A token below a named one is not named. A set: repeats count once. " +
    "`required` must not be more than their number.",
});

export const approval = objectOf(
  {
    required: z._default(wholeNumber("a whole number", 1, APPROVALS_MAX), 1),
    allowSelf: flag(DESCRIBE && "Whether the creator of a run may approve it."),
    tokens: z.optional(approvers),
  },
  DESCRIBE && {
    id: "ApprovalGate",
    description: "Holds back a run until somebody has approved it. Requires a `trigger`.",
    members: { required: "How many different approvers a run needs." },
    examples: [{ required: 2 }],
  },
  z.refine(({ required, tokens }) => tokens === undefined || required <= tokens.length, {
    path: ["required"],
    error: "is more than the number of tokens; name more tokens, or require fewer approvals.",
  }),
);

const seconds = wholeNumber("whole seconds", 1, RETRY_DELAY_MAX_SECONDS);
const delays = listOf(RETRIES_MAX, "delays", seconds, "send an array of whole seconds.");
const WANTED = `send whole seconds from 1 to ${RETRY_DELAY_MAX_SECONDS}, or an array of them.`;

const delaySeconds = z
  .custom<number | readonly number[]>((value) => value !== undefined, { error: WANTED })
  .check(
    refusing((value) => {
      if (Array.isArray(value)) return delays.safeParse(value).error?.issues ?? [];
      return seconds.safeParse(value).success ? null : WANTED;
    }),
  );
const WHOLE_SECONDS = { type: "integer", minimum: 1, maximum: RETRY_DELAY_MAX_SECONDS };
inDocument(delaySeconds, {
  wire: { oneOf: [WHOLE_SECONDS, { type: "array", items: WHOLE_SECONDS, minItems: 1, maxItems: RETRIES_MAX }] },
  description:
    "Seconds between an end and the earliest start of its retry: one number for all, or an array with one for each retry.",
});

const retriedEnds = listOf(
  RETRIED_ENDS.length,
  "ends",
  z.enum(RETRIED_ENDS, { error: `send any of ${RETRIED_ENDS.join(", ")}.` }),
  `send an array of ${RETRIED_ENDS.join(", ")}.`,
  z.minLength(1, { error: `is empty; send any of ${RETRIED_ENDS.join(", ")}.` }),
);

export const retry = objectOf(
  {
    attempts: wholeNumber("a whole number", 1, RETRIES_MAX),
    delaySeconds,
    on: z._default(retriedEnds, ["failed", "delivery"]),
  },
  DESCRIBE && {
    id: "AutomaticRetry",
    description:
      "Retries a run that failed by itself. Each retry is a run of its own that waits at its time gate. It asks for approvals anew. " +
      "Requires a `trigger`.",
    members: {
      attempts: "How many retries may follow the first run.",
      on:
        "Which ends are retried. `failed`: the job reported a failure. `delivery`: no receiver took the webhook. " +
        "`timeout`: nobody reported an end in time, or the webhook was not taken although an attempt may have begun " +
        "the job. Name `timeout` only if two jobs may run at the same time, because the first one may still run. " +
        'Default: `["failed", "delivery"]`.',
    },
    examples: [{ attempts: 2, delaySeconds: 60 }],
  },
  // Another check refuses a list that is too long.
  z.refine(
    ({ attempts, delaySeconds: sent }) => !Array.isArray(sent) || sent.length > RETRIES_MAX || sent.length === attempts,
    {
      path: ["delaySeconds"],
      error: "has not one number for each retry; send one number for all, or as many as attempts.",
    },
  ),
);

const execution = textUpTo(
  256,
  "send a text with a placeholder, such as {{ response.workflow_run_id }}.",
  refusing((template) => checkTemplate(template, IN_CONDITION)),
  refusing((template) => (pathsOf(template).length > 0 ? null : "has no placeholder, so it would name no execution.")),
);

export const reporter = objectOf(
  { issuer: trustSchema.shape.issuer, claims: trustSchema.shape.claims, execution },
  DESCRIBE && {
    id: "Reporter",
    description:
      "Lets the job report with a proof of GitHub or GitLab instead of a callback token. The receiver's response says which " +
      "execution it is. Requires a `trigger`.",
    members: {
      execution:
        "Names the execution that may report, made from the receiver's response to the trigger: `{{ response.workflow_run_id }}`. " +
        "It is compared with the claim `run_id` of GitHub, or `pipeline_id` of GitLab.",
    },
    examples: [
      {
        issuer: "https://token.actions.githubusercontent.com",
        claims: { repository_id: "123" },
        execution: "{{ response.workflow_run_id }}",
      },
    ],
  },
);

export type ActionReporter = z.output<typeof reporter>;

export const agents = objectOf(
  { description: z.optional(visibleLine(AGENT_DESCRIPTION_MAX_CHARACTERS)) },
  DESCRIBE && {
    id: "AgentTool",
    description: "Offers the action to agents as a tool of the Model Context Protocol. Requires a `trigger`.",
    members: {
      description:
        "What the tool does, for the model that chooses it. Default: the description of the action. Well-formed Unicode " +
        "without invisible characters.",
    },
    examples: [{ description: "Deploys a version of the shop to production." }],
  },
);

const WRITE_ONLY =
  "A value is a secret: responses show null in its place. Null keeps the stored value while `trigger.url` and `trigger.cancel.url` have one scheme, host and port, and these do not change.";

const members = trigger.def.out.shape;
const headers = z._default(withNulls(members.headers.def.innerType, WRITE_ONLY + BUT_SHOWN), {});
const cancel = members.cancel.def.innerType;

export const cancelRequest = objectOf(
  { ...cancel.shape, headers: z._default(withNulls(cancel.shape.headers.def.innerType, WRITE_ONLY + BUT_SHOWN), {}) },
  DESCRIBE && { ...z.globalRegistry.get(cancel), id: "StoredCancelRequest" },
);

export const storedTrigger = objectOf(
  {
    ...members,
    headers,
    signingSecret: z.optional(z.nullable(signingSecret)),
    secrets: z.optional(withNulls(secretTexts, WRITE_ONLY)),
    cancel: z.optional(cancelRequest),
  },
  DESCRIBE && {
    id: "StoredTrigger",
    description: "The trigger of every run of the action. Its URL is not a secret.",
    members: { signingSecret: `${z.globalRegistry.get(signingSecret)?.description} ${WRITE_ONLY}` },
    examples: [{ type: "webhook", url: "https://ci.example.com/hooks/{{ parameters.version }}" }],
  },
);

export type StoredTrigger = z.output<typeof storedTrigger>;

const face = visibleLine(FACE_TEMPLATE_MAX_CHARACTERS).check(refusing((template) => checkTemplate(template, IN_FACE)));
const PLACEHOLDERS =
  "It may contain placeholders of `parameters`, `entity.id` and `labels`: `{{ parameters.service }}`, and `{{ labels.team }}` " +
  "for the rest of a label that begins with `team:`. A missing value is left out, and invisible characters of a value are " +
  "escaped. Well-formed Unicode without invisible characters.";

const parametersSchema = z.custom<JsonObject>(isJsonObject, { error: "send a JSON object." }).check(
  z.superRefine((schema, context) => {
    const checked = checkSchema(schema);
    if (checked.ok) return;
    const { pointer, sentence } = checked.error;
    context.addIssue({ code: "custom", message: sentence, params: { pointer } });
  }),
);
inDocument(parametersSchema, {
  wire: { type: "object", additionalProperties: true },
  description: `JSON Schema 2020-12 for the parameters of a run. At most ${SCHEMA_MAX_BYTES} bytes and ${SCHEMA_MAX_SUBSCHEMAS} subschemas. It refers only to itself.`,
});

export const actionDefinition = objectOf(
  {
    description: z.optional(filterableName),
    title: z.optional(face),
    subject: z.optional(face),
    trigger: z.optional(storedTrigger),
    parametersSchema: z.optional(parametersSchema),
    timeout: z.optional(minutes),
    heartbeatTimeout: z.optional(minutes),
    approval: z.optional(approval),
    concurrency: z.optional(concurrency),
    waitTimeout: z.optional(minutes),
    retry: z.optional(retry),
    inbound: z.optional(inbound),
    reporter: z.optional(reporter),
    agents: z.optional(agents),
    labels,
  },
  DESCRIBE && {
    id: "ActionDefinition",
    members: {
      description: "For people to read. Well-formed Unicode without control characters.",
      title: `What a run does, in one line: the run's title. ${PLACEHOLDERS} It is cut at ${TITLE_MAX_CHARACTERS} characters.`,
      subject:
        "What a run works on, such as a service: the run's subject. Lists filter by it, and runs with one subject have one " +
        `history. ${PLACEHOLDERS} If it would be empty, or longer than ${SUBJECT_MAX_CHARACTERS} characters, the run has none.`,
      timeout: "Minutes after which the run fails if nobody has reported its end. Default: 60.",
      heartbeatTimeout: "Minutes without a heartbeat after which the run fails. Without it, silence is no failure.",
      waitTimeout:
        "Minutes that a run may wait behind its gates, counted from `notBefore` if the run has one. Then it fails. Without a " +
        `gate, it has no effect. Default: ${WAIT_TIMEOUT_DEFAULT_MINUTES}.`,
    },
    examples: [
      {
        description: "Deploys a version of the shop.",
        title: "deploy shop {{ parameters.version }}",
        trigger: { type: "webhook", url: "https://ci.example.com/hooks/deploy" },
        parametersSchema: { type: "object", required: ["version"] },
        timeout: 30,
      },
    ],
  },
);

export type ActionDefinition = z.output<typeof actionDefinition>;
