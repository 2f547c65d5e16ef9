/** Which names a person may have, for whom a token acts. PURE. */

import { PERSON_MAX_CHARACTERS } from "../base/limits.ts";
import { looksLikeRoot } from "./token-name.ts";

/** Without spaces, because two headers On-Behalf-Of arrive as one, with a comma and a space between their values. */
export const PERSON_PATTERN = `^[\\x21-\\x7e]{1,${PERSON_MAX_CHARACTERS}}$`;

const PERSON = new RegExp(PERSON_PATTERN);

/**
 * A person's name in its one form: lower case. It is stored, shown and compared in this form alone. Null: no person can
 * have this name. People read it in `triggeredBy`, so it must not look like the operator's.
 */
export function asPerson(text: string): string | null {
  return PERSON.test(text) && !looksLikeRoot(text) ? text.toLowerCase() : null;
}
