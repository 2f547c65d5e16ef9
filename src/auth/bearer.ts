/**
 * The middleware that answers "who may?". 401 where the token is no good; then, for a token of another project or
 * environment, what a reader may not know of is 404 and what a writer may not do is 403.
 */

import type { Context, MiddlewareHandler } from "hono";
import type { AppEnv } from "../app-env.ts";
import { rootToken } from "../config.ts";
import { ApiError, unauthorized } from "../http/errors.ts";
import { sha256Hex } from "../http/json.ts";
import { isApiToken, lookUpToken, recallToken, wasGoodLately } from "./api-token.ts";
import { clientOf } from "./client-address.ts";
import { chargeGuess, lookUpGuess } from "./guesses.ts";
import type { Principal } from "./permissions.ts";
import { may, type Permission } from "./permissions.ts";

const ROOT: Principal = {
  id: "root",
  name: "root",
  role: "owner",
  project: null,
  envName: null,
  expiresAt: null,
};
const HASHES_MAX = 1000;

/** The credential of `Authorization: Bearer …`, or a 401. */
export function bearerToken(c: Context): string {
  const [, token] = /^Bearer +(\S+)$/i.exec(c.req.header("Authorization") ?? "") ?? [];
  if (token === undefined) {
    throw unauthorized("Send a token in the header Authorization: Bearer <token>.", "unauthorized");
  }
  return token;
}

export function requires(permission: Permission): MiddlewareHandler<AppEnv> {
  return async function requires(c, next) {
    await authorize(c, permission);
    await next();
  };
}

/**
 * Whose request this is, if its token opens this place now. Asked once more after a wait: a token may be revoked or
 * expire meanwhile. Throws 401, 403, 404, 429 or 503.
 */
export async function authorize(c: Context<AppEnv>, permission: Permission): Promise<Principal> {
  const principal = await authenticate(c, bearerToken(c));
  // Before anything is refused: the log says who was.
  c.set("principal", principal);
  const { o, p, envName } = c.req.param() as { o: string; p: string; envName?: string };
  const outside =
    principal.project !== null &&
    (principal.project !== `${o}/${p}` ||
      (principal.envName !== null && envName !== undefined && principal.envName !== envName));
  if (outside) throw outsideError(c, permission);
  if (!may(principal.role, permission)) {
    throw new ApiError(
      "forbidden",
      `The role ${principal.role} lacks ${permission}: use a token of a role that has it.`,
    );
  }
  return principal;
}

/** The operator alone. */
export function requiresRoot(): MiddlewareHandler<AppEnv> {
  return async function requiresRoot(c, next) {
    const principal = await authenticate(c, bearerToken(c));
    c.set("principal", principal);
    if (principal.project !== null) throw new ApiError("forbidden", "Only the operator's token opens this.");
    await next();
  };
}

function outsideError(c: Context<AppEnv>, permission: Permission): ApiError {
  const reading = permission === "data:read" || c.req.method === "GET" || c.req.method === "HEAD";
  if (!reading) return new ApiError("forbidden", "This token belongs to another project or environment.");
  if (c.req.param("id") !== undefined) return runNotFound();
  return new ApiError("not_found", "There is nothing here that this token may see.");
}

/** One answer for a token that is not there, remembered or not. */
export function tokenInvalid(): ApiError {
  return unauthorized("This API token is unknown or was revoked.", "token_invalid");
}

/** One answer for a run that is not there and a run that is not for this caller. */
export function runNotFound(): ApiError {
  return new ApiError("run_not_found", "There is no such action run here, or it is no longer kept.");
}

async function authenticate(c: Context<AppEnv>, token: string): Promise<Principal> {
  const now = Date.now();
  const hash = hashes.get(token) ?? (await sha256Hex(token));
  let record = recallToken(hash, now);
  if (record === undefined) {
    if (await isRoot(c.env, hash)) return ROOT;
    const client = clientOf(c.req.header("CF-Connecting-IP") ?? "unknown");
    record = isApiToken(token) ? await lookUp(c, hash, client, now) : null;
    if (record === null) await chargeGuess(c.env.UNKNOWN_TOKEN_LIMIT, client);
    else rememberHash(token, hash);
  }
  if (record === null) throw tokenInvalid();
  if (record.expiresAt !== null && now >= record.expiresAt) {
    throw unauthorized("This API token has expired: ask for a new one.", "token_expired");
  }
  return record;
}

/** A token that was good here a short time ago is no guess. */
async function lookUp(
  c: Context<AppEnv>,
  hash: string,
  client: string,
  now: number,
): Promise<Principal | null> {
  const ask = () => lookUpToken(c.env.DB, c.get("hops"), hash, now, (work) => c.executionCtx.waitUntil(work));
  return wasGoodLately(hash, now) ? ask() : lookUpGuess(client, now, ask);
}

/** Per isolate, bounded: the SHA-256 of tokens that were found good. Whether they still are is asked by the hash. */
const hashes = new Map<string, string>();

function rememberHash(token: string, hash: string): void {
  if (hashes.size >= HASHES_MAX) hashes.clear();
  hashes.set(token, hash);
}

/** Per isolate: the SHA-256 of the operator's token, and whose it is. */
let rootHash: { readonly of: string; readonly bytes: Uint8Array<ArrayBuffer> } | null = null;

async function isRoot(env: AppEnv["Bindings"], hash: string): Promise<boolean> {
  const root = rootToken(env);
  if (root === null) return false;
  if (rootHash?.of !== root) rootHash = { of: root, bytes: Uint8Array.fromHex(await sha256Hex(root)) };
  return crypto.subtle.timingSafeEqual(Uint8Array.fromHex(hash), rootHash.bytes);
}
