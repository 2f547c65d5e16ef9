/**
 * What people know a run by: the title and the subject that an action's templates make of the run's values. PURE. Both
 * are texts of others that lists, chats and terminals show, so each is one line without a character that nobody sees.
 */

import type { JsonObject } from "../base/json.ts";
import { SUBJECT_MAX_CHARACTERS, TITLE_MAX_CHARACTERS } from "../base/limits.ts";
import { isBlank, visibleText } from "../base/visible-text.ts";
import { memberAt, type Placeholder, parsed, textOf } from "../webhooks/placeholder.ts";

/** What the templates reach. */
interface FaceValues {
  readonly parameters: JsonObject;
  readonly entity: { readonly id: string | null };
  readonly labels: readonly string[];
}

interface Templates {
  readonly title?: string | undefined;
  readonly subject?: string | undefined;
}

/**
 * Null without a template, and if nothing is left of it. A title that is too long is cut. A subject that is too long is
 * none, because two services must not share a cut one.
 */
export function renderedFace({ title, subject }: Templates, values: FaceValues) {
  // A missing value would leave two blanks.
  const line = rendered(title, values).replaceAll(/ {2,}/g, " ").trim();
  return { title: cut(line), subject: fitting(rendered(subject, values)) };
}

function cut(text: string): string | null {
  const characters = [...text];
  if (characters.length <= TITLE_MAX_CHARACTERS) return isBlank(text) ? null : text;
  return `${characters.slice(0, TITLE_MAX_CHARACTERS - 1).join("")}…`;
}

function fitting(text: string): string | null {
  return [...text].length > SUBJECT_MAX_CHARACTERS || isBlank(text) ? null : text.trim();
}

/**
 * A character takes two units at most, so a text with more units than this is too long for a title and for a subject.
 * Reading goes on no further: 500 characters of template can name a value of 256 KiB twenty times.
 */
const UNITS_MAX = 2 * Math.max(TITLE_MAX_CHARACTERS, SUBJECT_MAX_CHARACTERS) + 1;

/** Escapes before anything is cut, so that half of a pair and a line break never decide where a text ends. */
function rendered(template: string | undefined, values: FaceValues): string {
  let text = "";
  for (const part of template === undefined ? [] : parsed(template)) {
    const value = typeof part === "string" ? part : valueAt(part, values);
    // An escape is longer than what it stands for.
    text += visibleText(value.slice(0, UNITS_MAX));
    if (text.length > UNITS_MAX) break;
  }
  return text;
}

function valueAt({ path, isJson }: Placeholder, { labels, ...values }: FaceValues): string {
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
