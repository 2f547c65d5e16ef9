/**
 * What a list by `text` searches: the JSON of the run, as D1 keeps it, and the run's title and subject. So a text can also
 * match names of members. Only ASCII letters have a case. PURE.
 *
 * The object searches runs that D1 lacks. It lets its own SQLite evaluate the same expression, so both find the same runs.
 * There is no LIKE, because its patterns end at 50 bytes in D1, and `%` and `_` would be wildcards.
 */
import { inLowerCase } from "./run-filters.ts";

/**
 * SQL: 1 if the run contains the text, otherwise 0. `body`, `details`: SQL of the run's texts. The details are read only if
 * the body lacks the text. `bind` makes a placeholder of a value.
 */
export function containsText(
  text: string,
  { body, details }: { readonly body: string; readonly details: string },
  bind: (value: string) => string,
): string {
  // As JSON.stringify has escaped it in the body.
  const escaped = bind(inLowerCase(JSON.stringify(text).slice(1, -1)));
  const plain = bind(inLowerCase(text));
  const isIn = (name: string) => `instr(lower(ifnull(${details} ->> '${name}', '')), ${plain})`;
  return `CASE WHEN instr(lower(${body}), ${escaped}) THEN 1 ELSE ${isIn("title")} OR ${isIn("subject")} END`;
}
