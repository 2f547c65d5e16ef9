/** /{o}/{p}/tokens: mint, list and revoke API tokens, each within the asker's own scope and role. */

import { Hono } from "hono";
import { baseUrl } from "../config.ts";
import { readD1 } from "../d1.ts";
import type { AppEnv } from "../http/context.ts";
import { encodeCursor, nextLink } from "../http/cursor.ts";
import { ApiError } from "../http/errors.ts";
import { sha256Hex } from "../http/json.ts";
import { validBody, validQuery } from "../http/validate.ts";
import { mintUuidV7, parseUuid } from "../runs/run-id.ts";
import { forgetToken, mintApiToken, type Principal } from "./api-token.ts";
import { requires } from "./bearer.ts";
import { type Role, rolesUpTo } from "./permissions.ts";
import { newToken, tokenListQuery } from "./schema.ts";
import { deleteToken, insertToken, listTokens, type StoredToken } from "./store.ts";

export const tokenRoutes = new Hono<AppEnv>()
  .post("/", requires("tokens:manage"), validBody(newToken), async (c) => {
    const { name, role, envName = null, expiresAt } = c.req.valid("json");
    const asker = c.get("principal");
    refuseBeyond(asker, role, envName);
    const now = Date.now();
    const token = mintApiToken();
    const stored: StoredToken = {
      id: mintUuidV7(now),
      name,
      role,
      envName,
      createdBy: asker.name,
      createdAt: now,
      expiresAt: expiresAt?.floorMs ?? null,
    };
    await readD1(c.get("hops"), async () =>
      insertToken(c.env.DB, projectOf(c.req.param()), stored, await sha256Hex(token)),
    );
    return c.json({ ...toWire(stored), token }, 201);
  })
  .get("/", requires("tokens:manage"), validQuery(tokenListQuery), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const asker = c.get("principal");
    const rows = await readD1(c.get("hops"), () =>
      listTokens(c.env.DB, projectOf(c.req.param()), asker.envName, rolesUpTo(asker.role), cursor, limit + 1),
    );
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    if (rows.length > limit && last !== undefined) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(last.id)));
    }
    return c.json(page.map(toWire));
  })
  .delete("/:tokenId", requires("tokens:manage"), async (c) => {
    const id = parseUuid(c.req.param("tokenId"));
    const asker = c.get("principal");
    const gone =
      id !== null &&
      (await readD1(c.get("hops"), () =>
        deleteToken(c.env.DB, projectOf(c.req.param()), id, asker.envName, rolesUpTo(asker.role)),
      ));
    if (!gone) throw new ApiError("token_not_found", "There is no such token here that yours may revoke.");
    forgetToken(id);
    return c.body(null, 204);
  });

/** Nobody mints beyond their own scope and role. */
function refuseBeyond(asker: Principal, role: Role, envName: string | null): void {
  if (!rolesUpTo(asker.role).includes(role)) {
    throw new ApiError("forbidden", `A token of the role ${asker.role} can't mint one of the role ${role}.`);
  }
  if (asker.envName !== null && envName !== asker.envName) {
    throw new ApiError(
      "forbidden",
      `This token can mint only for its own environment: send "envName": "${asker.envName}".`,
    );
  }
}

function projectOf(param: Record<string, string>): string {
  return `${param.o}/${param.p}`;
}

function toWire(token: StoredToken) {
  return {
    ...token,
    createdAt: new Date(token.createdAt).toISOString(),
    expiresAt: token.expiresAt === null ? null : new Date(token.expiresAt).toISOString(),
  };
}
