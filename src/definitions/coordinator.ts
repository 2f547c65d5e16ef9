/**
 * How a kind tells the environment's coordinator of its definitions: the coordinator notes a change, D1 is written, and
 * the coordinator reads D1. It has a row for each webhook endpoint and each schedule.
 */
import type { Context } from "hono";
import { within } from "../base/time.ts";
import { ApiError } from "../http/errors.ts";
import { type AppEnv, type Hops, scopeOf } from "../http/request-context.ts";
import { type Coordinator, callCoordinator, EnvironmentErasing } from "../runs/protocol.ts";
import type { Env } from "../settings/env.ts";

const NOT_STORED = "The environment can't be reached, so nothing was stored. Try again in a few seconds.";
/** How long a response waits for the coordinator to read what was changed. */
const CHANGED_MAX_MS = 2500;

interface Environment {
  readonly env: Pick<Env, "COORDINATORS" | "JURISDICTION">;
  readonly hops: Pick<Hops, "coordinator">;
  readonly scope: string;
}

export function environmentOf(c: Context<AppEnv>): Environment {
  return { env: c.env, hops: c.get("hops"), scope: scopeOf(c) };
}

/** Throws `coordinator_unavailable`, with this sentence if there is one, and `environment_erasing`. */
export async function askCoordinator<T>(
  { env, hops, scope }: Environment,
  call: (coordinator: Coordinator) => Promise<T>,
  sentence?: string,
): Promise<T> {
  try {
    return await callCoordinator(env, hops, scope, call);
  } catch (cause) {
    if (cause instanceof EnvironmentErasing) throw new ApiError("environment_erasing");
    throw new ApiError("coordinator_unavailable", sentence, { cause });
  }
}

/**
 * Call this before a definition is written or deleted. Otherwise a run could end after the PUT and notify nobody. A
 * repetition is harmless. `created`: the key of a new endpoint. `silences`: whether the change only ends what the
 * definition does. Then it must work without the coordinator. Throws `coordinator_unavailable`.
 */
export async function noteChange(
  c: Context<AppEnv>,
  { created = null, silences = false }: { readonly created?: string | null; readonly silences?: boolean } = {},
): Promise<void> {
  const noting = askCoordinator(environmentOf(c), ({ definitions }) => definitions.note(created), NOT_STORED);
  await (silences ? noting.catch(() => {}) : noting);
}

/** Call this when the change is written. If the call gets lost, the coordinator finds the change within a minute. */
export async function changed(c: Context<AppEnv>): Promise<void> {
  const calling = askCoordinator(environmentOf(c), ({ definitions }) => definitions.changed());
  await within(CHANGED_MAX_MS, calling).catch(() => {});
}
