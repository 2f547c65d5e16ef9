/** Parameters in paths and headers, and headers of responses, which no schema of a route describes. */

import { CHANGE_CURSOR, CONCURRENCY_GROUP, DEFINITION_NAME, PATH_NAME } from "../base/limits.ts";
import type { ErrorCode } from "../http/errors.ts";
import { TRACEPARENT_MAX_CHARACTERS } from "../http/headers.ts";
import type { HeaderParameter } from "../http/operation.ts";

interface PathParameter {
  readonly description: string;
  readonly schema: { readonly type: "string" | "integer"; readonly [keyword: string]: unknown };
  readonly example: string | number;
  /** The error if there is no such thing. */
  readonly missing?: ErrorCode;
}

const UUID = { schema: { type: "string", format: "uuid" }, example: "01a212de-9b55-8003-a8a9-dd2c148ea617" } as const;
const NAME = { type: "string", pattern: `^${PATH_NAME}$` } as const;
const ofDefinition = (description: string, example: string, missing: ErrorCode): PathParameter => ({
  description,
  schema: { type: "string", pattern: `^${DEFINITION_NAME}$` },
  example,
  missing,
});

/** By the name and, if one name stands for several things, by the fixed segment before it. */
const IN_PATH: Readonly<Record<string, PathParameter>> = {
  "{o}": { description: "The organization.", schema: NAME, example: "acme" },
  "{p}": { description: "The project.", schema: NAME, example: "shop" },
  "{envName}": { description: "The environment.", schema: NAME, example: "production" },
  "action-runs/{id}": { description: "The run's id, in upper or lower case.", ...UUID, missing: "run_not_found" },
  "deliveries/{id}": { description: "The run's id.", ...UUID, missing: "run_not_found" },
  "bulk-operations/{id}": { description: "The bulk operation's id.", ...UUID, missing: "bulk_operation_not_found" },
  "actions/{name}": ofDefinition("The action's name.", "deploy", "action_not_found"),
  "{inboundId}": {
    description: "A part of the URL that only the service can make. `GET …/inbound` shows the URL.",
    schema: { type: "string", pattern: "^[A-Za-z0-9_-]{43}$" },
    example: "q0Vb4Yc0J1kYy0n2m3l4k5j6h7g8f9d0s1a2p3o4i5u",
  },
  "webhook-endpoints/{name}": ofDefinition("The endpoint's name.", "chat", "webhook_endpoint_not_found"),
  "schedules/{name}": ofDefinition("The schedule's name.", "nightly", "schedule_not_found"),
  "{version}": {
    description: "The version, as in the list of versions.",
    schema: { type: "integer", format: "int64", minimum: 1 },
    example: 1795612908373,
    missing: "version_not_found",
  },
  "{group}": {
    description: "The name of a concurrency group, or `-environment` for every run that has a gate.",
    schema: { type: "string", pattern: `^(-environment|${CONCURRENCY_GROUP})$` },
    example: "deploy",
    missing: "pause_not_found",
  },
  "{tokenId}": { description: "The API token's id.", ...UUID, missing: "token_not_found" },
  "{sessionId}": { description: "The session's id.", ...UUID, missing: "session_not_found" },
  "{database}": {
    description: "The number of the database.",
    schema: { type: "integer", minimum: 0, maximum: 63 },
    example: 0,
  },
};

/** The parameters in a path, and the errors of what its names name. A PUT creates what the last one names. */
export function pathParametersOf(path: string, method: string) {
  const segments = path.split("/");
  const named = segments.flatMap((segment, i) =>
    segment.startsWith("{") ? [[segment, `${segments[i - 1]}/${segment}`]] : [],
  );
  const described = named.map(([segment = "", inFolder = ""]) => {
    const parameter = IN_PATH[inFolder] ?? IN_PATH[segment];
    if (parameter === undefined) throw new Error(`IN_PATH lacks ${inFolder}`);
    return { name: segment.slice(1, -1), ...parameter };
  });
  const parameters = described.map(({ missing: _, name, ...parameter }) => ({
    in: "path" as const,
    name,
    required: true,
    ...parameter,
  }));
  const missing = method === "PUT" ? undefined : described.at(-1)?.missing;
  // An environment that is being erased refuses all calls, and its project takes no audited change of it.
  const isErasable = path.includes("{envName}") || (path.includes("{p}") && method !== "GET");
  const errors: readonly ErrorCode[] = [
    "not_found",
    ...(missing === undefined ? [] : [missing]),
    ...(isErasable ? (["environment_erasing"] as const) : []),
  ];
  return { parameters, errors: parameters.length === 0 ? [] : errors };
}

const inHeader = (name: string, description: string, schema: object, example: string) => ({
  in: "header" as const,
  name,
  description,
  schema,
  example,
});

export const idempotencyKey = (example: string) =>
  inHeader(
    "Idempotency-Key",
    "Makes a retry safe: the same key with the same token returns the first result. The same key with another token counts as a different key. `webhook-id` works too.",
    { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x20-\\x7e]+$" },
    example,
  );

/** Looser than the rule, because many generators of clients have no lookahead. */
const TRACEPARENT = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?$";

const ifMatch = (description: string, example: string) =>
  inHeader(
    "If-Match",
    `The ETag of the version that you change, or \`*\` for any. ${description}If the action has another version, the response is 412. The service ignores \`W/\` before the ETag.`,
    { type: "string" },
    example,
  );

export const IN_HEADER: Readonly<Record<HeaderParameter, ReturnType<typeof inHeader>>> = {
  traceparent: inHeader(
    "traceparent",
    "Your position in a trace (W3C Trace Context). The run keeps it, and the service sends it to the receiver. Of a repeated request the first one counts. The service ignores a malformed one.",
    { type: "string", maxLength: TRACEPARENT_MAX_CHARACTERS, pattern: TRACEPARENT },
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  ),
  "Last-Event-ID": inHeader(
    "Last-Event-ID",
    "Resumes an event stream: the `seq` of the last event of this run that you received. Ignored in a request for JSON.",
    // Generators write a header as text, and do not compile with a number.
    { type: "string", pattern: "^(0|[1-9][0-9]{0,14})$" },
    "7",
  ),
  "Last-Event-ID of changes": inHeader(
    "Last-Event-ID",
    "Resumes an event stream: the id of the last event of this feed that you received. It wins over `after`. Ignored in a request for JSON.",
    { type: "string", pattern: CHANGE_CURSOR },
    "0",
  ),
  "If-Match of PUT": ifMatch('`"0"` only creates. ', '"0"'),
  "If-Match of DELETE": ifMatch("", "*"),
  "If-None-Match": inHeader(
    "If-None-Match",
    "`*` only creates: if there is one of this name, the response is 412. An ETag gives 412 if it has that version.",
    { type: "string" },
    '"1795612908373"',
  ),
  "MCP-Protocol-Version": inHeader(
    "MCP-Protocol-Version",
    "The revision of the protocol. Only `initialize` comes without it. From 2026-07-28 on, `Mcp-Method` and `Mcp-Name` are required, too.",
    { type: "string" },
    "2025-11-25",
  ),
};

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
  ActionRunsSearchedTo: text(
    "Of a list by `text` that has a next page: the list was searched up to the runs created at this time.",
    "2026-01-31T12:00:00.000Z",
  ),
  ActionRunsStale: text(
    "`true` if the response may lack the newest changes. The environment's coordinator can't be reached in time or has " +
      "too many requests, or the database is being rebuilt. Try again later. Otherwise the header is missing.",
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

const reference = (name: string) => ({ [name]: { $ref: `#/components/headers/${name.replaceAll("-", "")}` } });

/** The headers of a response. Each has X-Request-Id. */
export function headersOf(names: readonly string[]) {
  return Object.assign({}, ...["X-Request-Id", ...names].map(reference)) as ReturnType<typeof reference>;
}
