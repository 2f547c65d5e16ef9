/**
 * Slows down clients that guess API tokens. Only a failed look-up is charged, so good tokens from the same address still
 * work. Guesses must not buy unlimited reads of D1, so a client over its allowance may run only a few look-ups at once.
 */

import { BoundedMap } from "../base/bounded-map.ts";
import { msSince } from "../base/time.ts";
import { ApiError } from "../http/errors.ts";

const LOOK_UPS_AT_ONCE = 4;
/** The longest look-up. If the client hangs up, its look-up may never end, so its place is freed then. */
const LOOK_UP_MAX_MS = 11_000;

/** Per isolate: the clients over their allowance, with their running look-ups. */
const slowed = new BoundedMap<Set<{ readonly startedAt: number }>>(1000);

/** Looks up a token that may be a guess. Throws 429 if the client runs too many look-ups. */
export async function lookUpGuess<T>(client: string, now: number, lookUp: () => Promise<T>): Promise<T> {
  const running = slowed.get(client);
  if (running === undefined) return lookUp();
  for (const one of running) if (msSince(one.startedAt, now) >= LOOK_UP_MAX_MS) running.delete(one);
  if (running.size >= LOOK_UPS_AT_ONCE) throw new ApiError("too_many_requests");
  const mine = { startedAt: now };
  running.add(mine);
  try {
    return await lookUp();
  } finally {
    running.delete(mine);
  }
}

/** Charges a failed guess to its client. Throws 429 if the client is over its allowance. */
export async function chargeGuess(limit: RateLimit, client: string): Promise<void> {
  const { success } = await limit.limit({ key: client });
  if (success) return slowed.delete(client);
  if (slowed.get(client) === undefined) slowed.set(client, new Set());
  throw new ApiError("too_many_requests");
}
