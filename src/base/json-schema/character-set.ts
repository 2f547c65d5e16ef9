/**
 * Which characters a literal, an escape or a class of a pattern accepts (ECMA-262, section 22.2.1, flag `u`). PURE.
 *
 * The runtime is asked only about single Unicode properties. It would take milliseconds to make a test of a class like
 * `[\p{Lu}\p{Ll}]`, and a schema has room for a thousand of those.
 */

/** Looking for a character among the ranges. */
const RANGES_STEPS = 1;
/** Asking the runtime whether a character that is not ASCII has a property. */
const PROPERTY_STEPS = 10;
const ASCII = 128;
const LAST = 0x10ffff;

/** Code points, ascending and without overlap: from, to, from, to… */
type Ranges = readonly number[];

/** A Unicode property: `\p{L}`, `\p{Script=Greek}`. */
export interface Property {
  readonly runtime: RegExp;
  readonly ascii: readonly boolean[];
}

/** A property as it stands in a class. `isNegated`: `\P`. */
interface PropertyTest {
  readonly property: Property;
  readonly isNegated: boolean;
}

export interface CharacterSet {
  readonly ascii: readonly number[];
  readonly ranges: Ranges;
  readonly properties: readonly PropertyTest[];
  readonly isNegated: boolean;
  /** What a test of a character that is not ASCII costs, besides the step of its instruction. */
  readonly steps: number;
}

/** Null if there is no property of this name. `name` is what braces contain. */
export function toProperty(name: string): Property | null {
  let runtime: RegExp;
  try {
    runtime = new RegExp(`^\\p{${name}}$`, "u");
  } catch {
    return null;
  }
  const ascii = Array.from({ length: ASCII }, (_, code) => runtime.test(String.fromCodePoint(code)));
  // The runtime compiles an expression at its first and second use. That must not fall into a validation.
  for (const character of ["é", "語", "😀", "é", "語", "😀"]) runtime.test(character);
  return { runtime, ascii };
}

/** The union of the ranges, which may overlap in any order, and of the properties. */
export function toSet(
  ranges: readonly Ranges[],
  properties: readonly PropertyTest[] = [],
  isNegated = false,
): CharacterSet {
  const set = {
    ranges: merged(ranges),
    properties,
    isNegated,
    steps: RANGES_STEPS + properties.length * PROPERTY_STEPS,
  };
  const ascii = [0, 0, 0, 0];
  for (let code = 0; code < ASCII; code++) {
    if (isMember(set, code)) ascii[code >> 5] = (ascii[code >> 5] ?? 0) | (1 << (code & 31));
  }
  return { ...set, ascii };
}

export function accepts(set: CharacterSet, code: number): boolean {
  if (code < ASCII) return (((set.ascii[code >> 5] ?? 0) >>> (code & 31)) & 1) === 1;
  return isMember(set, code);
}

function complement(ranges: Ranges): Ranges {
  const others: number[] = [];
  let from = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    if ((ranges[i] ?? 0) > from) others.push(from, (ranges[i] ?? 0) - 1);
    from = (ranges[i + 1] ?? 0) + 1;
  }
  if (from <= LAST) others.push(from, LAST);
  return others;
}

function isMember({ ranges, properties, isNegated }: Omit<CharacterSet, "ascii">, code: number): boolean {
  if (isIn(ranges, code)) return !isNegated;
  for (const { property, isNegated: isOther } of properties) {
    if ((property.ascii[code] ?? property.runtime.test(String.fromCodePoint(code))) !== isOther) return !isNegated;
  }
  return isNegated;
}

function isIn(ranges: Ranges, code: number): boolean {
  let low = 0;
  let high = ranges.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (code < (ranges[2 * middle] ?? 0)) high = middle;
    else if (code > (ranges[2 * middle + 1] ?? 0)) low = middle + 1;
    else return true;
  }
  return false;
}

function merged(all: readonly Ranges[]): Ranges {
  const pairs = all.flatMap((ranges) =>
    Array.from({ length: ranges.length >> 1 }, (_, i) => [ranges[2 * i] ?? 0, ranges[2 * i + 1] ?? 0] as const),
  );
  pairs.sort(([a], [b]) => a - b);
  const joined: number[] = [];
  for (const [from, to] of pairs) {
    const last = joined.length - 1;
    if (last > 0 && from <= (joined[last] ?? 0) + 1) joined[last] = Math.max(joined[last] ?? 0, to);
    else joined.push(from, to);
  }
  return joined;
}

const TOKEN =
  /\\(?:u\{[^}]*\}|u[dD][89abAB]..\\u[dD][c-fC-F]..|u.{4}|x..|c.|[pP]\{[^}]*\}|.)|\[(?:[^\]\\]|\\.)*\]|./suy;
const LINE_ENDS: Ranges = [0x0a, 0x0a, 0x0d, 0x0d, 0x2028, 0x2029];
const DIGITS: Ranges = [0x30, 0x39];
const WORD: Ranges = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];
const SPACES: Ranges = [
  0x09, 0x0d, 0x20, 0x20, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f,
  0x3000, 0x3000, 0xfeff, 0xfeff,
];
const CLASSES: ReadonlyMap<string, Ranges> = new Map([
  ["\\d", DIGITS],
  ["\\D", complement(DIGITS)],
  ["\\w", WORD],
  ["\\W", complement(WORD)],
  ["\\s", SPACES],
  ["\\S", complement(SPACES)],
]);
/** The letters behind a backslash, and the characters that they stand for. */
const CONTROLS = ["0btnvfr", "\0\b\t\n\v\f\r"] as const;

type Properties = ReadonlyMap<string, Property>;

export function tokenAt(source: string, at: number): string {
  TOKEN.lastIndex = at;
  return TOKEN.exec(source)?.[0] ?? "";
}

export function setOf(token: string, properties: Properties): CharacterSet {
  if (token === ".") return toSet([complement(LINE_ENDS)]);
  if (token.startsWith("[")) return classOf(token, properties);
  const { ranges, test } = memberOf(token, properties);
  return toSet([ranges], test === null ? [] : [test]);
}

function classOf(source: string, properties: Properties): CharacterSet {
  const isNegated = source.startsWith("[^");
  const end = source.length - 1;
  const ranges: Ranges[] = [];
  const tests = new Map<string, PropertyTest>();
  for (let at = isNegated ? 2 : 1; at < end; ) {
    const token = memberAt(source, at);
    at += token.length;
    const { ranges: own, test } = memberOf(token, properties);
    if (test !== null) tests.set(token, test);
    else if (source[at] === "-" && at + 1 < end) {
      const last = memberAt(source, at + 1);
      at += 1 + last.length;
      ranges.push([own[0] ?? 0, memberOf(last, properties).ranges[0] ?? 0]);
    } else ranges.push(own);
  }
  return toSet(ranges, [...tests.values()], isNegated);
}

/** Inside a class, `[` is a literal. */
function memberAt(source: string, at: number): string {
  return source[at] === "[" ? "[" : tokenAt(source, at);
}

/** A single character is a range of one. */
function memberOf(token: string, properties: Properties): { ranges: Ranges; test: PropertyTest | null } {
  const property = /^\\[pP]\{/.test(token) ? properties.get(token.slice(3, -1)) : undefined;
  if (property !== undefined) {
    return { ranges: [], test: { property, isNegated: token.startsWith("\\P") } };
  }
  const code = codeOf(token);
  return { ranges: CLASSES.get(token) ?? [code, code], test: null };
}

function codeOf(token: string): number {
  if (!token.startsWith("\\")) return token.codePointAt(0) ?? 0;
  const control = token.length === 2 ? CONTROLS[0].indexOf(token.charAt(1)) : -1;
  if (control >= 0) return CONTROLS[1].charCodeAt(control);
  if (/^\\c./.test(token)) return token.charCodeAt(2) % 32;
  const units = [...token.matchAll(/\\[ux]\{?([0-9a-f]+)/gi)].map(([, hex = ""]) => Number.parseInt(hex, 16));
  if (units.length === 0) return token.codePointAt(1) ?? 0;
  // One code point, or the two halves of one.
  return String.fromCodePoint(...units).codePointAt(0) ?? 0;
}
