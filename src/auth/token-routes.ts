/** /{o}/{p}/tokens: create, list and revoke API tokens, within the scope and role of the asker's own token. */

import { Hono } from "hono";
import { sha256Hex } from "../base/json.ts";
import { newUuidV7, parseUuid } from "../base/uuid.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { encodeCursor, nextLink } from "../http/cursor.ts";
import { ApiError } from "../http/errors.ts";
import { validBody, validQuery } from "../http/validate.ts";
import { baseUrl } from "../settings/public-url.ts";
import { newApiToken } from "./api-token.ts";
import { logAudit, newAuditEntry } from "./audit.ts";
import { requires } from "./bearer.ts";
import { forgetCredentials, forgetPerhapsRevoked } from "./credential-memory.ts";
import { expiryWithin, personOfChild, refuseBeyond, refuseFlags } from "./minting.ts";
import { writeAudited } from "./newest-secret.ts";
import { rowIdOf } from "./permissions.ts";
import { newToken, tokenListQuery } from "./request-schemas.ts";
import { insertToken, listTokens, revokeToken } from "./store.ts";
import { projectOf, toWire } from "./token-responses.ts";
import type { StoredToken } from "./token-row.ts";
import { describeLeftRuns } from "./waiting-runs.ts";

export const tokenRoutes = new Hono<AppEnv>()
  .post("/", requires("tokens:manage"), validBody(newToken), async (c) => {
    const { name, role, envName = null, expiresAt, person, ...flags } = c.req.valid("json");
    const asker = c.get("principal");
    refuseBeyond(asker, role, envName);
    refuseFlags(asker, flags);
    const now = Date.now();
    const token = newApiToken();
    const stored: StoredToken = {
      id: newUuidV7(now),
      name,
      role,
      envName,
      parentId: rowIdOf(asker),
      createdBy: asker.name,
      createdAt: now,
      expiresAt: expiryWithin(asker, expiresAt?.floorMs ?? null),
      oldExpiresAt: null,
      lastUsedAt: null,
      person: personOfChild(asker, person),
      ...flags,
    };
    const project = projectOf(c.req.param());
    const what = { project, envName, action: "token_minted", target: stored.id, targetName: name } as const;
    const entry = newAuditEntry(c, what, now);
    const hash = await sha256Hex(token);
    const isCreated = await writeAudited(c, () => insertToken(c.env.DB, stored, hash, entry));
    if (!isCreated) throw new ApiError("too_many_tokens");
    logAudit(entry, c.get("requestId"));
    return c.json({ ...toWire(stored, now), token }, 201);
  })
  .get("/", requires("tokens:manage"), validQuery(tokenListQuery), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const asker = c.get("principal");
    const rows = await readD1(c.get("hops"), () =>
      listTokens(c.env.DB, projectOf(c.req.param()), asker, cursor, limit + 1),
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    if (rows.length > limit && last !== undefined) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(last.id)));
    }
    const now = Date.now();
    return c.json(page.map((token) => toWire(token, now)));
  })
  .delete("/:tokenId", requires("tokens:manage"), async (c) => {
    const target = parseUuid(c.req.param("tokenId"));
    if (target === null) throw new ApiError("token_not_found");
    const asker = c.get("principal");
    const project = projectOf(c.req.param());
    // Only the token's row knows its environment and its name.
    const what = { project, envName: null, action: "token_revoked", target } as const;
    const entry = newAuditEntry(c, what, Date.now());
    const revoking = writeAudited(c, () => revokeToken(c.env.DB, asker, entry));
    const outcome = await revoking.catch((error: unknown) => {
      forgetPerhapsRevoked(target, project, asker.envName);
      throw error;
    });
    if (outcome === null) throw new ApiError("token_not_found");
    const { revoked, envName, lineage, left, runs } = outcome;
    forgetCredentials(revoked);
    logAudit({ ...entry, envName }, c.get("requestId"), { tokens: revoked.length });
    const leftRuns = await describeLeftRuns(c.env, c.get("hops"), project, lineage, runs);
    return c.json({ revoked, ...left, ...leftRuns });
  });
