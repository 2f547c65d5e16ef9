/** Why a schema or parameters were refused, and where. PURE. Sentences stay short, however long the caller's names are. */

import { pointerStep } from "../base/json-pointer.ts";

/** `pointer`: to the member that is wrong or missing, `""` for the root. The sentence shows no more than a part of a long one. */
export interface SchemaFault {
  readonly pointer: string;
  readonly sentence: string;
}

const SHOWN_POINTER_CHARACTERS = 300;
const SHOWN_CHARACTERS = 80;

/** A place inside the parameters. A list of links, because most places are never printed. Null is the root. */
export interface Place {
  readonly parent: Place | null;
  readonly key: string | number;
}

export function pointerOf(place: Place | null): string {
  const steps: string[] = [];
  for (let at = place; at !== null; at = at.parent) steps.push(pointerStep(at.key));
  return steps.reverse().join("");
}

export function shownPointer(pointer: string): string {
  return cut(pointer, SHOWN_POINTER_CHARACTERS);
}

/** A name or a value as JSON, cut to a length that fits a sentence. */
export function shown(value: unknown): string {
  return cut(JSON.stringify(value) ?? "nothing", SHOWN_CHARACTERS);
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}
