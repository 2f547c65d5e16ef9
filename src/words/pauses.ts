/** Pauses in words, and which of them concern a run. PURE, apart from the time zone of this machine. */
import type { components } from "../client/openapi.ts";
import { type Waiting, whenText } from "./waiting.ts";

type Pause = components["schemas"]["Pause"];

/** In the place of a group: the whole environment. */
const WHOLE_ENVIRONMENT = "-environment";

/** The next planned pause of a group, or of its environment; null if there is none. `group`: null for no group. */
export function nextPause(pauses: readonly Pause[], group: string | null): Pause | null {
  const planned = pauses.filter((one) => !one.active && (one.group === group || one.group === WHOLE_ENVIRONMENT));
  return planned.reduce<Pause | null>((first, one) => (first !== null && first.from <= one.from ? first : one), null);
}

/** Whether a run waits for the end of a pause, or will when its other gates are open, and nobody has let it through. */
export function isHeldBy(pauses: readonly Pause[], { for: gate, group, throughPause }: Waiting): boolean {
  if (gate === "pause") return true;
  const holds = ({ active, from, group: paused }: Pause) =>
    active &&
    (paused === group || paused === WHOLE_ENVIRONMENT) &&
    (throughPause === undefined || Date.parse(from) > Date.parse(throughPause.at));
  return pauses.some(holds);
}

/** `A pause begins Fri 18:00 GMT+1 and ends Mon 06:00 GMT+1: the weekend`. `now` in ms. `timeZone`: as `whenText` has. */
export function plannedText({ from, until, reason }: Pause, now: number, timeZone?: string): string {
  const when = (at: string) => whenText(Date.parse(at), now, timeZone);
  return `A pause begins ${when(from)}${until === null ? "" : ` and ends ${when(until)}`}: ${reason}`;
}
