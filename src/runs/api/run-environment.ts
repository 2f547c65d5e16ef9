/**
 * The environment of a request, and how the request asks its coordinator. A coordinator that can't be reached is a 503.
 * The platform's own words go to the log, because they name internals.
 */

import type { Context } from "hono";
import { parseUuid } from "../../base/uuid.ts";
import type { AppEnv, Hops } from "../../http/app-env.ts";
import { scopeOf } from "../../http/environment.ts";
import { ApiError } from "../../http/errors.ts";
import type { Env } from "../../settings/env.ts";
import { type KeyRing, keyRing } from "../../settings/key-ring.ts";
import { callCoordinator } from "../coordinator-client.ts";
import type { Coordinator } from "../protocol.ts";
import { isGenuineRunId } from "../run-id.ts";

/** The environment that a request is about, and what the request needs to reach its runs. */
export interface RunEnvironment {
  readonly env: Env;
  readonly hops: Hops;
  /** `{org}/{project}/{env}` */
  readonly scope: string;
  /** Null when the signing keys can't be used: then only D1 can say whether a run exists. */
  readonly ring: KeyRing | null;
  /** Lets work go on after the response. */
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** The environment that the path names. */
export function environmentOf(c: Context<AppEnv>): RunEnvironment {
  return environmentIn(c, scopeOf(c));
}

/** `scope`: one that is known, and that the principal may open. */
export function environmentIn(c: Context<AppEnv>, scope: string): RunEnvironment {
  const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
  return {
    env: c.env,
    hops: c.get("hops"),
    scope,
    ring: ring.ok ? ring.value : null,
    waitUntil: (work) => c.executionCtx.waitUntil(work),
  };
}

/** The id in the path in its canonical spelling. Throws `run_not_found` for a text that is not a UUID. */
export function runIdOf(c: Context<AppEnv>): string {
  const id = parseUuid(c.req.param("id") ?? "");
  if (id === null) throw new ApiError("run_not_found");
  return id;
}

/** Whether this service created the id for this scope, with a key that is still in the ring. */
export async function isGenuine({ ring, scope }: RunEnvironment, id: string): Promise<boolean> {
  return ring !== null && (await isGenuineRunId(ring, scope, id));
}

/** Calls the environment's coordinator. Throws `coordinator_unavailable`. */
export async function ask<T>(
  { env, hops, scope }: Pick<RunEnvironment, "env" | "hops" | "scope">,
  call: (coordinator: Coordinator) => Promise<T>,
): Promise<T> {
  try {
    return await callCoordinator(env, hops, scope, call);
  } catch (error) {
    throw new ApiError("coordinator_unavailable", undefined, { cause: error });
  }
}
