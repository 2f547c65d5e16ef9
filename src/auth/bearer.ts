/**
 * Authenticates and authorizes a request. A bad token is 401. For a token of another project or environment, reading is
 * 404, because it must not learn what exists, and writing is 403.
 */

import type { Context, MiddlewareHandler } from "hono";
import { BoundedMap } from "../base/bounded-map.ts";
import { sha256Hex } from "../base/json.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { rootToken } from "../settings/config.ts";
import { isApiToken, lookUpToken, recallToken, wasGoodLately } from "./api-token.ts";
import { may, type Permission, type Principal } from "./permissions.ts";
import { chargeGuess, clientOf, lookUpGuess } from "./token-guesses.ts";

declare module "hono" {
  interface ContextVariableMap {
    /** Set when an API token was accepted. Callbacks have no principal. */
    principal: Principal;
  }
}

const ROOT: Principal = {
  id: "root",
  name: "root",
  role: "owner",
  project: null,
  envName: null,
  expiresAt: null,
  secretHash: null,
  isReplaced: false,
};

const OVERLAP_ENDED = "This token got a new secret, and the old one has ended. Use the newest secret.";

/** The token of `Authorization: Bearer …`. Throws 401. */
export function bearerToken(c: Context): string {
  const [, token] = /^Bearer +(\S+)$/i.exec(c.req.header("Authorization") ?? "") ?? [];
  if (token === undefined) throw new ApiError("unauthorized");
  return token;
}

export function requires(permission: Permission): MiddlewareHandler<AppEnv> {
  return async function requires(c, next) {
    await authorize(c, permission);
    await next();
  };
}

/** Only ROOT_TOKEN opens this. */
export const requiresRoot: MiddlewareHandler<AppEnv> = async (c, next) => {
  const principal = await authenticate(c);
  if (principal.project !== null) throw new ApiError("forbidden", "This endpoint requires ROOT_TOKEN.");
  await next();
};

/**
 * The principal of the request, if its token has the permission for the path's project and environment. A handler that
 * waited calls this again, because the token may have been revoked or have expired. Throws 401, 403, 404, 429 or 503.
 */
export async function authorize(c: Context<AppEnv>, permission: Permission): Promise<Principal> {
  const principal = await authenticate(c);
  const { o, p, envName } = c.req.param() as { o: string; p: string; envName?: string };
  const isOutside =
    principal.project !== null &&
    (principal.project !== `${o}/${p}` ||
      (principal.envName !== null && envName !== undefined && principal.envName !== envName));
  if (isOutside) throw outsideError(c, permission);
  if (!may(principal.role, permission)) {
    throw new ApiError(
      "forbidden",
      `The role ${principal.role} lacks ${permission}. Use a token with a role that has it.`,
    );
  }
  return principal;
}

function outsideError(c: Context<AppEnv>, permission: Permission): ApiError {
  const isReading = permission === "data:read" || c.req.method === "GET" || c.req.method === "HEAD";
  if (!isReading) {
    return new ApiError(
      "forbidden",
      "This token belongs to another project or environment. Use a token of this one.",
    );
  }
  if (c.req.param("id") !== undefined) return new ApiError("run_not_found");
  return new ApiError("not_found", "Your token can see nothing here. Use a token of this project.");
}

/**
 * The principal of the request, whatever its scope and role. Also sets it, so that the request log names it even if the
 * request is refused later. Throws 401, 429 or 503.
 */
export async function authenticate(c: Context<AppEnv>): Promise<Principal> {
  const token = bearerToken(c);
  const now = Date.now();
  const hash = hashes.get(token) ?? (await sha256Hex(token));
  let principal = recallToken(hash, now);
  if (principal === undefined) principal = await identify(c, token, hash, now);
  if (principal === null) throw new ApiError("token_invalid");
  if (principal.expiresAt !== null && now >= principal.expiresAt) {
    throw new ApiError("token_expired", principal.isReplaced ? OVERLAP_ENDED : undefined);
  }
  c.set("principal", principal);
  c.set("tokenId", principal.id);
  return principal;
}

/** Throws 429 if the token may be a guess and its client made too many. */
async function identify(
  c: Context<AppEnv>,
  token: string,
  hash: string,
  now: number,
): Promise<Principal | null> {
  if (await isRoot(c.env, hash)) return ROOT;
  const client = clientOf(c.req.header("CF-Connecting-IP") ?? "unknown");
  const lookUp = () =>
    lookUpToken(c.env.DB, c.get("hops"), hash, now, (work) => c.executionCtx.waitUntil(work));
  let principal: Principal | null = null;
  // A token that was good lately is not a guess.
  if (wasGoodLately(hash, now)) principal = await lookUp();
  else if (isApiToken(token)) principal = await lookUpGuess(client, now, lookUp);
  if (principal === null) await chargeGuess(c.env.UNKNOWN_TOKEN_LIMIT, client);
  else hashes.set(token, hash);
  return principal;
}

/** Per isolate: the SHA-256 hash of tokens that were good, to save hashing. The hash decides whether they still are. */
const hashes = new BoundedMap<string>(1000);

/** Per isolate: the SHA-256 hash of the operator's token, and the token it was made from. */
let rootHash: { readonly of: string; readonly bytes: Uint8Array<ArrayBuffer> } | null = null;

async function isRoot(env: AppEnv["Bindings"], hash: string): Promise<boolean> {
  const root = rootToken(env);
  if (root === null) return false;
  if (rootHash?.of !== root) rootHash = { of: root, bytes: Uint8Array.fromHex(await sha256Hex(root)) };
  return crypto.subtle.timingSafeEqual(Uint8Array.fromHex(hash), rootHash.bytes);
}
