/** Path parameters and headers of the OpenAPI document, which no schema of a route describes. */

import { CHANGE_CURSOR, CONCURRENCY_GROUP, DEFINITION_NAME, PATH_NAME } from "../base/limits.ts";
import { TRACEPARENT_MAX_CHARACTERS } from "../http/headers.ts";

const name = (name: string, description: string, example: string) => ({
  in: "path" as const,
  name,
  required: true,
  description,
  schema: { type: "string" as const, pattern: `^${PATH_NAME}$` },
  example,
});

export const IN_PROJECT = [name("o", "The organization.", "acme"), name("p", "The project.", "shop")];
export const IN_ENVIRONMENT = [...IN_PROJECT, name("envName", "The environment.", "production")];

const idOf = (name: string, description: string) => ({
  in: "path" as const,
  name,
  required: true,
  description,
  schema: { type: "string" as const, format: "uuid" },
  example: "01a212de-9b55-8003-a8a9-dd2c148ea617",
});

export const OF_RUN = [...IN_ENVIRONMENT, idOf("id", "The run's id, in upper or lower case.")];
const definitionName = (description: string, example: string) => ({
  in: "path" as const,
  name: "name",
  required: true,
  description,
  schema: { type: "string" as const, pattern: `^${DEFINITION_NAME}$` },
  example,
});
const VERSION = {
  in: "path" as const,
  name: "version",
  required: true,
  description: "The version, as in the list of versions.",
  schema: { type: "integer" as const, format: "int64" as const, minimum: 1 },
  example: 1795612908373,
};
export const OF_ACTION = [...IN_ENVIRONMENT, definitionName("The action's name.", "deploy")];
export const OF_VERSION = [...OF_ACTION, VERSION];
export const OF_ENDPOINT = [...IN_ENVIRONMENT, definitionName("The endpoint's name.", "chat")];
export const OF_DELIVERY = [...OF_ENDPOINT, idOf("id", "The run's id.")];
export const OF_ENDPOINT_VERSION = [...OF_ENDPOINT, VERSION];
export const OF_TOKEN = [...IN_PROJECT, idOf("tokenId", "The API token's id.")];

export const OF_DATABASE = [
  {
    in: "path" as const,
    name: "database",
    required: true,
    description: "The number of the database.",
    schema: { type: "integer" as const, minimum: 0, maximum: 63 },
    example: 0,
  },
];

export const OF_PAUSE = [
  ...IN_ENVIRONMENT,
  {
    in: "path" as const,
    name: "group",
    required: true,
    description: "The name of a concurrency group, or `-environment` for every run that has a gate.",
    schema: { type: "string" as const, pattern: `^(-environment|${CONCURRENCY_GROUP})$` },
    example: "deploy",
  },
];
export const OF_BULK_OPERATION = [...IN_ENVIRONMENT, idOf("id", "The bulk operation's id.")];
export const OF_SESSION = [...IN_PROJECT, idOf("sessionId", "The session's id.")];

const inHeader = (name: string, description: string, schema: object, example: string) => ({
  in: "header" as const,
  name,
  description,
  schema,
  example,
});

/** Each operation has its own example, because an environment takes a key once. */
export const idempotencyKey = (example: string) =>
  inHeader(
    "Idempotency-Key",
    "Makes a retry safe: the same key with the same token returns the first result. The same key with another token counts as a different key. `webhook-id` works too.",
    { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x20-\\x7e]+$" },
    example,
  );
/** Looser than the rule, because many generators of clients have no lookahead. */
const TRACEPARENT = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?$";
export const TRACEPARENT_OF_CREATE = inHeader(
  "traceparent",
  "Your position in a trace (W3C Trace Context). The run keeps it, and the service sends it to the receiver. Of a repeated request the first one counts. The service ignores a malformed one.",
  { type: "string", maxLength: TRACEPARENT_MAX_CHARACTERS, pattern: TRACEPARENT },
  "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
);
export const LAST_EVENT_ID = inHeader(
  "Last-Event-ID",
  "Resumes an event stream: the `seq` of the last event of this run that you received. Ignored in a request for JSON.",
  // Generators write a header as text, and do not compile with a number.
  { type: "string", pattern: "^(0|[1-9][0-9]{0,14})$" },
  "7",
);

export const LAST_EVENT_ID_OF_CHANGES = inHeader(
  "Last-Event-ID",
  "Resumes an event stream: the id of the last event of this feed that you received. It wins over `after`. Ignored in a request for JSON.",
  { type: "string", pattern: CHANGE_CURSOR },
  "0",
);

const ifMatch = (description: string, example: string) =>
  inHeader(
    "If-Match",
    `The ETag of the version that you change, or \`*\` for any. ${description}If the action has another version, the response is 412. The service ignores \`W/\` before the ETag.`,
    { type: "string" },
    example,
  );

export const IF_MATCH_OF_PUT = ifMatch('`"0"` only creates. ', '"0"');
export const IF_MATCH_OF_DELETE = ifMatch("", "*");
export const IF_NONE_MATCH = inHeader(
  "If-None-Match",
  "`*` only creates: if there is one of this name, the response is 412. An ETag gives 412 if it has that version.",
  { type: "string" },
  '"1795612908373"',
);

const text = (description: string, example: string) => ({ description, schema: { type: "string" as const }, example });

/** `components.headers`, by their names without hyphens. */
export const HEADERS = {
  XRequestId: text(
    "Identifies the request in the log. If you send one, the service uses yours.",
    "85b9e7cc-7f34-4ad9-9483-ef366615561e",
  ),
  Link: text(
    'The next page: `<…>; rel="next"`. The last page has no `Link`.',
    '<https://runs.example.com/…>; rel="next"',
  ),
  Location: text(
    "The URL of what was created.",
    "https://runs.example.com/acme/shop/envs/production/action-runs/01a2…",
  ),
  RetryAfter: {
    description: "How many seconds to wait before you retry.",
    schema: { type: "integer" as const, minimum: 0 },
    example: 5,
  },
  ActionRunsStale: text(
    "`true` if the response may lack the newest changes. The environment's coordinator can't be reached in time or has too many requests, or the database is being rebuilt. Try again later. Otherwise the header is missing.",
    "true",
  ),
  IdempotentReplayed: text("`true` if this is the result of an earlier request with the same key.", "true"),
  XAccelBuffering: text("`no`: a proxy such as nginx must not hold back the events of a stream.", "no"),
  WWWAuthenticate: text("`Bearer`.", "Bearer"),
  ContentSecurityPolicy: text("What the page may load. It loads nothing from other hosts.", "default-src 'none'; …"),
  CrossOriginOpenerPolicy: text("`same-origin`.", "same-origin"),
  ReferrerPolicy: text("`no-referrer`.", "no-referrer"),
  ETag: text("Identifies this version.", '"3f2a"'),
  SetCookie: text(
    "The session's cookie. Scripts can't read it.",
    "__Host-action-runs-session=…; Max-Age=43200; Path=/; HttpOnly; Secure; SameSite=Strict",
  ),
  Allow: text("The methods that this endpoint accepts.", "GET, HEAD, POST"),
};
