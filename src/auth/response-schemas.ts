/** zod: what /tokens answers, as the document tells it and the tests check it. */

import * as z from "zod";
import { ROLES } from "./permissions.ts";

const EXAMPLE = {
  id: "019c0e5a-1800-7000-8000-000000000000",
  name: "ci",
  role: "member",
  envName: "production",
  parentId: null,
  createdBy: "root",
  createdAt: "2026-11-25T13:21:48.373Z",
  expiresAt: null,
};

const instant = z.iso.datetime().meta({ wire: { type: "string", format: "date-time" } });

export const apiToken = z
  .object({
    id: z.string().meta({ format: "uuid" }),
    name: z.string(),
    role: z.enum(ROLES),
    envName: z.string().nullable().meta({ description: "Null for the whole project." }),
    parentId: z.string().nullable().meta({
      format: "uuid",
      description: "The token that minted it. Null if the operator did.",
    }),
    createdBy: z.string(),
    createdAt: instant,
    expiresAt: instant.nullable(),
  })
  .meta({ id: "ApiToken", examples: [EXAMPLE] });

export const createdApiToken = z
  .object({ ...apiToken.shape, token: z.string().meta({ description: "Shown in this answer alone." }) })
  .meta({ id: "CreatedApiToken", examples: [{ ...EXAMPLE, token: `terr_${"0".repeat(43)}` }] });

export const apiTokenList = z.array(apiToken).meta({ id: "ApiTokenList", examples: [[EXAMPLE]] });

export const revokedApiTokens = z
  .object({
    revoked: z.array(z.string().meta({ format: "uuid" })).meta({
      description: "The ids of all tokens that were revoked, the one that was named first.",
    }),
  })
  .meta({ id: "RevokedApiTokens", examples: [{ revoked: [EXAMPLE.id] }] });

const AUDIT_ENTRY = {
  at: "2026-11-25T13:21:48.373Z",
  actor: "root",
  actorName: "root",
  action: "token_minted",
  target: EXAMPLE.id,
  scope: "acme/shop/production",
};

export const auditEntry = z
  .object({
    at: instant,
    actor: z.string().meta({ description: "The id of the token that acted, or `root` for the operator." }),
    actorName: z.string(),
    action: z
      .string()
      .meta({ description: "`token_minted`, `token_revoked`, `resync_requested`; more will come." }),
    target: z.string().meta({ description: "The id of the token that was minted or revoked, or the scope." }),
    scope: z
      .string()
      .meta({ description: "`{o}/{p}`, or `{o}/{p}/{envName}` if one environment was concerned." }),
  })
  .meta({ id: "AuditEntry", examples: [AUDIT_ENTRY] });

export const auditList = z.array(auditEntry).meta({ id: "AuditList", examples: [[AUDIT_ENTRY]] });
