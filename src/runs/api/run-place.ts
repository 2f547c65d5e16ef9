/**
 * How a request asks a coordinator. A coordinator that can't be reached is a 503. The platform's own words go to the
 * log, because they name internals.
 */

import type { Context } from "hono";
import { parseUuid } from "../../base/uuid.ts";
import type { AppEnv, Hops } from "../../http/app-env.ts";
import { scopeOf } from "../../http/environment.ts";
import { ApiError } from "../../http/errors.ts";
import type { Env } from "../../settings/env.ts";
import { type KeyRing, keyRing } from "../../settings/key-ring.ts";
import { callCoordinator } from "../coordinator-client.ts";
import type { Coordinator, RunReply } from "../protocol.ts";
import { isGenuineRunId, readRunId } from "../run-id.ts";
import { noteChange } from "./bookmark/recent-changes.ts";

/** The environment that a request is about, and what the request may use to reach its runs. */
export interface Place {
  readonly env: Env;
  readonly hops: Hops;
  /** `{org}/{project}/{env}` */
  readonly scope: string;
  /** Null when the signing keys can't be used: then only D1 can say whether a run exists. */
  readonly ring: KeyRing | null;
  /** Run ids of this scope that were minted or verified for this request. */
  readonly genuineIds: Set<string>;
}

export function placeOf(c: Context<AppEnv>): Place {
  const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
  return {
    env: c.env,
    hops: c.get("hops"),
    scope: scopeOf(c),
    ring: ring.ok ? ring.value : null,
    genuineIds: new Set(),
  };
}

/** The id in the path in its canonical spelling. Throws `run_not_found` for a text that is not a UUID. */
export function runIdOf(c: Context<AppEnv>): string {
  const id = parseUuid(c.req.param("id") ?? "");
  if (id === null) throw new ApiError("run_not_found");
  return id;
}

/** Whether this service minted the id for this scope, with a key that is still in the ring. */
export async function isGenuine({ ring, scope, genuineIds }: Place, id: string): Promise<boolean> {
  if (genuineIds.has(id)) return true;
  const isIt = ring !== null && (await isGenuineRunId(ring, scope, id));
  if (isIt) genuineIds.add(id);
  return isIt;
}

/** `n`: the coordinator's number. Throws `coordinator_unavailable`. */
export async function askCoordinator<T>(
  { env, hops, scope }: Place,
  n: number,
  ask: (coordinator: Coordinator) => Promise<T>,
): Promise<T> {
  try {
    return await callCoordinator(env, hops, scope, n, ask);
  } catch (error) {
    throw new ApiError("coordinator_unavailable", undefined, { cause: error });
  }
}

/** Asks the coordinator that owns the run `id`. Throws `coordinator_unavailable`. */
export function askAboutRun<T>(
  place: Place,
  id: string,
  ask: (coordinator: Coordinator) => Promise<T>,
): Promise<T> {
  return askCoordinator(place, readRunId(id).coordinator, ask);
}

/** Asks for a change of the run `id`. The isolate remembers it, so that its next list shows the change. */
export async function askForChange(
  place: Place,
  id: string,
  ask: (coordinator: Coordinator) => Promise<RunReply>,
): Promise<RunReply> {
  const takeBack = noteChange(place.scope, id, Date.now());
  const answer = await askAboutRun(place, id, ask);
  // D1 already has what the answer says, or nothing has changed.
  if (answer.bookmark !== null) takeBack();
  // Once more, because a list that came before the change forgot it, or because the call took long.
  else noteChange(place.scope, id, Date.now());
  return answer;
}
