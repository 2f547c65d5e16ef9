/** Random patterns of the subset that `src/json-schema/pattern.ts` accepts. */

import type { Chance } from "./chance.ts";
import { CHARACTERS } from "./values.ts";

const PROPERTIES = ["L", "Lu", "Ll", "Cn", "C", "ID_Continue", "Script=Han", "scx=Latn", "Any", "Emoji"] as const;
const ESCAPES = ["\\d", "\\D", "\\w", "\\W", "\\s", "\\S", ".", "[^]", "[]", "\\x61", "\\u{1F600}"] as const;

export function randomPattern(chance: Chance, most = 1000): string {
  const size = chance.size(2, most);
  let text = chance.is(0.3) ? "^" : "";
  while (text.length < size) text += piece(chance, size - text.length, 3);
  return text + chance.of(["", "$", "!", "\\b!", "[]"]);
}

function piece(chance: Chance, room: number, depth: number): string {
  const text = depth > 0 && room > 8 && chance.is(0.5) ? group(chance, room, depth) : atom(chance, room);
  return text + chance.of(["", "", "?", "*", "+", "{2}", "{0,3}", `{0,${chance.size(1, 500)}}`, "{1,}"]);
}

function group(chance: Chance, room: number, depth: number): string {
  const separator = chance.of(["|", "|", ""]);
  const inner = chance.times(chance.size(1, room / 3), () => piece(chance, 6, depth - 1)).join(separator);
  return `(?:${inner.length > room ? "a|a?" : inner})`;
}

function atom(chance: Chance, room: number): string {
  const kind = chance.next();
  if (kind < 0.4) return escaped(chance.of(CHARACTERS));
  if (kind < 0.6) return chance.of(ESCAPES);
  if (kind < 0.7) return `\\${chance.of(["p", "P"])}{${chance.of(PROPERTIES)}}`;
  if (kind < 0.75) return `(?:${chance.of(["\\b", "\\B", "$", "^"])})`;
  return characterClass(chance, room);
}

function characterClass(chance: Chance, room: number): string {
  const first = chance.of([0x21, 0xa0, 0x3040, 0x4e00, 0x1f300]);
  const members = chance.times(chance.size(1, Math.max(2, Math.min(room, 400))), (index) => {
    if (chance.is(0.1)) return `\\p{${chance.of(PROPERTIES)}}`;
    return escaped(String.fromCodePoint(first + 2 * index));
  });
  return `[${chance.is(0.4) ? "^" : ""}${members.join("")}]`;
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
}
