/** What the document says of /tokens, by method and path. */

import { apiTokenList, createdApiToken } from "../auth/wire.ts";
import { answers, BODY, headersOf, type Operation, refuses, TOKEN } from "./describe.ts";
import { IN_PROJECT, OF_TOKEN } from "./parameters.ts";

const common = { tags: ["API tokens"], security: [{ apiToken: [] }] };

const MINT: Operation = {
  ...common,
  operationId: "createApiToken",
  summary: "Mint an API token",
  description: "Within the asker's own scope, at most its own role. Permission `tokens:manage`.",
  parameters: IN_PROJECT,
  responses: {
    ...answers(201, "The token, shown once", createdApiToken),
    ...refuses(...TOKEN, ...BODY, "forbidden", "database_unavailable", "storage_full"),
  },
};

const LIST: Operation = {
  ...common,
  operationId: "listApiTokens",
  summary: "List API tokens",
  description: "Without their secrets. Permission `tokens:manage`.",
  parameters: IN_PROJECT,
  responses: {
    ...answers(200, "API tokens", apiTokenList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

const REVOKE: Operation = {
  ...common,
  operationId: "revokeApiToken",
  summary: "Revoke an API token",
  description: "Takes effect within 30 seconds, everywhere. Permission `tokens:manage`.",
  parameters: OF_TOKEN,
  responses: {
    204: { description: "Revoked", headers: headersOf([]) },
    ...refuses(...TOKEN, "forbidden", "token_not_found", "database_unavailable"),
  },
};

export const TOKEN_OPERATIONS: Readonly<Record<string, Operation>> = {
  "POST /{o}/{p}/tokens": MINT,
  "GET /{o}/{p}/tokens": LIST,
  "DELETE /{o}/{p}/tokens/{tokenId}": REVOKE,
};
