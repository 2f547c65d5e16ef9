/**
 * A short, harmless piece of what a receiver answered, for a person who looks why a delivery failed. PURE.
 *
 * Receivers echo: an error page may hold our headers or our body. So whatever the request must not give away is
 * taken out, in every spelling that an echo is likely to have. Taking out too much is fine, too little is not. A
 * receiver that means to give a secret away can always spell it otherwise: this is against accidents.
 */

export const ANSWER_READ_MAX_BYTES = 4096;
export const EXCERPT_MAX_CHARACTERS = 500;

/** What the request must not give away. `headers` are the caller's; `body` is JSON or a form, up to 512 KiB. */
export interface SentRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signingSecret: string | null;
  readonly callbackToken: string;
}

const SECRET_MIN_CHARACTERS = 3;
/** A part of an address or of a header is looked for from here on. */
const PART_MIN_CHARACTERS = 4;
/** A word from the body, or a user's name: shorter ones are all over any text. */
const WORD_MIN_CHARACTERS = 8;
/** Words of a body beyond these are looked for as they are and in JSON alone: a large body has thousands. */
const FULLY_SPELLED_WORDS = 500;
const PATH_SEGMENT_MIN_CHARACTERS = 16;
/** An end of the answer that begins like a secret, when nothing says that the answer was cut off there. */
const FRAGMENT_MIN_CHARACTERS = 4;
/** Of a longer text only the beginning can show; four times what is read, since blanks do not count. */
const TEXT_MAX_CHARACTERS = 4 * ANSWER_READ_MAX_BYTES;

const HARMLESS_HEADERS = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "cache-control",
  "content-type",
  "user-agent",
  "x-github-api-version",
]);
const SECRET_KEY = /token|secret|passw|key|auth|cred|sign/i;

/** Every text to take out of the answer to `request`, each once and of 3 or more characters, in no order. Never throws. */
export function secretsOf(request: SentRequest): readonly string[] {
  const secrets = new Set<string>();
  const add = (texts: readonly string[]) => {
    for (const text of texts) if (text.length >= SECRET_MIN_CHARACTERS) secrets.add(text);
  };
  const addCredential = (text: string) => {
    for (const part of partsOf(text)) add([...spellingsOf(part), ...base64Of(part)]);
  };

  for (const [name, value] of Object.entries(request.headers)) {
    if (!HARMLESS_HEADERS.has(name.toLowerCase())) addCredential(value.trim());
  }
  for (const part of addressParts(request.url)) add([...spellingsOf(part), ...base64Of(part)]);
  const { signingSecret, callbackToken } = request;
  if (signingSecret !== null) {
    addCredential(signingSecret);
    addCredential(signingSecret.replace(/^whsec_/, ""));
  }
  addCredential(callbackToken);
  addCredential(callbackToken.slice(callbackToken.lastIndexOf(":") + 1));
  let words = 0;
  for (const { text, isCredential } of bodyTexts(request.body)) {
    if (isCredential) addCredential(text);
    else if (text.length >= WORD_MIN_CHARACTERS) {
      words += 1;
      add(words <= FULLY_SPELLED_WORDS ? spellingsOf(text) : jsonOf(text));
    }
  }
  add(base64Of(request.body));
  return [...secrets];
}

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

/** A credential, and what it is made of: after a scheme, behind `name=`, inside Basic. */
function partsOf(credential: string): readonly string[] {
  const parts = [credential];
  const [, scheme = "", rest = ""] = /^\s*([\w-]+)\s+(\S[\s\S]*)$/.exec(credential) ?? [];
  parts.push(rest);
  for (const piece of credential.split(/[\s,;]+/)) {
    const value = piece.slice(piece.indexOf("=") + 1).replace(/^"|"$/g, "");
    if (value.length < piece.length && value.length >= PART_MIN_CHARACTERS) parts.push(value);
  }
  if (scheme.toLowerCase() === "basic") {
    const decoded = fromBase64(rest);
    const colon = decoded.indexOf(":");
    parts.push(decoded, decoded.slice(colon + 1));
    // Some products take the token for the user's name.
    if (colon >= WORD_MIN_CHARACTERS) parts.push(decoded.slice(0, colon));
  }
  return parts;
}

/** The address, its path (which is the whole secret of many a webhook) and what its query says, as sent and as meant. */
function addressParts(url: string): readonly string[] {
  const parts = [url];
  const parsed = URL.parse(url);
  if (parsed === null) return parts;
  const { href, pathname, search } = parsed;
  const segments = pathname.split("/").filter((segment) => segment.length >= PATH_SEGMENT_MIN_CHARACTERS);
  const sent = search
    .slice(1)
    .split("&")
    .map((pair) => pair.slice(pair.indexOf("=") + 1));
  const meant = parsed.searchParams.values();
  const paths = [pathname, ...segments].flatMap((path) => [path, unescaped(path)]);
  const pieces = [pathname + search, ...paths, ...sent, ...meant];
  return [url, href, ...pieces.filter((piece) => piece.length >= PART_MIN_CHARACTERS)];
}

/** Percent-decoding that does not throw on a stray "%". */
function unescaped(path: string): string {
  const value = path.replaceAll("+", "%2B").replaceAll("&", "%26");
  return new URLSearchParams(`path=${value}`).get("path") ?? path;
}

interface BodyText {
  readonly text: string;
  readonly isCredential: boolean;
}

/** The texts of a JSON body or, if it is none, of a form. Under a key that looks secret all are credentials, numbers too. */
function bodyTexts(body: string): readonly BodyText[] {
  const texts: BodyText[] = [];
  const open: { value: unknown; isCredential: boolean }[] = [];
  try {
    open.push({ value: JSON.parse(body), isCredential: false });
  } catch {
    // As sent, and then as meant.
    const values = body.split("&").map((pair) => pair.slice(pair.indexOf("=") + 1));
    for (const text of [body, ...values]) texts.push({ text, isCredential: false });
    for (const [key, value] of new URLSearchParams(body)) {
      texts.push({ text: value === "" ? key : value, isCredential: SECRET_KEY.test(key) && value !== "" });
    }
  }
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    const { value, isCredential } = top;
    if (typeof value === "string") texts.push({ text: value, isCredential });
    else if (typeof value === "number" && isCredential) texts.push({ text: String(value), isCredential });
    else if (Array.isArray(value)) for (const item of value) open.push({ value: item, isCredential });
    else if (typeof value === "object" && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        open.push({ value: member, isCredential: isCredential || SECRET_KEY.test(key) });
      }
    }
  }
  return texts;
}

/** `whole` as it is and as JSON writes it. Backslashes before quotes, or more of them, do not count: see UNCOUNTED. */
function jsonOf(whole: string): readonly string[] {
  const text = whole.slice(0, TEXT_MAX_CHARACTERS);
  if (/^[\w.-]*$/.test(text)) return [text];
  const json = JSON.stringify(text).slice(1, -1);
  // Python and PHP keep to ASCII.
  const ascii = json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  if (!/[&<>]/.test(text)) return [text, json, ascii];
  // Go, and whoever puts JSON into a page, write these three so.
  const forPages = [json, ascii].map((escaped) =>
    escaped.replace(/[&<>]/g, (mark) => `\\u00${mark.charCodeAt(0).toString(16)}`),
  );
  return [text, json, ascii, ...forPages];
}

/** `whole` as it is and as JSON, an address, a form and HTML write it. */
function spellingsOf(whole: string): readonly string[] {
  // encodeURIComponent throws on half a surrogate pair, and only JSON can write one.
  const text = whole.slice(0, TEXT_MAX_CHARACTERS).toWellFormed();
  if (/^[\w.-]*$/.test(text)) return [text];
  const percent = encodeURIComponent(text);
  const strict = percent.replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
  const form = new URLSearchParams([["", text]]).toString().slice(1);
  return [...jsonOf(whole), percent, strict, form, encodeURI(text), ...htmlOf(text)];
}

/** As the usual libraries write the two quotes; a page may also leave them as they are. */
const HTML_QUOTES = [
  ['"', "'"],
  ["&quot;", "'"],
  ["&quot;", "&#39;"],
  ["&quot;", "&#039;"],
  ["&quot;", "&#x27;"],
  ["&quot;", "&apos;"],
  ["&#34;", "&#39;"],
] as const;

function htmlOf(text: string): readonly string[] {
  const html = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return HTML_QUOTES.map(([double, single]) => html.replaceAll('"', double).replaceAll("'", single));
}

/** Both alphabets, without the padding that an echo may leave out. */
function base64Of(whole: string): readonly string[] {
  const bytes = new TextEncoder().encode(whole.slice(0, TEXT_MAX_CHARACTERS));
  return [
    bytes.toBase64({ omitPadding: true }),
    bytes.toBase64({ omitPadding: true, alphabet: "base64url" }),
  ];
}

/** Empty if it is none. */
function fromBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text));
  } catch {
    return "";
  }
}
