/** /{o}/{p}/tokens: create, list and revoke API tokens, within the scope and role of the asker's own token. */
import { Hono } from "hono";
import { newUuidV7, parseUuid } from "../base/ids.ts";
import { sha256Hex } from "../base/json.ts";
import { rfc3339 } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError, refusalOf } from "../http/errors.ts";
import { encodeCursor, nextLink } from "../http/paging.ts";
import type { AppEnv } from "../http/request-context.ts";
import { validBody, validQuery } from "../http/validate.ts";
import { baseUrl } from "../settings/config.ts";
import { logAudit, newAuditEntry, writeAudited } from "./audit.ts";
import { requires } from "./authentication.ts";
import { forgetCredentials, forgetPerhapsRevoked } from "./credential-memory.ts";
import { describeLeftRuns } from "./left-behind.ts";
import { grantableRoles, isOperator, type Principal, type Role, rolesUpTo, rowIdOf } from "./principal.ts";
import { newToken, tokenListQuery } from "./request-schemas.ts";
import { newApiToken } from "./token-format.ts";
import { insertToken, listTokens, revokeToken, type StoredToken } from "./token-store.ts";

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

/* SECTION: What the endpoints of tokens have in common: their project, and a token as JSON. */

/** `{org}/{project}` of a path. */
export function projectOf(param: Record<string, string>): string {
  return `${param.o}/${param.p}`;
}

export function toWire(token: StoredToken, now: number) {
  const { id, name, role, envName, person, mayApprove, mayActForOthers, parentId, createdBy } = token;
  const { createdAt, expiresAt, oldExpiresAt, lastUsedAt } = token;
  return {
    id,
    name,
    role,
    envName,
    person,
    mayApprove,
    mayActForOthers,
    parentId,
    createdBy,
    createdAt: rfc3339(createdAt),
    expiresAt: rfc3339(expiresAt),
    lastUsedAt: rfc3339(lastUsedAt),
    oldSecretExpiresAt: rfc3339(oldExpiresAt !== null && oldExpiresAt > now ? oldExpiresAt : null),
  };
}

/* SECTION:
 * Which tokens the holder of a token may create. PURE. Each rule takes the asker and what it wants, and throws a
 * refusal with a pointer. What a rule reads of the asker never changes, so an isolate's memory of it is enough.
 */

/** A token creates no tokens beyond its own scope and role. */
export function refuseBeyond(asker: Principal, role: Role, envName: string | null): void {
  const roles = grantableRoles(asker);
  if (!roles.includes(role)) {
    const holder = rolesUpTo(asker.role).includes(role) ? "A session of ROOT_TOKEN" : `The role ${asker.role}`;
    throw new ApiError("forbidden", `${holder} can't mint the role ${role}. Ask for one of ${roles.join(", ")}.`, {
      pointer: "/role",
    });
  }
  if (asker.envName !== null && envName !== asker.envName) {
    throw new ApiError(
      "forbidden",
      `This token can mint only for its own environment. Send "envName": "${asker.envName}".`,
      { pointer: "/envName" },
    );
  }
}

/** The new token's expiry. It can't be later than the asker's own, which is the default. */
export function expiryWithin(asker: Principal, expiresAt: number | null): number | null {
  const latest = asker.tokenExpiresAt;
  if (latest === null) return expiresAt;
  if (expiresAt !== null && expiresAt > latest) {
    const message = `is later than your own token's; send ${rfc3339(latest)} or earlier, or omit it.`;
    throw refusalOf("invalid_body", [{ path: ["expiresAt"], message }]);
  }
  return expiresAt ?? latest;
}

/**
 * The new token's person. `wanted` undefined: that of the asker. A child of a token with a person has the same one. Of
 * two acts that both name a person, persons alone decide who is oneself. So with a child of another name, one person
 * could approve their own run. Owners can create one without a person, for a machine. It is a relative of their token,
 * and it gives them nothing new, because owners create tokens that may act for others.
 *
 * Otherwise only owners, the operator and tokens that may act for others set a person, because a token with a person
 * acts for that person. Without this rule, an admin with a token below a portal's could create a child with a made-up
 * name, create a run with it, and approve the run through the portal. Without a person, the child is a relative of the
 * portal, and the approval is refused.
 */
export function personOfChild(asker: Principal, wanted: string | null | undefined): string | null {
  const { person, role, mayActForOthers } = asker;
  if (wanted === undefined || wanted === person) return person;
  if (person === null ? role === "owner" || mayActForOthers : role === "owner" && wanted === null) {
    return wanted;
  }
  const sentence =
    person === null
      ? "Only owners and tokens that may act for others can mint a token with a person. Omit person, or ask an owner."
      : wanted === null
        ? "Your token acts for a person, and only owners can then mint a token without one. Omit person, or ask an owner."
        : "This token acts for one person, and so does every token that it mints. Omit person.";
  throw new ApiError("forbidden", sentence, { pointer: "/person" });
}

/** Flags of a token that no role has. */
export interface TokenFlags {
  readonly mayApprove: boolean;
  readonly mayActForOthers: boolean;
}

/**
 * An admin may create tokens, so no role could say who approves. Only owners and the operator create approvers, even if
 * the asker is one: otherwise an approving admin could create a second approver. `mayActForOthers` may be handed down.
 */
export function refuseFlags(asker: Principal, { mayApprove, mayActForOthers }: TokenFlags): void {
  if (mayApprove && !grantsAnyFlag(asker)) throw flagRefused(asker, "mayApprove");
  if (mayActForOthers && !grantsAnyFlag(asker) && !asker.mayActForOthers) {
    throw flagRefused(asker, "mayActForOthers", " and tokens that have it");
  }
}

/**
 * Whether the asker creates and rotates tokens with any flag. A session that began with ROOT_TOKEN does not, as it
 * creates no owners: the token would outlive it, and could let runs out that the thief of a session starts.
 */
export function grantsAnyFlag(asker: Principal): boolean {
  return grantableRoles(asker).includes("owner");
}

function flagRefused(asker: Principal, flag: keyof TokenFlags, others = ""): ApiError {
  const sentence = isOperator(asker)
    ? `A session of ROOT_TOKEN can't mint a token with ${flag}. Send ROOT_TOKEN itself, or omit ${flag}.`
    : `Only owners${others} can mint a token with ${flag}. Omit ${flag}, or ask an owner.`;
  return new ApiError("forbidden", sentence, { pointer: `/${flag}` });
}
