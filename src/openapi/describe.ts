/** The old way to describe an operation: what the tables of operations are made of that are still here. */

import type { DescribeRouteOptions } from "hono-openapi";
import type * as z from "zod";
import { ERRORS, type ErrorCode } from "../http/errors.ts";
import { headersOf, IN_HEADER, pathParametersOf } from "./parameters.ts";
import { errorMedia, resolved } from "./schemas.ts";

export { responseInstant, version } from "../http/response-schemas.ts";
export { headersOf };

export type Operation = DescribeRouteOptions & {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
};
type Responses = NonNullable<DescribeRouteOptions["responses"]>;

/** A success with its JSON and its headers. Every response also has X-Request-Id. */
export function responds(
  status: number,
  description: string,
  schema: z.core.$ZodType,
  headers: readonly string[] = [],
): Responses {
  return {
    [status]: {
      description,
      headers: headersOf(headers),
      content: { "application/json": { schema: resolved(schema, "response") } },
    },
  };
}

/** The error responses of a route, with an example for each code. */
export function refuses(...codes: readonly ErrorCode[]): Responses {
  const byStatus = Map.groupBy([...codes, ...ANYWHERE], (code) => ERRORS[code][0]);
  const responses: Responses = {};
  for (const [status, those] of byStatus) {
    responses[status] = {
      description: those.join(", "),
      headers: headersOf(HEADERS_WITH[status] ?? []),
      content: { "application/json": errorMedia(those) },
    };
  }
  return responses;
}

/** The errors of every endpoint. */
const ANYWHERE: readonly ErrorCode[] = ["method_not_allowed", "internal_error", "loop_detected"];
const HEADERS_WITH: Readonly<Record<number, readonly string[]>> = {
  401: ["WWW-Authenticate"],
  405: ["Allow"],
  429: ["Retry-After"],
  503: ["Retry-After"],
};

export const READS: readonly ErrorCode[] = ["database_unavailable", "coordinator_unavailable"];
/** The same of a request that may read the rows of runs. */
export const READS_RUNS: readonly ErrorCode[] = [...READS, "database_not_bound"];
export const BODY: readonly ErrorCode[] = ["invalid_body", "body_too_large", "unsupported_media_type"];
/** The errors of an API token. */
export const TOKEN: readonly ErrorCode[] = [
  "unauthorized",
  "token_invalid",
  "token_expired",
  "session_ended",
  "too_many_requests",
];
/** The errors of a session. */
export const SESSION: readonly ErrorCode[] = ["unauthorized", "session_ended", "too_many_requests"];
/** The errors of a run that has ended. */
export const ENDED: readonly ErrorCode[] = [
  "run_succeeded",
  "run_failed",
  "run_timed_out",
  "run_cancelled",
  "delivery_failed",
];

const inPath = (path: string) => pathParametersOf(path, "GET").parameters;
export const IN_PROJECT = inPath("/{o}/{p}");
export const IN_ENVIRONMENT = inPath("/{o}/{p}/envs/{envName}");
export const OF_ACTION = inPath("/{o}/{p}/envs/{envName}/actions/{name}");
export const OF_VERSION = inPath("/{o}/{p}/envs/{envName}/actions/{name}/versions/{version}");
export const OF_ENDPOINT = inPath("/{o}/{p}/envs/{envName}/webhook-endpoints/{name}");
export const OF_DELIVERY = inPath("/{o}/{p}/envs/{envName}/webhook-endpoints/{name}/deliveries/{id}");
export const OF_ENDPOINT_VERSION = inPath("/{o}/{p}/envs/{envName}/webhook-endpoints/{name}/versions/{version}");
export const OF_TOKEN = inPath("/{o}/{p}/tokens/{tokenId}");
export const OF_SESSION = inPath("/{o}/{p}/sessions/{sessionId}");
export const TRACEPARENT_OF_CREATE = IN_HEADER.traceparent;
export const IF_MATCH_OF_PUT = IN_HEADER["If-Match of PUT"];
export const IF_MATCH_OF_DELETE = IN_HEADER["If-Match of DELETE"];
export const IF_NONE_MATCH = IN_HEADER["If-None-Match"];
export { idempotencyKey } from "./parameters.ts";
