/** Places that stand open, all at once, with callers, and what is right there. */

import { startCaller } from "./caller.ts";
import type { Clerks } from "./clerks.ts";
import type { Site } from "./operations.ts";
import { open } from "./place.ts";
import type { Filled } from "./places.ts";
import { quiet } from "./quiet.ts";

export const MANY_CALLERS = 16;
/** Of each coordinator: what callbacks to runs of all ages use up. */
const REPORTABLE = 16;

export interface Opened {
  readonly sites: readonly Site[];
  stop(): Promise<void>;
}

export async function openSites(
  places: readonly Filled[],
  clerks: Clerks,
  options: Parameters<typeof open>[1] = {},
): Promise<Opened> {
  const known = await Promise.all(
    places.map(async (place) => ({
      place,
      facts: await clerks.facts(place),
      reportable: inTurn(await clerks.reportable(place, REPORTABLE)),
    })),
  );
  const sites: Site[] = [];
  const closing: (() => Promise<void>)[] = [];
  for (const { place, facts, reportable } of known) {
    const standing = await open(place, options);
    const callers = Array.from({ length: 1 + MANY_CALLERS }, () => startCaller(standing));
    const [first, ...others] = callers;
    if (first === undefined) throw new Error("no caller");
    closing.push(...callers.map(({ close }) => close), () => standing.stop());
    const more = others.map(({ call }) => call);
    const { token } = place;
    sites.push({ standing, token, facts, reportable, made: [], call: first.call, more, counts: new Map() });
  }
  return {
    sites,
    stop: async () => {
      await quiet(sites.map(({ standing }) => standing));
      for (const close of closing) await close();
    },
  };
}

/** The first of each list, then the second of each. */
function inTurn<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}
