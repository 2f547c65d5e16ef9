/**
 * Texts of others as people see them. PURE: the service, the command line and the console share it. Two texts that
 * differ look different: a character that nobody sees could hide it, turn the text around, or move a terminal's cursor.
 *
 * One rule for all texts. Its price: joined emoji and some words of Persian and Hindi show the character that joins
 * them.
 */

/** Control, format, private and unassigned characters, halves of surrogate pairs, line separators, and what fonts skip. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Escapes what nobody sees as JSON does, so the JSON of a value stays that of the same value. `kept`: what stays. */
export function visibleText(text: string, kept = ""): string {
  return text.replace(UNSEEN, (unseen) => {
    if (kept.includes(unseen)) return unseen;
    const units = unseen.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
    return SHORT[unseen] ?? units;
  });
}

/** Whether people see nothing of a text. The last character is a Braille pattern without dots. */
export function isBlank(text: string): boolean {
  return /^[\p{Z}\u2800]*$/u.test(text);
}

/** The colours and cursor movements of ECMA-48: logs are full of them. No part can match what the next one does. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it finds control characters.
const CONTROL_SEQUENCES = /(?:\x1b\[|\x9b)[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]/g;

export function withoutColours(text: string): string {
  return text.replace(CONTROL_SEQUENCES, "");
}

/** At most `max` UTF-16 units, with "…" at the end if the text was longer. */
export function shortened(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}

export const LINK_MAX_CHARACTERS = 2048;

/** The parser drops or encodes blanks and controls, and reads a backslash as a slash, which readers do not. */
const MISREAD = /[\p{Cc}\p{Cs}\s\\]/u;
/** `https://github.com@evil.example/` leads to evil.example. The parser drops empty credentials. */
const CREDENTIALS = /^[a-z]+:\/*[^/?#]*@/i;

/** The link in the parser's spelling; null unless it leads where it seems to lead: `https`, without credentials. */
export function harmlessLink(text: string): string | null {
  if (text.length > LINK_MAX_CHARACTERS || MISREAD.test(text) || CREDENTIALS.test(text)) return null;
  const url = URL.parse(text);
  return url?.protocol === "https:" && url.href.length <= LINK_MAX_CHARACTERS ? url.href : null;
}

/** Why a text is not a link, and what to send. Null for a link. The sentence quotes nothing of the text. */
export function linkRefusal(text: string): string | null {
  if (harmlessLink(text) !== null) return null;
  if (MISREAD.test(text))
    return "The URL is shown as text because it has a blank, a backslash or a control character. Encode them.";
  if (URL.parse(text)?.protocol !== "https:")
    return "The URL is shown as text because it is not an https URL. Send an https URL.";
  if (CREDENTIALS.test(text))
    return "The URL is shown as text because it has a user name or a password. Send it without them.";
  return `The URL is shown as text because it has more than ${LINK_MAX_CHARACTERS} characters. Send a shorter one.`;
}
