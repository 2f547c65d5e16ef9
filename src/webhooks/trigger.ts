/** zod: a trigger as a create sends it. PURE. */
import * as z from "zod/mini";
import {
  ATTEMPTS_MAX,
  RESPONSE_VALUES_MAX,
  RETRY_DELAY_DEFAULT_MS,
  RETRY_DELAY_MAX_MS,
  RETRY_DELAY_MIN_MS,
  TRIGGER_MAX_BYTES,
} from "../base/limits.ts";
import type { MemberFault } from "../http/errors.ts";
import { inDocument, objectOf, wholeNumber } from "../http/schemas.ts";
import { IN_REQUEST, IN_STOP_REQUEST, IN_STOP_URL, IN_URL } from "./placeholder.ts";
import {
  boundedWithoutSecrets,
  headersSchema,
  link,
  payloadSchema,
  refusing,
  secretFaults,
  secretTexts,
  signingSecret,
  urlSchema,
} from "./request-schemas.ts";
import { accepted } from "./response.ts";
import { pathsOf } from "./template.ts";

const retry = objectOf(
  {
    maxAttempts: z.optional(wholeNumber("a whole number", 1, ATTEMPTS_MAX)),
    initialDelayMs: z.optional(wholeNumber("whole milliseconds", RETRY_DELAY_MIN_MS, RETRY_DELAY_MAX_MS)),
  },
  DESCRIBE && {
    members: {
      maxAttempts:
        "How often the webhook is sent at most. Without it, the webhook is retried for half of the run's `timeout`, " +
        "at most an hour. Either way, the third failed attempt that may have begun the job is the last.",
      initialDelayMs:
        "The longest wait before the first retry, in milliseconds. It doubles with each retry, up to a minute, or up to " +
        `an hour with \`maxAttempts\`. Each wait is at least half as long. Default: ${RETRY_DELAY_DEFAULT_MS}.`,
    },
  },
);

const cancel = objectOf(
  {
    url: urlSchema(IN_STOP_URL),
    method: z._default(
      z.enum(["POST", "PUT", "PATCH", "DELETE"], { error: "send POST, PUT, PATCH or DELETE." }),
      "POST",
    ),
    headers: z._default(headersSchema(IN_STOP_REQUEST, "stop request, which has none of the trigger's"), {}),
    payload: z.optional(payloadSchema(IN_STOP_REQUEST)),
  },
  DESCRIBE && {
    id: "CancelRequest",
    description:
      "The request that stops the job. The service sends it when a run is cancelled whose webhook was sent, " +
      "with the trigger's retries and its signature. Its `webhook-id` and `Idempotency-Key` are the run's " +
      "id and `-cancel`. The responses 404, 409 and 410 count as done.",
    members: {
      url:
        "The URL that stops the job: `https`, with a public host name, on port 443 or one that the operator " +
        "allows. Placeholders may stand in its path and query, values of the receiver's response included: " +
        "`{{ response.id }}`.",
      method: "The method of the stop request.",
      payload:
        "The body of the stop request: any JSON, whose strings may contain placeholders such as `{{ response.id }}`. Without it, the body is `{}`.",
    },
    examples: [{ url: "https://ci.example.com/jobs/{{ response.id }}/stop" }],
  },
);

/** A webhook that starts the workflow. Without a `payload`, the template context is sent, without its secrets. */
export const trigger = z.pipe(
  boundedWithoutSecrets(TRIGGER_MAX_BYTES, ["headers", "secrets", "signingSecret"]),
  objectOf(
    {
      type: z.literal("webhook", { error: 'send "webhook".' }),
      url: urlSchema(IN_URL),
      method: z._default(z.enum(["POST", "PUT", "PATCH"], { error: "send POST, PUT or PATCH." }), "POST"),
      headers: z._default(headersSchema(IN_REQUEST, "webhook"), {}),
      payload: z.optional(payloadSchema(IN_REQUEST)),
      secrets: z.optional(secretTexts),
      signingSecret: z.optional(signingSecret),
      retry: z.optional(retry),
      accepted: z.optional(accepted),
      startOn: z._default(z.enum(["accepted", "heartbeat"], { error: 'send "accepted" or "heartbeat".' }), "accepted"),
      link: z.optional(link),
      cancel: z.optional(cancel),
    },
    DESCRIBE && {
      members: {
        url:
          "The URL to call: `https`, with a public host name, on port 443 or one that the operator allows. " +
          "Placeholders may stand in its path and query. In development, `ALLOW_INSECURE_WEBHOOKS` opens `http` " +
          "and loopback hosts.",
        method: "The method of the webhook.",
        payload:
          "The body of the webhook: any JSON, whose strings may contain placeholders such as " +
          "`{{ run.callbackUrl }}`. `{{ json parameters }}` is the JSON text of a value, for JSON inside a text. " +
          "Without a payload, the body is everything that placeholders can reach, except secrets. " +
          "If `headers` has `Content-Type: application/x-www-form-urlencoded`, send a flat object, and the " +
          "body is a form. Libraries that verify a signature can refuse a form: see `signingSecret`.",
        startOn: "What starts the run: a 2xx response to the webhook, or only the first heartbeat.",
      },
    },
    refusing(wholeFaults),
  ),
);
inDocument(trigger, {
  id: "Trigger",
  description: `A webhook that starts the workflow. At most ${TRIGGER_MAX_BYTES} bytes of JSON, not counting the values of headers, \`secrets\` and \`signingSecret\`.`,
  examples: [{ type: "webhook", url: "https://ci.example.com/hooks/{{ parameters.version }}", startOn: "heartbeat" }],
});

export type Trigger = z.output<typeof trigger>;

/** The trigger as its fingerprint has it: without a `retry` that says only what is the default. */
export function withoutDefaultRetry({ retry = {}, ...trigger }: Trigger): unknown {
  const { maxAttempts, initialDelayMs } = retry;
  const isDefault = initialDelayMs === RETRY_DELAY_DEFAULT_MS;
  const left = { maxAttempts, ...(!isDefault && { initialDelayMs }) };
  return Object.values(left).some((value) => value !== undefined) ? { ...trigger, retry: left } : trigger;
}

/** Members that were refused come here as well, so nothing is known of them. */
interface Templates {
  readonly headers: unknown;
  readonly payload?: unknown;
  readonly secrets?: unknown;
  readonly link?: unknown;
  readonly cancel?: { readonly headers: unknown; readonly payload?: unknown } | undefined;
}

function wholeFaults({ headers, payload, secrets = {}, link, cancel }: Templates): readonly MemberFault[] {
  const templates = { headers, payload, "cancel.headers": cancel?.headers, "cancel.payload": cancel?.payload };
  const values = [link, cancel].flatMap(pathsOf).filter(([root]) => root === "response");
  const message = `link and cancel use more than ${RESPONSE_VALUES_MAX} values of the response; use fewer.`;
  return [...secretFaults(templates, secrets), ...(values.length > RESPONSE_VALUES_MAX ? [{ path: [], message }] : [])];
}
