/** The OpenAPI operations of API tokens and the audit, by method and path. */

import { BODY, IN_PROJECT, OF_TOKEN, type Operation, refuses, responds, TOKEN } from "./describe.ts";
import {
  apiTokenList,
  auditList,
  createdApiToken,
  currentToken,
  placeList,
  revokedApiTokens,
  rotatedApiToken,
} from "./token-schemas.ts";

const common = { tags: ["API tokens"], security: [{ apiToken: [] }] };

const CREATE: Operation = {
  ...common,
  operationId: "createApiToken",
  summary: "Mint an API token",
  description:
    "Creates an API token and returns it. Only this response contains the token. Its scope, role and " +
    "expiry can't exceed those of your own token. Without `expiresAt`, the token expires when yours does. " +
    "A child of a token with a `person` has the same one. A session of `ROOT_TOKEN` can't send `true` for a flag. " +
    "The number of living tokens below a token is limited: 10 000 below one that `ROOT_TOKEN` minted, " +
    "and a tenth on each level below that. Requires the permission `tokens:manage`.",
  parameters: IN_PROJECT,
  responses: {
    ...responds(201, "The token, shown once", createdApiToken),
    ...refuses(...TOKEN, ...BODY, "forbidden", "not_found", "too_many_tokens", "database_unavailable", "storage_full"),
  },
};

const LIST: Operation = {
  ...common,
  operationId: "listApiTokens",
  summary: "List API tokens",
  description:
    "Returns the API tokens of a project that you may manage, newest first. The response contains no secrets. Requires the permission `tokens:manage`.",
  parameters: IN_PROJECT,
  responses: {
    ...responds(200, "API tokens", apiTokenList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const REVOKE: Operation = {
  ...common,
  operationId: "revokeApiToken",
  summary: "Revoke an API token",
  description:
    "Revokes an API token and every token below it: those it minted, those they minted, and so on. The revocation takes " +
    "effect everywhere within 30 seconds. Webhook endpoints and actions that they stored stay, also those of tokens that " +
    "have expired, and the response lists them. Disable or restore those that you don't know. Runs that " +
    "they created go on, and the response counts those that still wait. Requires the permission `tokens:manage`.",
  parameters: OF_TOKEN,
  responses: {
    ...responds(200, "The revoked tokens, and what they stored last", revokedApiTokens),
    ...refuses(...TOKEN, "forbidden", "not_found", "token_not_found", "database_unavailable"),
  },
};

const ROTATE: Operation = {
  ...common,
  operationId: "rotateApiToken",
  summary: "Rotate an API token",
  description:
    "Gives the token a new secret and returns it. Only this response contains the secret. The token's id, its " +
    "name and the tokens below it stay. The old secret works for `overlapSeconds` more, but only to " +
    "read, and to create, report, cancel and retry runs. It can't create runs that wait for their time or for " +
    "approvals. If an earlier old secret still works, that one stays, and the newest secret stops " +
    "at once. Secrets that end at once end everywhere within 30 seconds. The token itself, with its newest secret, a " +
    "token above it and `ROOT_TOKEN` may rotate it. For everybody else, the response is 403.",
  parameters: OF_TOKEN,
  responses: {
    ...responds(200, "The token with its new secret, shown once", rotatedApiToken),
    ...refuses(
      ...TOKEN,
      ...BODY,
      "forbidden",
      "not_found",
      "token_not_found",
      "token_rotated",
      "token_ended",
      "database_unavailable",
      "storage_full",
    ),
  },
};

const AUDIT: Operation = {
  ...common,
  operationId: "listAudit",
  summary: "List audit entries",
  description:
    "Returns who minted, rotated or revoked tokens, ended sessions, stored or deleted actions, changed webhook endpoints, " +
    "deleted versions, or asked for a resync, newest first. Approvals, rejections, releases, cancels, pauses, bulk operations and " +
    "moves to another database are there, too. " +
    "A token of one environment sees the entries of that environment. The filter `actor` is " +
    "the id of a token, `root` or `service`. `since` is the first instant, and `until` is the first that is too late. An " +
    "entry must pass all filters. A page can be short and still have a next one. Entries are kept for " +
    "`AUDIT_RETENTION_DAYS`. Requires the permission `tokens:manage`.",
  parameters: IN_PROJECT,
  responses: {
    ...responds(200, "Audit entries", auditList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const WHOAMI: Operation = {
  ...common,
  operationId: "describeToken",
  summary: "Describe your token",
  description:
    "Returns the name, the role and the scope of the API token in the request. Every valid API token may ask, and so may `ROOT_TOKEN`.",
  responses: {
    ...responds(200, "The token of the request", currentToken),
    ...refuses(...TOKEN, "database_unavailable"),
  },
};

const PLACES: Operation = {
  ...common,
  operationId: "listPlaces",
  summary: "List what your token opens",
  description:
    "Returns the environments that your token opens and that have runs, actions or webhook endpoints, by name. Every valid API token may ask, and so may `ROOT_TOKEN`.",
  responses: {
    ...responds(200, "Environments", placeList, ["Link"]),
    ...refuses(...TOKEN, "invalid_query", "database_unavailable"),
  },
};

export const TOKEN_OPERATIONS: Readonly<Record<string, Operation>> = {
  "POST /{o}/{p}/tokens": CREATE,
  "GET /{o}/{p}/tokens": LIST,
  "DELETE /{o}/{p}/tokens/{tokenId}": REVOKE,
  "POST /{o}/{p}/tokens/{tokenId}/rotate": ROTATE,
  "GET /{o}/{p}/audit": AUDIT,
  "GET /whoami": WHOAMI,
  "GET /places": PLACES,
};
