/** What differs between the parameters of two runs. PURE. */

import { isSchema, stepOf } from "../actions/schema-form.ts";

export interface Difference {
  readonly pointer: string;
  /** With the names of the objects around it: `notify.channel`. */
  readonly name: string;
  /** As people read it; null if it is missing. */
  readonly before: string | null;
  readonly after: string | null;
}

export interface Differences {
  readonly changed: readonly Difference[];
  /** How many values are the same. */
  readonly same: number;
}

/** Objects are compared member by member, everything else as a whole. Sorted as in `after`, then what is missing there. */
export function differencesOf(before: object, after: object): Differences {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const changed: Difference[] = [];
  let same = 0;
  for (const pointer of new Set([...now.keys(), ...old.keys()])) {
    const [a, b] = [old.get(pointer), now.get(pointer)];
    if (a?.json === b?.json) {
      same++;
      continue;
    }
    const isAlike = a !== undefined && b !== undefined && textOf(a) === textOf(b);
    const shown = (leaf: Leaf | undefined) => (leaf === undefined ? null : isAlike ? leaf.json : textOf(leaf));
    changed.push({ pointer, name: (b ?? a)?.name ?? "", before: shown(a), after: shown(b) });
  }
  return { changed, same };
}

interface Leaf {
  readonly name: string;
  readonly value: unknown;
  readonly json: string;
}

function leavesOf(parameters: object): ReadonlyMap<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  function walk(value: unknown, pointer: string, name: string): void {
    const members = isSchema(value) ? Object.entries(value) : [];
    if (members.length === 0 && pointer !== "") {
      leaves.set(pointer, { name, value, json: JSON.stringify(value) });
    }
    for (const [key, member] of members) {
      walk(member, pointer + stepOf(key), name === "" ? key : `${name}.${key}`);
    }
  }
  walk(parameters, "", "");
  return leaves;
}

/** A text as it is, everything else as JSON. */
function textOf({ value, json }: Leaf): string {
  return typeof value === "string" && value !== "" ? value : json;
}

const LONGEST_WORD = 40;

/** What a run had and another has not, in words: ` with 1.4.357`. Empty if there is too much to name it. */
export function wordsOf(changed: readonly Difference[]): string {
  const [only, ...more] = changed;
  if (only === undefined) return " with the same parameters";
  if (more.length > 0) return "";
  const { name, before } = only;
  if (before === null) return ` without ${name}`;
  if (before.length > LONGEST_WORD || /\s/.test(before)) return ` with another ${name}`;
  // A version or a branch says what it is. `true` and `3` do not.
  return /^\d+$|^[a-z]+$|^\W/i.test(before) ? ` with ${name} ${before}` : ` with ${before}`;
}
