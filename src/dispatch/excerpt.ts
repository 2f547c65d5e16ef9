/**
 * A short, harmless piece of what a receiver answered, for a person who looks why a delivery failed. PURE.
 *
 * Receivers echo: an error page may hold our headers or our body. So what the request must not give away is taken
 * out. Taking out too much is fine, too little is not. A receiver that means to give a secret away can always spell
 * it otherwise: this is against accidents.
 */

export const ANSWER_READ_MAX_BYTES = 4096;
export const EXCERPT_MAX_CHARACTERS = 500;

const SECRET_MIN_CHARACTERS = 3;
/** An end of the answer that begins like a secret, when nothing says that the answer was cut off there. */
const FRAGMENT_MIN_CHARACTERS = 4;

/**
 * At most 500 characters in one line, without `secrets`: "[redacted]" stands where they were, "…" where more came.
 * `bytes` is the answer as read, of any kind; `isCut`: more came than was read.
 */
export function excerptOf(bytes: Uint8Array, isCut: boolean, secrets: readonly string[]): string {
  const isLonger = isCut || bytes.byteLength > ANSWER_READ_MAX_BYTES;
  const read = bytes.subarray(0, ANSWER_READ_MAX_BYTES);
  // As a stream it leaves out a character that was cut in two.
  const shown = printable(new TextDecoder().decode(read, { stream: isLonger }));
  const isSecret = findSecrets(shown, inOrder(secrets), isLonger);
  let text = "";
  for (let at = 0; at < shown.length; at++) {
    if (isSecret[at] !== 1) text += shown.charAt(at);
    else if (isSecret[at - 1] !== 1) text += "[redacted]";
  }
  const characters = [...text];
  if (!isLonger && characters.length <= EXCERPT_MAX_CHARACTERS) return text;
  return `${characters.slice(0, EXCERPT_MAX_CHARACTERS - 1).join("")}…`;
}

/** One line without anything that hides or reorders text. */
function printable(text: string): string {
  const seen = text.replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]+/gu, "");
  return seen.replace(/[\s\p{Z}\p{C}]+/gu, " ").trim();
}

/** What does not count when secrets are looked for: an echo may be split, folded, in UTF-16, or escaped once more. */
const UNCOUNTED = /[ \\\uFFFD]/;
const UNCOUNTED_ALL = /[ \\\uFFFD]+/g;

/** What of a printable text is compared. ASCII case does not count: "%2F" is "%2f". One unit for one unit that counts. */
function squeeze(text: string): string {
  return text.replace(UNCOUNTED_ALL, "").replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** A secret as it is looked for, with the longest other one that it begins with. */
interface Needle {
  readonly text: string;
  readonly shorter: Needle | undefined;
}

function inOrder(secrets: readonly string[]): readonly Needle[] {
  const texts = new Set<string>();
  for (const secret of secrets) {
    const isPlain = /^[\x20-\x7e]*$/.test(secret);
    const text = squeeze(isPlain ? secret : printable(secret.toWellFormed()));
    if (text.length >= SECRET_MIN_CHARACTERS) texts.add(text.slice(0, ANSWER_READ_MAX_BYTES));
  }
  const needles: Needle[] = [];
  for (const text of [...texts].sort()) {
    let shorter = needles.at(-1);
    while (shorter !== undefined && !text.startsWith(shorter.text)) shorter = shorter.shorter;
    needles.push({ text, shorter });
  }
  return needles;
}

/**
 * 1 for each UTF-16 unit of `shown` that belongs to a secret, or to what was left of one at the end. All of them
 * are found in the text as it came, before anything is taken out, so that overlaps go whole and no cut makes a
 * new one. One search per place, not per secret: there may be thousands.
 */
function findSecrets(shown: string, needles: readonly Needle[], isCut: boolean): Uint8Array {
  const isSecret = new Uint8Array(shown.length);
  const squeezed = squeeze(shown);
  const places: number[] = [];
  for (let at = 0; at < shown.length; at++) if (!UNCOUNTED.test(shown.charAt(at))) places.push(at);
  const mark = (from: number, length: number) =>
    isSecret.fill(1, places[from], (places[from + length - 1] ?? shown.length) + 1);

  for (let from = 0; from < squeezed.length; from++) {
    const rest = squeezed.slice(from);
    const next = firstAfter(needles, rest);
    // Whatever lies between a beginning of `rest` and `rest` begins with it too: it is the needle before, or one that is shorter.
    let needle = needles[next - 1];
    while (needle !== undefined && !rest.startsWith(needle.text)) needle = needle.shorter;
    if (needle !== undefined) mark(from, needle.text.length);
    const isFragment = rest.length >= (isCut ? 1 : FRAGMENT_MIN_CHARACTERS);
    if (isFragment && needles[next]?.text.startsWith(rest)) {
      mark(from, rest.length);
      break;
    }
  }
  return isSecret;
}

/** Where in `needles` the first one comes that sorts after `text`. */
function firstAfter(needles: readonly Needle[], text: string): number {
  let low = 0;
  let high = needles.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((needles[middle]?.text ?? "") <= text) low = middle + 1;
    else high = middle;
  }
  return low;
}
