/**
 * Hides secrets in text, also if they are percent-encoded, in base64, or broken into lines. It finds no other form,
 * such as a part of a secret, hex or compressed text. PURE.
 */

const MASK = "***";
/** `base64` breaks its lines, and so do some logs. */
const LINE_BREAK = "(?:\\r?\\n)?";
/** The base64 of a very short secret could be part of any word. */
const BASE64_MIN_CHARACTERS = 8;

/** `text` from the character `from` on. A secret that begins before `from` is hidden too. */
export function masked(text: string, secrets: readonly string[], from = 0): string {
  const forms = secrets.filter((secret) => secret !== "").flatMap(formsOf);
  if (forms.length === 0) return text.slice(from);
  let shown = "";
  let at = from;
  for (const { 0: found, index } of text.matchAll(new RegExp(forms.join("|"), "gi"))) {
    const end = index + found.length;
    if (end <= at) continue;
    shown += text.slice(at, Math.max(at, index)) + MASK;
    at = end;
  }
  return shown + text.slice(at);
}

/**
 * Expressions for the forms of a secret. They ignore case, so a program that changes a secret's case does not get past
 * them.
 */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, "utf8");
  const characters = [...secret].map((character) => `(?:${literal(character)}|${percent(character)})`);
  const shifted = [0, 1, 2].map((shift) => base64At(bytes, shift));
  return [
    characters.join(LINE_BREAK),
    ...shifted
      .filter((form) => form.length >= BASE64_MIN_CHARACTERS)
      .map((form) => [...form].map(base64Character).join(LINE_BREAK)),
  ];
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function percent(character: string): string {
  return Buffer.from(character, "utf8").toString("hex").replace(/../g, "%$&");
}

/**
 * The base64 characters that depend on these bytes alone. `shift`: how many bytes of a group of three come before them.
 */
function base64At(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
  const end = shift + bytes.length;
  // A character has 6 bits. Characters at the edges also contain bits of the neighbours.
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor((end * 8) / 6));
}

function base64Character(character: string): string {
  if (character === "+") return "[+-]";
  return character === "/" ? "[/_]" : character;
}
