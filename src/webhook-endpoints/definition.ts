/** zod: a webhook endpoint. Null in a PUT keeps the stored secret, and a GET shows only null. PURE. */
import * as z from "zod/mini";
import { isJsonObject } from "../base/json.ts";
import { ENDPOINT_ACTION_NAMES_MAX, ENDPOINT_MAX_BYTES, LABELS_MAX } from "../base/limits.ts";
import { joinSecrets, mapHeaders, mapTexts, type SecretRules } from "../definitions/kind.ts";
import type { Secrets } from "../definitions/sealing.ts";
import type { MemberFault } from "../http/errors.ts";
import { AN_OBJECT, described, filterableName, flag, labelSet, listOf, objectOf } from "../http/schemas.ts";
import { type EndpointFilter, EVENT_TYPES } from "../runs/endpoint-deliveries.ts";
import { IN_ENDPOINT, IN_ENDPOINT_URL } from "../webhooks/placeholder.ts";
import { isForm } from "../webhooks/render.ts";
import {
  BUT_SHOWN,
  boundedWithoutSecrets,
  headersSchema,
  payloadSchema,
  refusing,
  secretFaults,
  secretTexts,
  signingSecret,
  urlSchema,
  withNulls,
} from "../webhooks/request-schemas.ts";
import { pathsOf } from "../webhooks/template.ts";

/** What `events` can list. The last one means all of the others, those of later versions included. */
const EVENT_FILTERS = [...EVENT_TYPES, "action_run.*"] as const;

const KNOWN_EVENTS = EVENT_FILTERS.join(", ");

/** Makes a sorted set of a list. */
const asSet = z.overwrite<string[]>((texts) => [...new Set(texts)].sort());

const events = listOf(
  EVENT_FILTERS.length,
  "events",
  z.enum(EVENT_FILTERS, { error: `is unknown; send one of ${KNOWN_EVENTS}.` }),
  `send an array with at least one of ${KNOWN_EVENTS}.`,
  z.minLength(1, { error: `is empty; send at least one of ${KNOWN_EVENTS}.` }),
  asSet,
);

const actionNames = listOf(
  ENDPOINT_ACTION_NAMES_MAX,
  "names",
  filterableName,
  "send an array of strings.",
  z.minLength(1, { error: "is empty; leave it out to hear of every action." }),
  asSet,
);

const url = described(
  urlSchema(IN_ENDPOINT_URL),
  DESCRIBE &&
    "The URL to call: `https`, with a public host name, on port 443 or one that the operator allows. Placeholders may " +
      "stand in its path and query.",
);
const headers = headersSchema(IN_ENDPOINT, "message");
const secrets = described(
  secretTexts,
  DESCRIBE && `${z.globalRegistry.get(secretTexts)?.description}`.replace("URLs and `link` can't.", "The URL can't."),
);

const payload = z.optional(payloadSchema(IN_ENDPOINT));

const FILTERS = {
  events,
  actionNames: z.optional(actionNames),
  labels: z.optional(labelSet),
  includeUnstored: flag(
    DESCRIBE &&
      "If false, `actionNames` excludes runs that no stored action started, and `onlyOnChange` lets all of them pass, " +
        "because a caller can give such a run any name. If true, both treat them as other runs.",
  ),
  onlyOnChange: flag(
    DESCRIBE &&
      "If true, only runs match that ended differently from the run of the same action, entity and subject that ended before. If " +
        "the service does not know how that run ended, it sends the message. A request for approval always matches.",
  ),
  final: flag(
    DESCRIBE &&
      "If true, the end of a run that the service retries by itself matches only when no retry follows after all. " +
        "`onlyOnChange` includes this.",
  ),
  disabled: flag(DESCRIBE && "If true, the service sends nothing and drops the messages that wait."),
};

/** An endpoint with all its secrets. Checks what needs all members. */
export const endpointDefinition = z.pipe(
  boundedWithoutSecrets(ENDPOINT_MAX_BYTES, ["url", "headers", "secrets", "signingSecret"]),
  z
    .strictObject(
      {
        url,
        headers: z._default(headers, {}),
        secrets: z.optional(secrets),
        payload,
        signingSecret: z.optional(z.nullable(signingSecret)),
        ...FILTERS,
      },
      AN_OBJECT,
    )
    .check(refusing(wholeFaults)),
);

export type EndpointDefinition = z.output<typeof endpointDefinition>;

const WRITE_ONLY =
  "A value is a secret: responses show null in its place. Null keeps the stored value while `url` is null, too.";

/** An endpoint in which null stands for a stored secret. Join it with its secrets and check `endpointDefinition`. */
export const storedEndpoint = objectOf(
  {
    url: z.nullable(url),
    headers: z._default(withNulls(headers, WRITE_ONLY + BUT_SHOWN), {}),
    secrets: z.optional(withNulls(secrets, WRITE_ONLY)),
    payload,
    signingSecret: z.optional(z.nullable(signingSecret)),
    ...FILTERS,
  },
  DESCRIBE && {
    id: "WebhookEndpoint",
    description:
      "Where the service sends a message when a run ends or asks for approval. At most " +
      `${ENDPOINT_MAX_BYTES} bytes of JSON, not counting \`url\`, \`signingSecret\` and the values of \`headers\` and ` +
      "`secrets`.",
    members: {
      url:
        `${z.globalRegistry.get(url)?.description} The whole URL is a secret: responses show null in its place. Null keeps ` +
        "the stored URL. If you send a URL, send the values of `headers` and `secrets` again.",
      payload:
        "The body of the message: any JSON, whose strings may contain placeholders such as `{{ event.summary }}`. " +
        "Placeholders reach what a trigger's reach, without its callback and `run.timeoutSeconds`, and `run.status`, `run.error`, " +
        "`run.output.NAME`, `run.startedAt`, `run.completedAt`, `run.url`, `run.consoleUrl`, `event.type`, " +
        "`event.previousStatus`, `event.summary` and `event.retry.attempt`. Without a payload, the body is " +
        '`{ "type", "timestamp", "data": { "run", "previousStatus", "url", "consoleUrl", "retry" } }`. If `headers` has ' +
        "`Content-Type: application/x-www-form-urlencoded`, send a flat object, and the body is a form.",
      signingSecret:
        `${z.globalRegistry.get(signingSecret)?.description} If it is missing or null, the stored secret stays. A new ` +
        "endpoint then gets one, which only the response to its first PUT shows.",
      events:
        "The events that the endpoint hears of. `action_run.*` means all of them, those of later versions of the " +
        "service included. A set: repeats count once.",
      actionNames:
        `Only runs of these actions match, at most ${ENDPOINT_ACTION_NAMES_MAX}. Without \`includeUnstored\`, only runs of ` +
        "stored actions match. Well-formed Unicode without control characters. A set: repeats count once.",
      labels: `Only runs that have all of these labels match, at most ${LABELS_MAX}. Well-formed Unicode without control characters. A set: repeats count once.`,
    },
    examples: [
      {
        url: "https://hooks.example.com/runs",
        events: ["action_run.failed"],
        actionNames: ["deploy"],
        onlyOnChange: true,
      },
    ],
  },
);

export type StoredEndpoint = z.output<typeof storedEndpoint>;

/** Members that were refused come here as well, so nothing is known of them. */
function wholeFaults({ headers, payload, secrets = {} }: Readonly<Record<string, unknown>>): readonly MemberFault[] {
  return [...secretFaults({ headers, payload }, secrets), ...formFaults(headers, payload)];
}

/** A form that no run could fill. The rest is known only when a delivery is rendered. */
function formFaults(headers: unknown, payload: unknown): readonly MemberFault[] {
  if (!isJsonObject(headers) || isJsonObject(payload) || typeof payload === "string") return [];
  const wantsForm = Object.entries(headers).some(
    ([name, value]) => name.toLowerCase() === "content-type" && isForm(String(value)),
  );
  const message = "is no form, but headers has Content-Type: application/x-www-form-urlencoded; send a flat object.";
  return wantsForm ? [{ path: ["payload"], message }] : [];
}

/** A webhook endpoint as an attempt needs it: with all its secrets. It never leaves the Worker. */
export interface WholeEndpoint {
  readonly name: string;
  readonly version: number;
  /** The version at which the endpoint was created. With the name it tells the endpoint from a later one. */
  readonly createdVersion: number;
  /** With `url`, headers and secrets filled in. */
  readonly definition: EndpointDefinition;
  /** All secrets that sign now, the newest first: `whsec_…`. */
  readonly signingSecrets: readonly string[];
  /** The origin of the request that stored this version. It counts only without PUBLIC_URL, on loopback. */
  readonly origin: string;
  /** Why the service has disabled this version; null if it has not. */
  readonly disabledReason: string | null;
}

/**
 * Which texts of a webhook endpoint are secrets, and when null keeps a stored one. The URL is a secret as a whole, because the URLs of chats open them. The threat is somebody who may manage endpoints,
 * does not know a secret, and redirects it to their own receiver. On the host of a chat, another path is another
 * customer. So null keeps headers and secrets only while the URL is kept. The signing secret is never sent.
 */
export const endpointSecrets: SecretRules<StoredEndpoint> = {
  map: ({ url, headers, secrets, signingSecret = null, ...others }, visit) => ({
    url: visit(["url"], url),
    headers: mapHeaders(headers, ["headers"], visit),
    ...(secrets !== undefined && { secrets: mapTexts(secrets, ["secrets"], visit) }),
    ...others,
    signingSecret: visit(["signingSecret"], signingSecret),
  }),
  keeps:
    (_before, sent) =>
    ([member]) =>
      member === "signingSecret" || sent.url === null,
  moved: "the stored value is kept only if url is null, too. Send the value again, or send null for url.",
};

/** What decides which runs an endpoint hears of, stored beside its definition: JSON of an EndpointFilter. */
export function filterOf(definition: StoredEndpoint, secrets: Secrets): string {
  const { events, includeUnstored, onlyOnChange, final, disabled, actionNames = null, labels = [] } = definition;
  const shown = { showsPrevious: showsPrevious(definition, secrets) };
  const filter = { events, includeUnstored, onlyOnChange, final, disabled, actionNames, labels, ...shown };
  return JSON.stringify(filter satisfies EndpointFilter);
}

/** The default body shows it. */
function showsPrevious(definition: StoredEndpoint, secrets: Secrets): boolean {
  if (definition.payload === undefined) return true;
  const { url, headers, payload } = joinSecrets(endpointSecrets, definition, secrets) ?? definition;
  return pathsOf([url, headers, payload]).some(
    ([root, member = "previousStatus"]) => root === "event" && member === "previousStatus",
  );
}
