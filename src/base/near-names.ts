/** Finds the name that somebody meant who wrote another one. PURE. */
import { shortened } from "./visible-text.ts";

/** Longer names are not compared, because a comparison takes the product of both lengths. */
const COMPARED_CHARACTERS = 64;
/** A name with more differences than this is another name, and no slip of the fingers. */
const MOST_SLIPS = 2;

/** The name that fewest slips turn into `name`; undefined if none is near. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const near = names
    .filter((one) => Math.max(one.length, name.length) <= COMPARED_CHARACTERS)
    .filter((one) => Math.abs(one.length - name.length) <= MOST_SLIPS)
    .map((one) => ({ one, slips: slipsBetween(name, one) }))
    .sort((a, b) => a.slips - b.slips)[0];
  return near !== undefined && near.slips <= MOST_SLIPS ? near.one : undefined;
}

const SHOWN_NAMES = 5;

/** Says which name is near, and which there are. `name` null: nothing may quote it. `none`: if there are no names. */
export function namesInstead(
  name: string | null,
  names: readonly string[],
  { having, none, maxCharacters }: { readonly having: string; readonly none: string; readonly maxCharacters: number },
): string {
  const near = name === null ? undefined : nearest(name, names);
  const shown = names.slice(0, SHOWN_NAMES).map((one) => shortened(one, maxCharacters));
  const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : "";
  const those = names.length === 0 ? none : `${having} ${shown.join(", ")}${more}.`;
  return near === undefined ? those : `Did you mean ${near}? ${those}`;
}

/** How many characters to insert, remove or replace (Levenshtein). */
function slipsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
