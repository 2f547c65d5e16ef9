/**
 * Why a schema or parameters were refused, and where. PURE. Sentences stay short, however long the caller's names are.
 */

import { pointerStep } from "../base/json-pointer.ts";

/**
 * `pointer`: a JSON Pointer (RFC 6901) to the member that is wrong or missing, `""` for the root. The sentence shows
 * only the start of a long one.
 */
export interface SchemaFault {
  readonly pointer: string;
  readonly sentence: string;
}

const POINTER_SHOWN_CHARACTERS = 300;
const JSON_SHOWN_CHARACTERS = 80;

/**
 * Where a value is inside the parameters. A list of links, because most locations are never printed. Null is the root.
 */
export interface InstanceLocation {
  readonly parent: InstanceLocation | null;
  readonly key: string | number;
}

export function pointerOf(location: InstanceLocation | null): string {
  const steps: string[] = [];
  for (let at = location; at !== null; at = at.parent) steps.push(pointerStep(at.key));
  return steps.reverse().join("");
}

export function shownPointer(pointer: string): string {
  return cut(pointer, POINTER_SHOWN_CHARACTERS);
}

/** A name or a value as JSON, cut to a length that fits a sentence. */
export function shownJson(value: unknown): string {
  return cut(JSON.stringify(value) ?? "nothing", JSON_SHOWN_CHARACTERS);
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}
