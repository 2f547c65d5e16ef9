/** What an answer must not show of the request that it answers. PURE. */

/** What the request must not give away. `headers` are the caller's; `body` is JSON or a form, up to 512 KiB. */
export interface SentRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signingSecret: string | null;
  readonly callbackToken: string;
}

export interface Secrets {
  /** None of these may be shown, nor a piece of one. */
  readonly texts: readonly string[];
  /** These may not be shown as a whole; pieces of them are all over any text. */
  readonly wholes: readonly string[];
}

/** A word of the body, or a user's name: shorter ones are all over any text. */
const WORD_MIN_CHARACTERS = 8;
const LONG_SEGMENT_CHARACTERS = 16;

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
/** A long credential of characters that all count, in any reading: it is no shorter than it looks. */
const IS_PLAIN_WORD = /^[!-$'-*,-[\]-~]{8,}$/;
/** An answer says "Bearer token missing" without having seen one. */
const SCHEME = /^(basic|bearer|token|apikey|digest|negotiate)\s+/i;
/** The default payload has two, and an answer has one of the same day. */
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** `signature`: of this attempt, where it is signed. Never throws. */
export function secretsOf(request: SentRequest, signature: string): Secrets {
  const { url, headers, body, signingSecret, callbackToken } = request;
  const texts: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (!HARMLESS_HEADERS.has(name.toLowerCase())) texts.push(...credentialParts(value.trim()));
  }
  if (signingSecret !== null) texts.push(signingSecret.replace(/^whsec_/, ""));
  texts.push(signature.replace(/^v1,/, ""));
  // The rest of it is the run's id and its deadline, which whoever reads the run knows.
  texts.push(callbackToken.slice(callbackToken.lastIndexOf(":") + 1));
  const wholes: string[] = [];
  const parsed = URL.parse(url);
  if (parsed !== null) {
    texts.push(...queryValues(parsed.search));
    texts.push(...parsed.pathname.split("/").filter(isLikelySecret));
    if (parsed.pathname.length > 1) wholes.push(parsed.pathname);
  }
  texts.push(...bodyTexts(body));
  return { texts, wholes };
}

/** A segment of a path that was not chosen by a person: a long one, or one of letters and digits. */
function isLikelySecret(segment: string): boolean {
  if (segment.length >= LONG_SEGMENT_CHARACTERS) return true;
  return segment.length >= WORD_MIN_CHARACTERS && /\d/.test(segment) && /[a-z]/i.test(segment);
}

/** A credential without its scheme, and what it is made of: behind `name=`, inside Basic. */
function credentialParts(credential: string): readonly string[] {
  const [scheme = ""] = SCHEME.exec(credential) ?? [];
  const rest = credential.slice(scheme.length);
  const parts = [rest];
  for (const piece of rest.split(/[\s,;]+/)) {
    const value = piece.slice(piece.indexOf("=") + 1).replace(/^"|"$/g, "");
    if (value.length < piece.length) parts.push(value);
  }
  if (/^basic/i.test(scheme)) {
    const decoded = fromBase64(rest);
    const colon = decoded.indexOf(":");
    parts.push(decoded, decoded.slice(colon + 1));
    // Some products take the token for the user's name.
    if (colon >= WORD_MIN_CHARACTERS) parts.push(decoded.slice(0, colon));
  }
  return parts;
}

/** As sent. What has no name may be a secret all by itself. */
function queryValues(search: string): readonly string[] {
  return search
    .slice(1)
    .split("&")
    .map((pair) => pair.slice(pair.indexOf("=") + 1));
}

/**
 * The texts of a JSON body or, if it is none, of a form: the long ones, and under a key that looks secret all, numbers too.
 * Long ones come as one text, so that it is the bytes that cost and not their number.
 */
function bodyTexts(body: string): readonly string[] {
  const long: string[] = [];
  const single = new Set<string>();
  const add = (text: string, isCredential: boolean) => {
    if (isCredential ? IS_PLAIN_WORD.test(text) : text.length >= WORD_MIN_CHARACTERS && !INSTANT.test(text)) {
      long.push(text);
    } else if (isCredential) single.add(text);
  };
  const open: { value: unknown; isCredential: boolean }[] = [];
  try {
    open.push({ value: JSON.parse(body), isCredential: false });
  } catch {
    for (const pair of body.split("&")) {
      const equals = pair.indexOf("=");
      add(pair.slice(equals + 1), equals >= 0 && SECRET_KEY.test(pair.slice(0, equals)));
    }
  }
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    const { value, isCredential } = top;
    if (typeof value === "string") add(value, isCredential);
    else if (typeof value === "number" && isCredential) add(String(value), true);
    else if (Array.isArray(value)) for (const item of value) open.push({ value: item, isCredential });
    else if (typeof value === "object" && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        open.push({ value: member, isCredential: isCredential || SECRET_KEY.test(key) });
      }
    }
  }
  return [long.join("\n"), ...single];
}

/** Empty if it is none. */
function fromBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text));
  } catch {
    return "";
  }
}
