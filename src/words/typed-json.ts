/**
 * What people get wrong in JSON that they type: numbers that change on their way, and what they forgot to replace in an
 * example. The service reads every number as a double, as JavaScript does, so 9007199254740993 would arrive as
 * 9007199254740992. Such a number is refused here, and nothing is sent. PURE.
 */

type Parsed = { readonly value: unknown } | { readonly problem: string };

/** A string, which is skipped, or a number. Only for text that is JSON. */
const STRINGS_AND_NUMBERS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const SHOWN_CHARACTERS = 40;

export function parseExact(text: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `This is not valid JSON. ${error instanceof Error ? error.message : ""}`.trimEnd() };
  }
  for (const [token] of text.matchAll(STRINGS_AND_NUMBERS)) {
    const problem = token.startsWith('"') ? null : problemOfNumber(token);
    if (problem !== null) return { problem };
  }
  return { value };
}

/** Why the service would read another number; null if it reads the same one. `text`: a number as JSON writes it. */
export function problemOfNumber(text: string): string | null {
  const read = Number(text);
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}…` : text;
  if (!Number.isFinite(read)) return `The number ${shown} is too large. Use a number below 1.8e308.`;
  if (decimalOf(text) === decimalOf(String(read))) return null;
  return `The service can't keep all digits of ${shown}: it would become ${read}. Use a shorter number, or let the action take it as text.`;
}

/** One spelling for each number: its digits without zeros at both ends, and its power of ten. */
function decimalOf(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${power}`;
}

interface LeftOver {
  /** Where it is: `trigger.url`. */
  readonly member: string;
  /** `YOUR_ORG`. */
  readonly word: string;
}

const WORD = /\bYOUR_[A-Z0-9_]*[A-Z0-9]/;

/** The first such word of each text in a definition. */
function leftOvers(value: unknown, member = ""): readonly LeftOver[] {
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
