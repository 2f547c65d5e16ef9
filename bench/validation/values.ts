/** Random values up to the size of parameters: texts, numbers, lists, objects, and deep ones. */

import { INPUTS_MAX_BYTES } from "../../src/base/limits.ts";
import type { Chance } from "./chance.ts";

type Json = Record<string, unknown>;

export const CHARACTERS = [
  "a",
  "b",
  "-",
  "0",
  " ",
  "_",
  ".",
  '"',
  "\\",
  "\u0001",
  "é",
  "ÿ",
  "語",
  "あ",
  "😀",
  "\ud83d",
] as const;
/** Bytes of JSON. Some room for brackets. */
const ROOM = INPUTS_MAX_BYTES - 100;
const FORMATTED = [
  "2026-11-25T12:00:00.123+01:00",
  "P1Y2M3DT4H5M6S",
  "1:2:3:4:5:6:1.2.3.4",
  "x:y",
  "1.2.3.4",
  "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
  "2026-11-25",
  "12:00:60Z",
  '"a"@[IPv6:1::2]',
  `${"a.".repeat(120)}a`,
  `${"a.".repeat(31)}a@${"a.".repeat(120)}a`,
  `https://${"a".repeat(8000)}`,
  `https://u@[1:2:3:4:5:6:7:8]:80/${"%20".repeat(2000)}?q#f`,
  `P${"1".repeat(1000)}D`,
] as const;

export function randomText(chance: Chance, most: number): string {
  if (chance.is(0.2)) return chance.of(FORMATTED).slice(0, most);
  const unit = chance.times(chance.size(1, 4), () => chance.of(CHARACTERS)).join("");
  const bytes = JSON.stringify(unit).length - 2 + 2 * (unit.match(/[^\0-\x7f]/g)?.length ?? 0);
  return unit.repeat(Math.max(1, Math.floor(most / bytes)));
}

export function randomValue(chance: Chance): unknown {
  const kind = chance.next();
  if (kind < 0.35) return randomText(chance, chance.size(1, ROOM));
  if (kind < 0.45) return randomScalar(chance);
  if (kind < 0.65) return filled(chance, (room) => [randomPart(chance, room)]).flat();
  if (kind < 0.95) return Object.assign({}, ...filled(chance, (room, index) => member(chance, room, index)));
  return nested(chance.size(1, 60), randomScalar(chance));
}

/** As many parts as fit, all small or all large. */
function filled<T>(chance: Chance, make: (room: number, index: number) => T): T[] {
  const size = chance.size(1, 5000);
  const count = Math.min(chance.size(1, 130_000), Math.floor(ROOM / (size + 4)));
  return chance.times(Math.max(1, count), (index) => make(size, index));
}

function member(chance: Chance, room: number, index: number): Json {
  const name = chance.is(0.5) ? `${index}` : `${"k".repeat(Math.max(1, room - 8))}${index}`;
  return { [name]: room > 12 && chance.is(0.3) ? randomText(chance, 4) : 1 };
}

function randomPart(chance: Chance, room: number): unknown {
  if (room > 40 && chance.is(0.3)) return { a: 1, b: randomText(chance, room - 30) };
  return room < 3 || chance.is(0.3) ? randomScalar(chance) : randomText(chance, room);
}

function randomScalar(chance: Chance): unknown {
  return chance.of<unknown>([0, 1, chance.below(1e6), 0.3, 1.5e-100, 1.7976931348623157e308, true, null]);
}

function nested(levels: number, value: unknown): unknown {
  let inner = value;
  for (let level = 0; level < levels; level++) inner = level % 2 === 0 ? { a: inner } : [inner];
  return inner;
}
