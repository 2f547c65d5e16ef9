/** Which texts of a request are secret, so that no excerpt of its answer may show them. PURE. */

/** `headers`: only the caller's. `body`: JSON or a form, up to 512 KiB. */
export interface SentRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signingSecret: string | null;
  readonly callbackToken: string;
  /**
   * Secrets of the trigger that this request need not contain: `secrets`, and the headers of its other request. Left out by
   * older versions.
   */
  readonly otherSecrets?: readonly string[];
}

export interface Secrets {
  /** No piece of these may be shown. */
  readonly texts: readonly string[];
  /** These may not be shown as a whole. Harmless texts contain pieces of them. */
  readonly wholes: readonly string[];
}

/** Shorter words of a body or user names appear in harmless texts too. */
const WORD_MIN_CHARACTERS = 8;
const LONG_SEGMENT_CHARACTERS = 16;

const HARMLESS_HEADER =
  /^(accept|accept-encoding|accept-language|cache-control|content-type|user-agent|x-github-api-version)$/i;
const SECRET_KEY = /token|secret|passw|key|auth|cred|sign/i;
/** 8 characters or more, none of which a reading leaves out. */
const IS_PLAIN_WORD = /^[!-$'-*,-[\]-~]{8,}$/;
/** Left out, because an answer can say "Bearer token missing" without having seen a token. */
const SCHEME = /^(basic|bearer|token|apikey|digest|negotiate)\s+/i;
/** Not secret: the default payload has two, and an answer often has one of the same day. */
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

/** `signature`: of this attempt, or empty. Never throws. */
export function secretsOf(request: SentRequest, signature: string): Secrets {
  const texts = credentialsOf(request, signature);
  const wholes: string[] = [];
  const parsed = URL.parse(request.url);
  if (parsed !== null) {
    texts.push(...parsed.pathname.split("/").filter(isLikelySecret));
    if (parsed.pathname.length > 1) wholes.push(parsed.pathname);
  }
  texts.push(...bodyTexts(request.body, true));
  return { texts, wholes };
}

/**
 * The secrets that no value of an answer may contain. Fewer than for an excerpt, because the page of a job nearly always
 * contains words of the request, such as the repository's name in the URL's path.
 */
export function valueSecretsOf(request: SentRequest, signature: string): Secrets {
  const texts = [...credentialsOf(request, signature), ...bodyTexts(request.body, false)];
  const short = (request.otherSecrets ?? []).filter((text) => text.length < WORD_MIN_CHARACTERS);
  return { texts: texts.filter((text) => text.length >= WORD_MIN_CHARACTERS), wholes: short };
}

/** What somebody chose as a secret: the values of headers and of the query, and the keys and tokens of the service. */
function credentialsOf(request: SentRequest, signature: string): string[] {
  const { url, headers, signingSecret, callbackToken, otherSecrets = [] } = request;
  const texts: string[] = otherSecrets.flatMap(credentialParts);
  for (const [name, value] of Object.entries(headers)) {
    if (isSecretHeader(name)) texts.push(...credentialParts(value.trim()));
  }
  if (signingSecret !== null) texts.push(signingSecret.replace(/^whsec_/, ""));
  texts.push(signature.replace(/^v1,/, ""));
  // Only the last part. The others are the run's id and deadline, which every reader of the run knows.
  texts.push(callbackToken.slice(callbackToken.lastIndexOf(":") + 1));
  // As sent. A pair without a name can be a secret itself.
  const query = URL.parse(url)?.search.slice(1) ?? "";
  for (const pair of query.split("&")) texts.push(pair.slice(pair.indexOf("=") + 1));
  return texts;
}

/** Whether the value of a header counts as a secret. */
export function isSecretHeader(name: string): boolean {
  return !HARMLESS_HEADER.test(name);
}

/** A path segment that no person chose: a long one, or one with letters and digits. */
function isLikelySecret(segment: string): boolean {
  if (segment.length >= LONG_SEGMENT_CHARACTERS) return true;
  return segment.length >= WORD_MIN_CHARACTERS && /\d/.test(segment) && /[a-z]/i.test(segment);
}

/** A credential without its scheme, and its parts: the values after `name=`, and what Basic encodes. */
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
    // Some products expect the token as the user name.
    if (colon >= WORD_MIN_CHARACTERS) parts.push(decoded.slice(0, colon));
  }
  return parts;
}

/**
 * Every text or number of a JSON body or a form under a key that looks secret, and with `withLong` all its long texts. Long
 * texts are joined to one, so that the cost grows with their bytes and not with their number.
 */
function bodyTexts(body: string, withLong: boolean): readonly string[] {
  const long: string[] = [];
  const short = new Set<string>();
  const add = (text: string, isCredential: boolean) => {
    if (!isCredential && !withLong) return;
    if (isCredential ? IS_PLAIN_WORD.test(text) : text.length >= WORD_MIN_CHARACTERS && !INSTANT.test(text)) {
      long.push(text);
    } else if (isCredential) short.add(text);
  };
  // A list and no recursion, because the body can be nested deeply.
  const open: [value: unknown, isCredential: boolean][] = [];
  try {
    open.push([JSON.parse(body), false]);
  } catch {
    for (const pair of body.split("&")) {
      const equals = pair.indexOf("=");
      add(pair.slice(equals + 1), equals >= 0 && SECRET_KEY.test(pair.slice(0, equals)));
    }
  }
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, isCredential] = next;
    if (typeof value === "string") add(value, isCredential);
    else if (typeof value === "number" && isCredential) add(String(value), true);
    else if (typeof value === "object" && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        open.push([member, isCredential || SECRET_KEY.test(key)]);
      }
    }
  }
  return [long.join("\n"), ...short];
}

/** Empty if the text is not base64. */
function fromBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text));
  } catch {
    return "";
  }
}
