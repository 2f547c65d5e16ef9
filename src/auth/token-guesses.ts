/**
 * Slows down clients that guess API tokens. Only a failed lookup is charged, so good tokens from the same address still
 * work. Guesses must not cause unlimited reads of D1, so a client over its allowance may run only a few lookups at
 * once.
 *
 * An IPv6 client has a whole /64 (RFC 4291, 2.5.4) and can use a new address for each request, so the /64 counts as the
 * client.
 */

import { BoundedMap } from "../base/bounded-map.ts";
import { msSinceOrLongAgo } from "../base/time.ts";
import { ApiError } from "../http/errors.ts";

const LOOK_UPS_AT_ONCE = 4;
/** The longest lookup. If the client hangs up, its lookup may never end, so it counts no longer than this. */
const LOOK_UP_MAX_MS = 11_000;

/** Per isolate: the clients over their allowance, with their running lookups. */
const slowed = new BoundedMap<Set<{ readonly startedAt: number }>>(1000);

/** Looks up a token that may be a guess. Throws 429 if the client runs too many lookups. */
export async function lookUpGuess<T>(client: string, now: number, lookUp: () => Promise<T>): Promise<T> {
  const running = slowed.get(client);
  if (running === undefined) return lookUp();
  for (const one of running) if (msSinceOrLongAgo(one.startedAt, now) >= LOOK_UP_MAX_MS) running.delete(one);
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

/** The IPv4 address, or the /64 of an IPv6 address in any spelling. Any other text is returned as it is. */
export function clientOf(address: string): string {
  const [text = ""] = address.split("%", 1);
  const host = /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text) ? URL.parse(`http://[${text}]`)?.hostname : undefined;
  if (host === undefined) return address;
  const [before = [], after = []] = host.slice(1, -1).split("::").map(groupsOf);
  const groups = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  const [high = 0, low = 0] = groups.slice(-2);
  // ::ffff:0:0/96 is an IPv4 client on an IPv6 socket.
  if (groups.slice(0, 6).join() === "0,0,0,0,0,65535") return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  const prefix = groups.slice(0, 4).map((group) => group.toString(16));
  return `${prefix.join(":")}::/64`;
}

function groupsOf(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}
