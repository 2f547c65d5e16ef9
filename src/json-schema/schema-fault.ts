/** Why a schema or parameters were refused, and where. PURE. Sentences stay short, however long the caller's names are. */

/** `path`: a JSON Pointer (RFC 6901), `""` for the root. A very long one ends with `…`. */
export interface SchemaFault {
  readonly path: string;
  readonly sentence: string;
}

const PATH_MAX_CHARACTERS = 300;
const SHOWN_CHARACTERS = 80;

/** One name or index of a JSON Pointer, with its slash. */
export function pointerStep(key: string | number): string {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

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

export function shownPath(path: string): string {
  return cut(path, PATH_MAX_CHARACTERS);
}

/** A name or a value as JSON, cut to a length that fits a sentence. */
export function shown(value: unknown): string {
  return cut(JSON.stringify(value) ?? "nothing", SHOWN_CHARACTERS);
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}
