/**
 * What somebody typed into the search, word by word. PURE, apart from the time zone of this machine. A word is a chip
 * by itself if it says which filter it means: a status, `waiting`, `label:shop-42`, `@nightly`. Other words are looked
 * up.
 */

import { STATUSES } from "../ui/statuses.ts";
import type { Chip, FilterName } from "./filters.ts";
import { isRelative, sinceInstant, untilInstant } from "./since.ts";

export type Term =
  | { readonly kind: "chip"; readonly chip: Chip }
  /** The whole id of a run. */
  | { readonly kind: "run"; readonly id: string }
  /** `typed`: as it stands in the field, with its quotation marks. */
  | { readonly kind: "word"; readonly word: string; readonly typed: string }
  /** `label:` without a value. */
  | { readonly kind: "unfinished"; readonly typed: string };

/** What can stand before a colon, in lower case. The first one of each filter is the one that the page shows. */
const PREFIXES: ReadonlyMap<string, FilterName> = new Map([
  ["status", "status"],
  ["action", "actionName"],
  ["actionname", "actionName"],
  ["label", "label"],
  ["by", "triggeredBy"],
  ["triggeredby", "triggeredBy"],
  ["entity", "entityId"],
  ["entityid", "entityId"],
  ["waiting", "waiting"],
  ["group", "group"],
  ["since", "createdAfter"],
  ["createdafter", "createdAfter"],
  ["until", "createdBefore"],
  ["createdbefore", "createdBefore"],
]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ID_END = /^(?=.*[0-9a-f])[0-9a-f-]{6,35}$/i;

/** Words are parted by spaces. Within quotation marks, a space is a part of the word. */
const WORDS = /(?:[^\s"]|"[^"]*"?)+/g;

export function wordsOf(text: string): readonly string[] {
  return text.match(WORDS) ?? [];
}

/** `now`: what relative times count from. */
export function termsOf(text: string, now: Date): readonly Term[] {
  return wordsOf(text).map((typed) => termOf(typed, now));
}

/** The filter that a word names, and what stands behind its name; null if it names none. */
export function prefixedOf(typed: string): Chip | null {
  if (typed.startsWith('"')) return null;
  const text = typed.replaceAll('"', "");
  if (text.startsWith("@")) return { name: "triggeredBy", value: text.slice(1) };
  const colon = text.indexOf(":");
  const name = colon === -1 ? undefined : PREFIXES.get(text.slice(0, colon).toLowerCase());
  return name === undefined ? null : { name, value: text.slice(colon + 1) };
}

function termOf(typed: string, now: Date): Term {
  const prefixed = prefixedOf(typed);
  if (prefixed !== null) {
    return prefixed.value === "" ? { kind: "unfinished", typed } : { kind: "chip", chip: timed(prefixed, now) };
  }
  const word = typed.replaceAll('"', "");
  if (word === "") return { kind: "unfinished", typed };
  const status = STATUSES.find((one) => one === typed.toLowerCase());
  if (status !== undefined) return { kind: "chip", chip: { name: "status", value: status } };
  if (typed.toLowerCase() === "waiting") return { kind: "chip", chip: { name: "waiting", value: "any" } };
  const [, version] = UUID.exec(word) ?? [];
  // A run's id has version 8, so any other UUID is an entity's.
  if (version === "8") return { kind: "run", id: word.toLowerCase() };
  if (version !== undefined) return { kind: "chip", chip: { name: "entityId", value: word } };
  return { kind: "word", word, typed };
}

/**
 * With the time that the address has: the relative word after `since`, otherwise an instant. What names no time stays,
 * because the API's refusal says what to send.
 */
function timed(chip: Chip, now: Date): Chip {
  const text = chip.value.toLowerCase();
  switch (chip.name) {
    case "status":
    case "waiting":
      return { name: chip.name, value: text };
    case "createdAfter":
      if (isRelative(text)) return { name: "since", value: text };
      return { name: "createdAfter", value: sinceInstant(text, now)?.toISOString() ?? chip.value };
    case "createdBefore":
      return { name: "createdBefore", value: untilInstant(text, now)?.toISOString() ?? chip.value };
    default:
      return chip;
  }
}

/** Whether the word can be the end of a run's id. */
export function isIdEnd(word: string): boolean {
  return ID_END.test(word);
}
