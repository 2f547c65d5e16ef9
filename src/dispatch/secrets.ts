/**
 * What an answer must not show of the request it answers, in every spelling that an echo is likely to have. PURE.
 */

import { ANSWER_READ_MAX_BYTES } from "./excerpt.ts";

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
