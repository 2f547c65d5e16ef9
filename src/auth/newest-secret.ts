/**
 * Who changes what lasts must hold the newest secret of a token that still lives. The statement that writes the audit
 * entry has the rule (`MAY_WRITE` in audit.ts), so D1 undoes the change of everybody else. Here is what the asker hears.
 */

import type { Context } from "hono";
import { within } from "../base/time.ts";
import { readD1 } from "../database/read-d1.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { askerState } from "./asker.ts";
import { isAskerRefused } from "./audit.ts";
import { forgetCredentials } from "./credential-memory.ts";
import type { Principal } from "./permissions.ts";

/** A change that a coordinator makes waits so long for D1. */
const ASK_MAX_MS = 1000;

/** Runs a batch with an audit entry. Throws `token_invalid`, `session_ended`, `forbidden`, and errors of D1. */
export async function writeAudited<T>(c: Context<AppEnv>, write: () => Promise<T>): Promise<T> {
  try {
    return await readD1(c.get("hops"), write);
  } catch (error) {
    if (!(error instanceof ApiError && isAskerRefused(error.cause))) throw error;
    throw (await askerRefusal(c)) ?? error;
  }
}

/**
 * The same rule for what only a coordinator writes: its audit entry comes afterwards, so D1 is asked before. A D1 that
 * does not answer must not prevent a decision or a pause, so the isolate's memory counts then.
 */
export async function requireNewestSecret(c: Context<AppEnv>): Promise<void> {
  const { id, sessionId, isReplaced, secretHash } = c.get("principal");
  // ROOT_TOKEN itself has no row.
  if (secretHash === null && sessionId === undefined) return;
  if (isReplaced) throw secretReplaced({ id });
  const refusal = await within(ASK_MAX_MS, askerRefusal(c)).catch(() => null);
  if (refusal !== null) throw refusal;
}

/** Why the asker may not change what lasts; null if they may. Asks D1. */
export async function askerRefusal(c: Context<AppEnv>): Promise<ApiError | null> {
  const asker = c.get("principal");
  switch (await readD1(c.get("hops"), () => askerState(c.env.DB, asker, Date.now()))) {
    case "newest":
      return null;
    case "replaced":
      return secretReplaced(asker);
    case "gone":
      return askerGone(asker);
  }
}

/** D1 no longer has the asker's token or session, but this isolate still remembered it. */
export function askerGone({ id, sessionId }: Pick<Principal, "id" | "sessionId">): ApiError {
  forgetCredentials([id]);
  return new ApiError(sessionId === undefined ? "token_invalid" : "session_ended");
}

/** A rotation replaced the asker's secret. This isolate may not have known it. */
export function secretReplaced({ id }: Pick<Principal, "id">): ApiError {
  forgetCredentials([id]);
  return new ApiError(
    "forbidden",
    "A rotation replaced this secret of your token. It can still read, and create, report and cancel runs. " +
      "Use the newest secret for everything else, and to sign in.",
  );
}
