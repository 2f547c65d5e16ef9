/**
 * What people get wrong in JSON that they type. The service reads numbers as doubles, so 9007199254740993 would arrive
 * as 9007199254740992. Such a number is refused, and nothing is sent. PURE.
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

const TYPES = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  null: "null",
  array: "a JSON array",
  object: "a JSON object",
} as const;
export type JsonType = keyof typeof TYPES;

/** Null if a schema gives no type, several, or says it in a way that only an evaluator understands. */
export function typeOfProperty(schema: unknown, name: string): JsonType | null {
  const type = valueBelow(schema, ["properties", name, "type"]);
  return typeof type === "string" && Object.hasOwn(TYPES, type) ? (type as JsonType) : null;
}

export function valueBelow(value: unknown, names: readonly string[]): unknown {
  return names.reduce<unknown>((inner, name) => {
    const isThere = typeof inner === "object" && inner !== null && Object.hasOwn(inner, name);
    return isThere ? (inner as Readonly<Record<string, unknown>>)[name] : undefined;
  }, value);
}

/** The value of this type that a text means. A text stays as it is, so a version 1.10 does not become 1.1. */
export function parseTyped(text: string, type: JsonType): Parsed {
  if (type === "string") return { value: text };
  try {
    if (isOfType(JSON.parse(text), type)) return parseExact(text);
  } catch {
    // The sentence below covers this case too.
  }
  return { problem: `It must be ${TYPES[type]}.` };
}

function isOfType(value: unknown, type: JsonType): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

const LEFT_OVER = /\bYOUR_[A-Z0-9_]*[A-Z0-9]/;

/** Of each text in a definition that has such a word: `trigger.url has YOUR_ORG`. */
function leftOvers(value: unknown, member = ""): readonly string[] {
  if (typeof value === "string") {
    const [word] = LEFT_OVER.exec(value) ?? [];
    return word === undefined ? [] : [`${member} has ${word}`];
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => leftOvers(one, member === "" ? key : `${member}.${key}`));
}

/** A sentence about them; null if there are none. `harm`: what they prevent, such as "or the job can't start". */
export function leftOverWarning(definition: unknown, harm: string): string | null {
  const found = leftOvers(definition);
  if (found.length === 0) return null;
  const more = found.length > 3 ? `, and ${found.length - 3} more` : "";
  const what = found.length === 1 ? "the text" : "the texts";
  return `${found.slice(0, 3).join(", ")}${more}. Replace ${what} of the example by your own, ${harm}.`;
}
