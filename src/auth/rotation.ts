/**
 * POST /{o}/{p}/tokens/{id}/rotate: a token gets a new secret, and keeps its id, its name and the tokens below it. A
 * rotation compares the hash that it read with the token's, so one of two at once wins. Its batch may run twice,
 * because the first run may have committed although its answer was lost. The second run finds its own hash and changes
 * nothing.
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { type Proven, parseUuid } from "../base/ids.ts";
import { sha256Hex } from "../base/json.ts";
import { CHILDREN_MAX_LISTED, GRACE_PERIOD_DEFAULT_SECONDS, GRACE_PERIOD_MAX_SECONDS } from "../base/limits.ts";
import { readD1 } from "../database/read-d1.ts";
import { ApiError } from "../http/errors.ts";
import { type Described, meaning } from "../http/operation.ts";
import { type AppEnv, projectOf } from "../http/request-context.ts";
import { described, inDocument, wholeNumber } from "../http/schemas.ts";
import { validBody } from "../http/validate.ts";
import {
  type AuditEntry,
  askerGone,
  auditStatement,
  isLiving,
  logAudit,
  newAuditEntry,
  writeAudited,
} from "./audit.ts";
import { authenticate, authorize, OF_CREDENTIAL } from "./authentication.ts";
import { credentials } from "./credential-memory.ts";
import { type LeftDefinitions, selectLeftDefinitions, toLeftDefinitions } from "./left-behind.ts";
import { grantableRoles, isOperator, isPassing, type Principal, rowIdOf } from "./principal.ts";
import { rotatedApiToken } from "./responses.ts";
import { newApiToken } from "./token-format.ts";
import { shownToken } from "./token-routes.ts";
import {
  COLUMNS,
  flagsOf,
  LINEAGE,
  type StoredToken,
  type TokenRow,
  toStoredToken,
  visible,
  visibleTo,
} from "./token-store.ts";

const rotation = z.strictObject({
  overlapSeconds: z.optional(
    described(
      wholeNumber("whole seconds", 0, GRACE_PERIOD_MAX_SECONDS),
      DESCRIBE &&
        "How many seconds the old secret still works, but not longer than the token. With 0, the old secret stops at " +
          `once. Default: \`${GRACE_PERIOD_DEFAULT_SECONDS}\`. If an earlier rotation's old secret still works, this can ` +
          "only end it sooner, and without this it keeps its end.",
    ),
  ),
});
inDocument(rotation, { id: "TokenRotation", examples: [{ overlapSeconds: 3600 }, {}] });

/** A token may rotate itself, whatever its role. */
function mayRotate(operation: Described): MiddlewareHandler<AppEnv> {
  const middleware: MiddlewareHandler<AppEnv> = async function mayRotate(c, next) {
    const { id } = await authenticate(c);
    await authorize(c, parseUuid(c.req.param("tokenId") ?? "") === id ? "data:read" : "tokens:manage");
    await next();
  };
  const errors = [...OF_CREDENTIAL, "forbidden"] as const;
  return meaning(middleware, DESCRIBE && { security: [{ apiToken: [] }], person: "taken", errors, operation });
}

export const rotationRoutes = new Hono<AppEnv>().post(
  "/:tokenId/rotate",
  mayRotate(
    DESCRIBE && {
      operationId: "rotateApiToken",
      summary: "Rotate an API token",
      description:
        "Gives the token a new secret and returns it. Only this response contains the secret. The token's id, its " +
        "name and the tokens below it stay. The old secret works for `overlapSeconds` more, but only to " +
        "read, and to create, report, cancel and retry runs. It can't create runs that wait for their time or for " +
        "approvals. If an earlier old secret still works, that one stays, and the newest secret stops " +
        "at once. Secrets that end at once end everywhere within 30 seconds. The token itself, with its newest secret, a " +
        "token above it and `ROOT_TOKEN` may rotate it. For everybody else, the response is 403.",
      responses: { 200: { description: "The token with its new secret, shown once", json: rotatedApiToken } },
      errors: ["token_rotated", "token_ended", "token_has_no_secret", "storage_full"],
    },
  ),
  validBody(rotation, { mayBeEmpty: true }),
  async (c) => {
    const target = parseUuid(c.req.param("tokenId"));
    if (target === null) throw new ApiError("token_not_found");
    const { overlapSeconds } = c.req.valid("json");
    const found = await findRotatable(c, target);
    const now = Date.now();
    const { envName, name: targetName } = found;
    const what = { project: projectOf(c), envName, action: "token_rotated", target, targetName } as const;
    const entry = newAuditEntry(c, what, now);
    const token = newApiToken();
    const secret = { replaces: found.hash, hash: await sha256Hex(token), overlapSeconds };
    const rotating = writeAudited(c, () => rotateToken(c.env.DB, secret, entry));
    // Also if it failed, because D1 may have done it.
    const outcome = await rotating.finally(() => credentials.forget([target]));
    if (typeof outcome === "string") throw new ApiError(outcome);
    logAudit(entry, c.get("requestId"));
    const { children, moreChildren, left } = outcome;
    return c.json({ ...shownToken(outcome.token, now), token, children, moreChildren, ...left });
  },
);

/** Throws `token_not_found`, `forbidden`, and `token_invalid` if the asker's own token is gone. */
async function findRotatable(c: Context<AppEnv>, target: string): Promise<Rotatable & { readonly hash: string }> {
  const asker = c.get("principal");
  // A proof opened it. On the command line, its role is lower than its token's.
  if (asker.id === target && asker.secretHash === null) throw new ApiError("token_has_no_secret");
  const found = await readD1(c.get("hops"), () => selectForRotation(c.env.DB, projectOf(c), asker, target));
  if (found === null) throw asker.id === target ? askerGone(asker) : new ApiError("token_not_found");
  // Otherwise an admin could act in a colleague's name.
  if (!found.isOwn) throw new ApiError("forbidden", NOT_YOURS);
  if (found.hash === null) throw new ApiError("token_has_no_secret");
  // Everybody who signs in with the token above is above it. Only who minted it may act as it.
  const { identity } = (found.minter === null ? {} : JSON.parse(found.minter)) as Proven;
  if (identity !== undefined && identity !== asker.proven?.identity && !isOperator(asker)) {
    throw new ApiError("forbidden", NOT_MINTED);
  }
  // An owner's new secret would outlive a session of ROOT_TOKEN, as an owner would that it created.
  if (!grantableRoles(asker).includes(found.role)) throw new ApiError("forbidden", NO_OWNERS);
  if ((found.mayApprove || found.mayActForOthers) && isPassing(asker)) throw new ApiError("forbidden", NO_FLAGS);
  return { ...found, hash: found.hash };
}

const NOT_YOURS =
  "Only the token itself, a token above it, or the operator can rotate this token. You can revoke it instead, and mint a new one.";

const NOT_MINTED =
  "Somebody minted this token after signing in. Only they, the token itself or the operator can rotate it. You can revoke it instead, and mint a new one.";

const NO_OWNERS = "A session of ROOT_TOKEN or by sign-in can't rotate an owner's token. Send ROOT_TOKEN itself.";

const NO_FLAGS =
  "A session of ROOT_TOKEN or by sign-in can't rotate a token with mayApprove or mayActForOthers. Send ROOT_TOKEN itself.";

/**
 * A token that the asker may see. `isOwn`: whether the asker is the token itself, a token above it, or the operator.
 */
type Rotatable = Pick<StoredToken, "name" | "role" | "envName" | "mayApprove" | "mayActForOthers"> & {
  /** Null: it has a trust. */
  readonly hash: string | null;
  /** JSON: who signed in to mint it; null: nobody did. */
  readonly minter: string | null;
  readonly isOwn: boolean;
};

/** `?4`: the token. `?5`: the asker. UNION ends even if parents form a circle, which nothing can create. */
const IS_OWN = `(?5 IS NULL OR EXISTS (
  WITH RECURSIVE above (id) AS (
    SELECT ?4
    UNION
    SELECT tokens.parent_id FROM above CROSS JOIN tokens ON tokens.project = ?1 AND tokens.id = above.id
    WHERE tokens.parent_id IS NOT NULL
  )
  SELECT 1 FROM above WHERE id = ?5))`;

type Flag = "mayApprove" | "mayActForOthers" | "isOwn";

/** Null if there is no such token that the asker may see. */
async function selectForRotation(
  db: D1Database,
  project: string,
  asker: Principal,
  id: string,
): Promise<Rotatable | null> {
  const row = await db
    .prepare(
      `SELECT hash, minter, name, role, env_name AS envName, may_approve AS mayApprove,
              may_act_for_others AS mayActForOthers, ${IS_OWN} AS isOwn
       FROM tokens WHERE ${visible(2)} AND id = ?4`,
    )
    .bind(project, ...visibleTo(asker), id, rowIdOf(asker))
    .first<Omit<Rotatable, Flag> & Record<Flag, number>>();
  if (row === null) return null;
  return { ...row, ...flagsOf(row), isOwn: row.isOwn === 1 };
}

interface Rotated {
  readonly token: StoredToken;
  /** Those that still live, the newest first. */
  readonly children: readonly Pick<StoredToken, "id" | "name">[];
  readonly moreChildren: boolean;
  readonly left: LeftDefinitions;
}

/**
 * If an earlier old secret still works (`old_expires_at > ?5`), it stays, and the newest secret ends at once. `?6`: the
 * end of a grace period that begins now. `?7`: the latest end of one that is under way.
 */
const ROTATE = `
  UPDATE tokens SET
    hash = ?4,
    old_hash = iif(old_expires_at > ?5, old_hash, hash),
    old_expires_at = iif(old_expires_at > ?5, min(old_expires_at, ?7), min(?6, coalesce(expires_at, ?6)))
  WHERE project = ?1 AND id = ?2 AND hash = ?3 AND ${isLiving("?5")}`;

const CHILDREN = `
  SELECT id, name FROM tokens INDEXED BY tokens_by_parent
  WHERE project = ?1 AND parent_id = ?2 AND ${isLiving("?3")} ORDER BY id DESC LIMIT ${CHILDREN_MAX_LISTED + 1}`;

/**
 * Replaces the secret with the hash `replaces` by one with the hash `hash`, and writes the audit entry.
 * `overlapSeconds`: how long the replaced secret still works; undefined if the request does not say. `token_ended`: it has
 * expired. `token_rotated`: another rotation came first.
 */
export async function rotateToken(
  db: D1Database,
  { replaces, hash, overlapSeconds }: { replaces: string; hash: string; overlapSeconds: number | undefined },
  entry: AuditEntry,
): Promise<Rotated | "token_not_found" | "token_ended" | "token_rotated"> {
  const { project, target, at } = entry;
  const ends = at + (overlapSeconds ?? GRACE_PERIOD_DEFAULT_SECONDS) * 1000;
  const endsEarlier = overlapSeconds === undefined ? Number.MAX_SAFE_INTEGER : ends;
  const rotate = db.prepare(ROTATE).bind(project, target, replaces, hash, at, ends, endsEarlier);
  const finds = `EXISTS (SELECT 1 FROM tokens WHERE project = ?1 AND id = ?8 AND hash = ?17 AND ${isLiving("?4")})`;
  // First, because a token that rotates itself no longer holds the newest secret afterwards.
  const audit = auditStatement(db, entry, finds, [replaces]);
  const children = db.prepare(CHILDREN).bind(project, target, at);
  const outcome = db
    .prepare(
      `SELECT ${COLUMNS}, hash = ?3 AS isDone, ${isLiving("?4")} AS isLiving
       FROM tokens WHERE project = ?1 AND id = ?2`,
    )
    .bind(project, target, hash, at);
  const lineage = `SELECT ${LINEAGE} AS lineage FROM tokens WHERE project = ?1 AND id = ?2`;
  const left = selectLeftDefinitions(db, lineage, project, target);
  type Row = TokenRow & Record<"isDone" | "isLiving", number>;
  const results = await db.batch<unknown>([audit, rotate, children, outcome, ...left]);
  const row = results[3]?.results[0] as Row | undefined;
  if (row === undefined) return "token_not_found";
  const { isDone, isLiving: lives, ...token } = row;
  if (isDone !== 1) return lives === 1 ? "token_rotated" : "token_ended";
  const below = (results[2]?.results ?? []) as Rotated["children"];
  return {
    token: toStoredToken(token),
    children: below.slice(0, CHILDREN_MAX_LISTED),
    moreChildren: below.length > CHILDREN_MAX_LISTED,
    left: toLeftDefinitions(results.slice(4)),
  };
}
