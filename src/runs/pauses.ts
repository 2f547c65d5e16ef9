/** Which pauses hold a run back. A pause is known by its group and from when it holds. PURE: `now` is passed in. */
import { NO_GROUP, type PassedPause } from "./run.ts";

/** `group`: "" for the environment. `from`: null if it holds from now on. `until`: null if only a call ends it. */
export interface NewPause {
  readonly group: string;
  readonly from?: number | null;
  readonly reason: string;
  readonly until: number | null;
  readonly by: string;
  readonly via: string | null;
  readonly at: number;
}

/** `isPlanned`: whether it began, or begins, after it was put. Another one holds since then, whatever clocks say. */
export interface Pause extends NewPause {
  readonly from: number;
  readonly isPlanned: boolean;
}

/** Its own, and the environment's. */
export function inForceFor(pauses: readonly Pause[], group: string, now: number): Pause[] {
  return pauses.filter((pause) => (pause.group === group || pause.group === NO_GROUP.group) && isInForce(pause, now));
}

export function isInForce(pause: Pause, now: number): boolean {
  return !hasEnded(pause, now) && !(pause.isPlanned && now < pause.from);
}

export function hasEnded({ until }: Pick<Pause, "until">, now: number): boolean {
  return until !== null && until <= now;
}

/** Of those in force, a group's own comes first, and then the one that ends last. `passed`: those that hold it no more. */
export function holding(inForce: readonly Pause[], passed: readonly PassedPause[]): Pause | null {
  const isPassed = ({ group, from, reason }: Pause) =>
    passed.some((one) => one.group === group && one.from === from && one.reason === reason);
  const held = inForce.filter((pause) => !isPassed(pause));
  const own = held.filter(({ group }) => group !== NO_GROUP.group);
  const [first = null, ...others] = own.length > 0 ? own : held;
  return others.reduce((last, pause) => (endOf(pause) > endOf(last ?? pause) ? pause : last), first);
}

function endOf({ until }: Pause): number {
  return until ?? Number.POSITIVE_INFINITY;
}
