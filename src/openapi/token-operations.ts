/** What the document says of /tokens, by method and path. */

import { apiTokenList, auditList, createdApiToken, revokedApiTokens } from "../auth/response-schemas.ts";
import { answers, BODY, type Operation, refuses, TOKEN } from "./describe.ts";
import { IN_PROJECT, OF_TOKEN } from "./parameters.ts";

const common = { tags: ["API tokens"], security: [{ apiToken: [] }] };

const MINT: Operation = {
  ...common,
  operationId: "createApiToken",
  summary: "Mint an API token",
  description:
    "Within your own token's scope, role and expiry: without `expiresAt` the new token expires when yours does. Permission `tokens:manage`.",
  parameters: IN_PROJECT,
  responses: {
    ...answers(201, "The token, shown once", createdApiToken),
    ...refuses(...TOKEN, ...BODY, "forbidden", "too_many_tokens", "database_unavailable", "storage_full"),
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
  description:
    "Revokes the token and every token that it minted, and those that these minted. Takes effect within 30 seconds, everywhere. Permission `tokens:manage`.",
  parameters: OF_TOKEN,
  responses: {
    ...answers(200, "What was revoked", revokedApiTokens),
    ...refuses(...TOKEN, "forbidden", "token_not_found", "database_unavailable"),
  },
};

const AUDIT: Operation = {
  ...common,
  operationId: "listAudit",
  summary: "List who minted and revoked tokens, and who asked for a resync",
  description:
    "Newest first. A token of one environment sees what concerns that environment. Kept `RETENTION_DAYS`. Permission `tokens:manage`.",
  parameters: IN_PROJECT,
  responses: {
    ...answers(200, "Audit entries", auditList, ["Link"]),
    ...refuses(...TOKEN, "forbidden", "not_found", "invalid_query", "database_unavailable"),
  },
};

export const TOKEN_OPERATIONS: Readonly<Record<string, Operation>> = {
  "POST /{o}/{p}/tokens": MINT,
  "GET /{o}/{p}/tokens": LIST,
  "DELETE /{o}/{p}/tokens/{tokenId}": REVOKE,
  "GET /{o}/{p}/audit": AUDIT,
};
