/** Which rows D1 refuses for their content during a soak. The Worker refuses them, and the callers must know of it. */

/** One run in so many. */
const ONE_IN = 256;

/** Whether D1 refuses each version of this run once. The end of an id is an HMAC, so such runs lie everywhere. */
export function isRefused(id: string): boolean {
  return Number.parseInt(id.slice(-8), 16) % ONE_IN === 0;
}
