/** An open loop: what arrives does not wait for what arrived before. */

import { nextArrivalMs, type Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Until `endMs`, at random instants; `onArrival` is told which it is, counted from 0. */
export function startArrivals(
  time: VirtualTime,
  random: Random,
  { perSecond, endMs }: { readonly perSecond: number; readonly endMs: number },
  onArrival: (n: number) => void,
): void {
  let arrivals = 0;
  const next = () => {
    const at = time.now + nextArrivalMs(random, perSecond);
    if (at >= endMs) return;
    time.atPlainly(at, () => {
      onArrival(arrivals++);
      next();
    });
  };
  next();
}
