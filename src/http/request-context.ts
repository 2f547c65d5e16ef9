/** What travels with a request to its handler. A middleware of a room above adds to Hono's ContextVariableMap. */

import type { Context, MiddlewareHandler } from "hono";
import type { RequestIdVariables } from "hono/request-id";
import { routePath } from "hono/route";
import { parseUuid } from "../base/ids.ts";
import { LogLimit, log } from "../base/log.ts";
import type { Env } from "../settings/env.ts";
import { type Issuer, issuersOf } from "../settings/issuers.ts";
import { type KeyRing, keyRing } from "../settings/key-ring.ts";
import { ApiError, type ErrorCode } from "./errors.ts";

/** The round trips of one request so far, which are nearly all of its cost. */
export interface Hops {
  d1: number;
  coordinator: number;
}

export interface AppEnv {
  Bindings: Env;
  Variables: RequestIdVariables & {
    hops: Hops;
    // For the log: who was accepted, which project or environment was opened, and what the request is about.
    tokenId?: string;
    sessionId?: string;
    opened?: string;
    runId?: string;
    errorCode?: ErrorCode;
  };
}

/** `{org}/{project}`, as the path names it. */
export function projectOf(c: Context<AppEnv>): string {
  const { o, p } = c.req.param() as { o: string; p: string };
  return `${o}/${p}`;
}

/** `{org}/{project}/{env}`, as the path names it. */
export function scopeOf(c: Context<AppEnv>): string {
  const { o, p, envName } = c.req.param() as { o: string; p: string; envName: string };
  return `${o}/${p}/${envName}`;
}

/** The environment that a request is about, and what the request needs to reach it. */
export interface Environment {
  readonly env: Env;
  readonly hops: Hops;
  /** `{org}/{project}/{env}` */
  readonly scope: string;
  /** Null when the signing keys can't be used: then only D1 can say whether a run exists. */
  readonly ring: KeyRing | null;
  /** Lets work go on after the response. */
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** `scope`: that of the path, or another one that the principal may open. */
export function environmentOf(c: Context<AppEnv>, scope = scopeOf(c)): Environment {
  const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
  return {
    env: c.env,
    hops: c.get("hops"),
    scope,
    ring: ring.ok ? ring.value : null,
    waitUntil: (work) => c.executionCtx.waitUntil(work),
  };
}

/** For the log. Call it once the credential is known to open them: before that, anybody may have typed the path. */
export function noteOpened(c: Context<AppEnv>): void {
  const { o, p, envName, id } = c.req.param() as Readonly<Record<string, string | undefined>>;
  if (o === undefined) return;
  c.set("opened", envName === undefined ? `${o}/${p}` : `${o}/${p}/${envName}`);
  const runId = c.req.path.split("/")[5] === "bulk-operations" ? null : parseUuid(id ?? "");
  if (runId !== null) c.set("runId", runId);
}

/** Throws `not_configured` with a sentence that says which setting is wrong. */
export function usableRing({ env }: { readonly env: Pick<Env, "CALLBACK_SIGNING_KEYS"> }): KeyRing {
  const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) throw new ApiError("not_configured", ring.error);
  return ring.value;
}

/** The same for OIDC_ISSUERS. Empty if it is not set. */
export function usableIssuers(c: Context<AppEnv>): readonly Issuer[] {
  const issuers = issuersOf(c.env);
  if (!issuers.ok) throw new ApiError("not_configured", issuers.error);
  return issuers.value;
}

const PATTERNS = /\{[^/]*\}/g;

/** Per isolate. Others' requests don't push the lines of failures out. */
const limits = { requests: new LogLimit(), failures: new LogLimit() };

/**
 * The route is a pattern, because a path may contain text that a caller typed. A line costs more than most of a request's
 * work, so an isolate writes a bounded number a second, and counts the others in the next line.
 */
export const requestLog: MiddlewareHandler<AppEnv> = async (c, next) => {
  const startedAt = Date.now();
  const hops = { d1: 0, coordinator: 0 };
  c.set("hops", hops);
  await next();
  const now = Date.now();
  const line = (c.res.status >= 500 ? limits.failures : limits.requests).next(now);
  if (line === null) return;
  log("info", "request", {
    requestId: c.get("requestId"),
    token: c.get("tokenId"),
    session: c.get("sessionId"),
    scope: c.get("opened"),
    run: c.get("runId"),
    method: c.req.method,
    route: routePath(c, -1).replaceAll(PATTERNS, ""),
    status: c.res.status,
    durationMs: now - startedAt,
    d1: hops.d1,
    coordinator: hops.coordinator,
    code: c.get("errorCode"),
    ...line,
  });
};
