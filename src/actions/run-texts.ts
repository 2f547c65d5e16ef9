/** A run's title, subject and concurrency key, each one line without a character that nobody sees. PURE. */
import { type JsonObject, jsonPointer } from "../base/json.ts";
import { CONCURRENCY_KEY_MAX_CHARACTERS, SUBJECT_MAX_CHARACTERS, TITLE_MAX_CHARACTERS } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { isBlank, shortened, visibleText } from "../base/visible-text.ts";
import { memberAt, type Placeholder, parsed, textOf } from "../webhooks/placeholder.ts";
import type { ActionDefinition } from "./definition.ts";

/** What the templates reach. A key reaches no label. */
interface RunValues {
  readonly parameters: JsonObject;
  readonly entity: { readonly id: string | null };
  readonly labels: readonly string[];
}

/** A text is null if nothing is left of it. A long subject is null, too: two services must not share a cut subject. */
export function renderedFace({ title, subject }: Pick<ActionDefinition, "title" | "subject">, values: RunValues) {
  // A missing value would leave two blanks.
  const line = rendered(title, values).replaceAll(/ {2,}/g, " ").trim();
  const name = rendered(subject, values);
  return { title: cut(line), subject: [...name].length > SUBJECT_MAX_CHARACTERS || isBlank(name) ? null : name.trim() };
}

function cut(text: string): string | null {
  const characters = [...text];
  if (characters.length <= TITLE_MAX_CHARACTERS) return isBlank(text) ? null : text;
  return `${characters.slice(0, TITLE_MAX_CHARACTERS - 1).join("")}…`;
}

/** A character takes two units at most. Reading stops here: a template can name a value of 256 KiB twenty times. */
const UNITS_MAX = 2 * Math.max(TITLE_MAX_CHARACTERS, SUBJECT_MAX_CHARACTERS) + 1;

/** Escapes before anything is cut, so that half of a pair and a line break never decide where a text ends. */
function rendered(template: string | undefined, values: RunValues): string {
  let text = "";
  for (const part of template === undefined ? [] : parsed(template)) {
    const value = typeof part === "string" ? part : valueAt(part, values);
    // An escape is longer than what it stands for.
    text += visibleText(value.slice(0, UNITS_MAX));
    if (text.length > UNITS_MAX) break;
  }
  return text;
}

function valueAt({ path, isJson }: Placeholder, { labels, ...values }: RunValues): string {
  const value = path[0] === "labels" ? labelAt(path.slice(1), labels, isJson) : memberAt(values, path);
  // Runs without a subject must not share the subject "null".
  return value === null ? "" : textOf(value, isJson);
}

/** `{{ labels }}`: all of them. `{{ labels.team }}`: what follows `team:` in the first label that begins so. */
function labelAt(names: readonly string[], labels: readonly string[], isJson: boolean): unknown {
  if (names.length === 0) return isJson ? labels : labels.join(", ");
  const start = `${names.join(".")}:`;
  return labels.find((label) => label.startsWith(start))?.slice(start.length) ?? null;
}

type KeyValues = Omit<RunValues, "labels">;

/** `pointer`: to the member of the run's body that is wrong. Empty if no member alone is wrong. */
interface KeyFault {
  readonly sentence: string;
  readonly pointer: string;
}

/** Characters that no list or terminal shows would make two keys look alike. */
const NOT_PLAIN = /[\p{Cc}\u2028\u2029]/u;

/** Empty without a template. A missing or empty value is refused: all runs that lack it would share a queue. */
export function renderedKey(template: string | undefined, values: KeyValues): Result<string, KeyFault> {
  let key = "";
  for (const part of template === undefined ? [] : parsed(template)) {
    const value = typeof part === "string" ? part : memberAt(values, part.path);
    if (typeof part !== "string" && (value === null || value === "")) return err(missing(part, values));
    key += typeof part === "string" ? part : textOf(value, part.isJson);
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

function missing({ path }: Placeholder, values: KeyValues): KeyFault {
  const inBody = path[0] === "entity" ? ["entityId"] : path;
  const sentence = `The concurrency key needs {{ ${nameOf(path)} }}, which is missing or empty in this run. Send ${nameOf(inBody)}.`;
  // A member can be added only to an object that is there.
  const isHolder = (value: unknown) => typeof value === "object" && value !== null;
  const depth = inBody.findIndex((_, n) => n > 0 && !isHolder(memberAt(values, inBody.slice(0, n))));
  return { sentence, pointer: jsonPointer(depth < 0 ? inBody : inBody.slice(0, depth)) };
}

function told(template = ""): string {
  const paths = parsed(template).flatMap((part) => (typeof part === "string" ? [] : [`{{ ${nameOf(part.path)} }}`]));
  return paths.slice(0, 3).join(", ");
}

function nameOf(path: readonly string[]): string {
  return shortened(path.join("."), 80);
}
