/**
 * Limits guesses of API tokens by client. The limit applies after a look-up failed: a good token, whoever shares its
 * address, is looked up first and is never charged. So that a guesser can't buy unlimited reads of D1, a client that is
 * over its allowance has only a few look-ups of unknown tokens under way at once.
 */

import { msSince } from "../elapsed.ts";
import { ApiError } from "../http/errors.ts";

const RETRY_AFTER_SECONDS = 10;
const LOOK_UPS_AT_ONCE = 4;
/** A look-up takes at most this long. One whose client hung up may never say that it ended, and frees its place then. */
const LOOK_UP_MAX_MS = 11_000;
const SLOWED_MAX = 1000;

interface LookUp {
  readonly startedAt: number;
}

/** Per isolate, bounded: clients whose last charge was refused, and their look-ups that are under way. */
const slowed = new Map<string, Set<LookUp>>();

/** Looks up a token that may be a guess of `client`. Throws 429 if the client has too many under way. */
export async function lookUpGuess<T>(client: string, now: number, lookUp: () => Promise<T>): Promise<T> {
  const underWay = slowed.get(client);
  if (underWay === undefined) return lookUp();
  for (const one of underWay) if (msSince(one.startedAt, now) >= LOOK_UP_MAX_MS) underWay.delete(one);
  if (underWay.size >= LOOK_UPS_AT_ONCE) throw tooManyGuesses();
  const mine = { startedAt: now };
  underWay.add(mine);
  try {
    return await lookUp();
  } finally {
    underWay.delete(mine);
  }
}

/** Charges a guess that failed to its client. Throws 429 if the client is over its allowance. */
export async function chargeGuess(limit: RateLimit, client: string): Promise<void> {
  const { success } = await limit.limit({ key: client });
  if (success) {
    slowed.delete(client);
    return;
  }
  if (!slowed.has(client)) {
    const [oldest] = slowed.keys();
    if (slowed.size >= SLOWED_MAX && oldest !== undefined) slowed.delete(oldest);
    slowed.set(client, new Set());
  }
  throw tooManyGuesses();
}

function tooManyGuesses(): ApiError {
  return new ApiError(
    "too_many_requests",
    "Too many unknown tokens came from your address. Try again in a few seconds.",
    { "Retry-After": String(RETRY_AFTER_SECONDS) },
  );
}
