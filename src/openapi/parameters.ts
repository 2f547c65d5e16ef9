/** Parameters and headers of the document that no schema of a route holds: names in paths, and headers. */

import { PATH_NAME } from "../http/limits.ts";

const name = (name: string, description: string, example: string) => ({
  in: "path" as const,
  name,
  required: true,
  description,
  schema: { type: "string" as const, pattern: `^${PATH_NAME}$` },
  example,
});

export const IN_PROJECT = [name("o", "Organisation.", "acme"), name("p", "Project.", "shop")];
export const IN_ENVIRONMENT = [...IN_PROJECT, name("envName", "Environment.", "production")];

const idOf = (name: string, description: string) => ({
  in: "path" as const,
  name,
  required: true,
  description,
  schema: { type: "string" as const, format: "uuid" },
  example: "01a212de-9b55-8003-a8a9-dd2c148ea617",
});

export const OF_RUN = [...IN_ENVIRONMENT, idOf("id", "The run. Letter case does not matter.")];
export const OF_TOKEN = [...IN_PROJECT, idOf("tokenId", "The API token's id.")];

const inHeader = (name: string, description: string, schema: object, example: string | number) => ({
  in: "header" as const,
  name,
  description,
  schema,
  example,
});

export const IDEMPOTENCY_KEY = inHeader(
  "Idempotency-Key",
  "Names the request, so that asking again with the same token gives the same answer. The same key from another token is another key. `webhook-id` counts too.",
  { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x20-\\x7e]+$" },
  "deploy-42",
);
export const BOOKMARK = inHeader(
  "x-d1-bookmark",
  "Of an earlier answer: this read sees what that answer told, from any replica.",
  { type: "string" },
  "coordinator",
);
export const LAST_EVENT_ID = inHeader(
  "Last-Event-ID",
  "Resumes an event stream: the `seq` of the last event of this run that you received. Ignored in a request for JSON.",
  { type: "integer", minimum: 0 },
  7,
);

const text = (description: string, example: string) => ({
  description,
  schema: { type: "string" as const },
  example,
});

/** `components.headers`, by their names without hyphens. */
export const HEADERS = {
  XRequestId: text(
    "Finds the request in the log. Yours, if you sent one.",
    "85b9e7cc-7f34-4ad9-9483-ef366615561e",
  ),
  Link: text(
    'The next page: `<…>; rel="next"`. Not there on the last.',
    '<https://runs.example.com/…>; rel="next"',
  ),
  Location: text(
    "The run's own address.",
    "https://runs.example.com/acme/shop/envs/production/action-runs/01a2…",
  ),
  RetryAfter: {
    description: "Whole seconds to wait before asking again.",
    schema: { type: "integer" as const, minimum: 0 },
    example: 5,
  },
  xd1bookmark: text("Send it back with the next read to see what this answer told.", "coordinator"),
  IdempotentReplayed: text(
    "`true` where the answer is that of an earlier request with the same key.",
    "true",
  ),
  WWWAuthenticate: text("`Bearer`.", "Bearer"),
  ContentSecurityPolicy: text("What the page may load: nothing of other hosts.", "default-src 'none'; …"),
  CrossOriginOpenerPolicy: text("`same-origin`.", "same-origin"),
  ReferrerPolicy: text("`no-referrer`.", "no-referrer"),
  ETag: text("Names this version of the file.", '"3f2a"'),
  Allow: text("The methods that this address takes.", "GET, HEAD, POST"),
};
