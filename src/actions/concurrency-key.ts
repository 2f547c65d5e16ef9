/** The key of a run's concurrency group: the action's template with the run's values. PURE. */

import { type JsonObject, jsonPointer } from "../base/json.ts";
import { CONCURRENCY_KEY_MAX_CHARACTERS } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { shortened } from "../base/visible-text.ts";
import { memberAt, type Placeholder, parsed, textOf } from "../webhooks/placeholder.ts";

/** What a key's placeholders reach. */
interface KeyValues {
  readonly parameters: JsonObject;
  readonly entity: { readonly id: string | null };
}

/** `pointer`: to the member of the run's body that is wrong. Empty if no member alone is wrong. */
interface KeyFault {
  readonly sentence: string;
  readonly pointer: string;
}

/** Text of one line. Characters that no list or terminal shows would make two keys look alike. */
const NOT_PLAIN = /[\p{Cc}\u2028\u2029]/u;
const SHOWN_CHARACTERS = 80;

/**
 * Without a template, the key is empty. A missing or empty value is refused, because all runs that lack it would share
 * a queue that nobody meant.
 */
export function renderedKey(template: string | undefined, values: KeyValues): Result<string, KeyFault> {
  let key = "";
  for (const part of template === undefined ? [] : parsed(template)) {
    const text = typeof part === "string" ? part : valueAt(part, values);
    if (typeof part !== "string" && text === "") return err(missing(part, values));
    key += text;
    // UTF-16 units. A character has at most two, and the count below is exact.
    if (key.length > 2 * CONCURRENCY_KEY_MAX_CHARACTERS) break;
  }
  if ([...key].length > CONCURRENCY_KEY_MAX_CHARACTERS) {
    const sentence = `With its values, the concurrency key has more than ${CONCURRENCY_KEY_MAX_CHARACTERS} characters. Send shorter values for ${told(template)}.`;
    return err({ sentence, pointer: "" });
  }
  if (NOT_PLAIN.test(key) || !key.isWellFormed()) {
    const sentence = `The concurrency key has a line break, a control character or half a surrogate pair. Send one line of plain text for ${told(template)}.`;
    return err({ sentence, pointer: "" });
  }
  return ok(key);
}

/** Empty if the value is missing or empty. */
function valueAt({ path, isJson }: Placeholder, values: KeyValues): string {
  const value = memberAt(values, path);
  return value === null || value === "" ? "" : textOf(value, isJson);
}

function missing({ path }: Placeholder, values: KeyValues): KeyFault {
  const inBody = path[0] === "entity" ? ["entityId"] : path;
  const sentence = `The concurrency key needs ${shown(path)}, which is missing or empty in this run. Send ${shortened(inBody.join("."), SHOWN_CHARACTERS)}.`;
  // A member can be added only to an object that is there.
  const depth = inBody.findIndex((_, n) => n > 0 && !isHolder(memberAt(values, inBody.slice(0, n))));
  return { sentence, pointer: jsonPointer(depth < 0 ? inBody : inBody.slice(0, depth)) };
}

function isHolder(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** The first three placeholders of a template. */
function told(template = ""): string {
  const paths = parsed(template).flatMap((part) => (typeof part === "string" ? [] : [shown(part.path)]));
  return paths.slice(0, 3).join(", ");
}

function shown(path: readonly string[]): string {
  return `{{ ${shortened(path.join("."), SHOWN_CHARACTERS)} }}`;
}
