/** Finds what somebody forgot to replace in an example, such as `YOUR_ORG`. */

export interface LeftOver {
  /** Where it is: `trigger.url`. */
  readonly member: string;
  /** `YOUR_ORG`. */
  readonly word: string;
}

const WORD = /\bYOUR_[A-Z0-9_]*[A-Z0-9]/;

/** The first such word of each text in a definition. */
export function leftOvers(value: unknown, member = ""): readonly LeftOver[] {
  if (typeof value === "string") {
    const [word] = WORD.exec(value) ?? [];
    return word === undefined ? [] : [{ member, word }];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => leftOvers(one, member === "" ? key : `${member}.${key}`));
}

/** A sentence about them; null if there are none. `harm`: what they prevent, such as "or the job can't start". */
export function leftOverWarning(definition: unknown, harm: string): string | null {
  const found = leftOvers(definition);
  const [first, second] = found;
  if (first === undefined) return null;
  const told = found.slice(0, 3).map(({ member, word }) => `${member} has ${word}`);
  const more = found.length > told.length ? `, and ${found.length - told.length} more` : "";
  const what = second === undefined ? "the text" : "the texts";
  return `${told.join(", ")}${more}. Replace ${what} of the example by your own, ${harm}.`;
}
