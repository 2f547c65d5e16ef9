/**
 * Reads a literal, an escape or a class of a pattern whose syntax is valid with the flag `u` (ECMA-262, section
 * 22.2.1). PURE.
 */

import {
  type CharacterSet,
  complement,
  type Property,
  type PropertyTest,
  type Ranges,
  toSet,
} from "./character-set.ts";

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
const CONTROLS: ReadonlyMap<string, number> = new Map([
  ["\\0", 0x00],
  ["\\b", 0x08],
  ["\\t", 0x09],
  ["\\n", 0x0a],
  ["\\v", 0x0b],
  ["\\f", 0x0c],
  ["\\r", 0x0d],
]);

/** Every property of the pattern by the name in its braces. */
export type Properties = ReadonlyMap<string, Property>;

/** The text of the character or class at `at`. */
export function tokenAt(source: string, at: number): string {
  TOKEN.lastIndex = at;
  return TOKEN.exec(source)?.[0] ?? "";
}

export function setOf(token: string, properties: Properties): CharacterSet {
  if (token === ".") return toSet([complement(LINE_ENDS)]);
  if (!token.startsWith("[")) {
    const { ranges, test } = memberOf(token, properties);
    return toSet([ranges], test === null ? [] : [test]);
  }
  return classOf(token, properties);
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
  const control = CONTROLS.get(token);
  if (control !== undefined) return control;
  if (/^\\c./.test(token)) return token.charCodeAt(2) % 32;
  const units = [...token.matchAll(/\\[ux]\{?([0-9a-f]+)/gi)].map(([, hex = ""]) => Number.parseInt(hex, 16));
  if (units.length === 0) return token.codePointAt(1) ?? 0;
  // One code point, or the two halves of one.
  return String.fromCodePoint(...units).codePointAt(0) ?? 0;
}
