/** Where a fault's text is in a source file. */

import type { Fault } from "./faults.ts";

/** The source with the fault, once for each place that has its text. White space may differ, because formats change. */
export function planted(source: string, { from, to }: Pick<Fault, "from" | "to">): readonly string[] {
  const words = from
    .trim()
    .split(/\s+/)
    .map((word) => RegExp.escape(word));
  const places = [...source.matchAll(new RegExp(words.join("\\s+"), "g"))];
  return places.map(({ index, 0: text }) => source.slice(0, index) + to + source.slice(index + text.length));
}
