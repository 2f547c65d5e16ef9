/**
 * Texts of others as people see them. PURE: the service, the command line and the console share it. Two texts that
 * differ look different, as far as characters that nobody sees can hide it: a zero-width space in the name of a branch,
 * or a mark that turns the text around it. Such characters also move a terminal's cursor.
 *
 * One rule for all texts, so that no place can choose the wrong one. Its price: joined emoji and some words of Persian
 * and Hindi show the character that joins them.
 */

/** Control, format, private and unassigned characters, halves of surrogate pairs, line separators, and what fonts skip. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Escapes each character that nobody sees, as JSON does: `\u202e`, and `\udb40\udc61` for a tag. So the JSON of a value
 * is the JSON of the same value. `kept`: characters that stay, such as line feeds where the text has lines.
 */
export function visibleText(text: string, kept = ""): string {
  return text.replace(UNSEEN, (unseen) => {
    if (kept.includes(unseen)) return unseen;
    const units = unseen.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
    return SHORT[unseen] ?? units;
  });
}
