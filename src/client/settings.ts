/** A client's settings, checked when it is created. No message repeats a token, or an address that may hold one. */

const RETRIES_DEFAULT = 4;
const RETRY_DELAY_DEFAULT_MS = 500;
const TIMEOUT_DEFAULT_MS = 30_000;
const PATH_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const DEFINITION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export interface CallSettings {
  /** Replaces the global `fetch`, for example by a service binding's. It is called with a Request. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** The number of retries after a network error, 429, 503 or a proxy's 5xx. Default: 4. 0 means no retries. */
  readonly retries?: number | undefined;
  /** The upper limit of the first backoff. It doubles with each retry, up to 10 s. Default: 500. */
  readonly retryDelayMs?: number | undefined;
  /** The timeout of one try, and of an event stream that is silent. Default: 30 000. */
  readonly timeoutMs?: number | undefined;
}

/** The settings of all calls, with their defaults. */
export type TransportSettings = { readonly [K in keyof CallSettings]-?: NonNullable<CallSettings[K]> };

export type Credentials =
  | { readonly token: string }
  /** The page key of a session, on a page of the service itself, where the browser sends the session's cookie. */
  | { readonly pageKey: string };

interface Settings extends CallSettings {
  /** The API's address, for example `https://runs.example.com`. */
  readonly baseUrl: string;
  readonly org: string;
  readonly project: string;
  readonly env: string;
  /**
   * The person for whom this client acts: 1 to 255 visible ASCII characters without spaces. Runs show this name in
   * lower case instead of the token's. The token needs `mayActForOthers`. A portal makes a client for each of its users.
   */
  readonly onBehalfOf?: string | undefined;
}

export type ClientSettings = Settings & Credentials;

export interface Environment {
  readonly o: string;
  readonly p: string;
  readonly envName: string;
}

/** Adds the defaults. Throws a TypeError that names an invalid setting. */
export function transportSettings(settings: CallSettings): TransportSettings {
  return {
    fetch: settings.fetch ?? globalThis.fetch,
    retries: whole("retries", settings.retries ?? RETRIES_DEFAULT),
    retryDelayMs: whole("retryDelayMs", settings.retryDelayMs ?? RETRY_DELAY_DEFAULT_MS),
    timeoutMs: whole("timeoutMs", settings.timeoutMs ?? TIMEOUT_DEFAULT_MS),
  };
}

/** An http or https address without credentials, because fetch prints credentials when it refuses them. */
export function checkedUrl(name: string, text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new TypeError(`${name} is not a valid address. Use one that begins with https://, without user or password.`);
  }
  return text;
}

/** A token that a header can carry. Checked here, because fetch prints a header that it refuses. */
export function checkedToken(token: string): string {
  const wrong = "token is not valid. Use the token as it was shown, without spaces or line breaks.";
  return checked(token, /^[\x21-\x7e]+$/, wrong);
}

/** Throws a TypeError with the sentence `wrong` unless the value is such a text. */
function checked(value: string, pattern: RegExp, wrong: string): string {
  if (typeof value === "string" && pattern.test(value)) return value;
  throw new TypeError(wrong);
}

export function callerHeaders(settings: ClientSettings): Readonly<Record<string, string>> {
  const { onBehalfOf } = settings;
  const person = onBehalfOf === undefined ? {} : { "On-Behalf-Of": checkedPerson(onBehalfOf) };
  if ("pageKey" in settings) return { ...person, "Action-Runs-Page-Key": settings.pageKey };
  return { ...person, Authorization: `Bearer ${checkedToken(settings.token)}` };
}

/** A person that a header can carry, in lower case as the service stores and shows it. */
export function checkedPerson(person: string): string {
  const wrong = "onBehalfOf is not valid. Use 1 to 255 visible ASCII characters without spaces.";
  return checked(person, /^[\x21-\x7e]{1,255}$/, wrong).toLowerCase();
}

/** The name of an organization, project or environment, valid in a path. */
export function checkedName(name: string, value: string): string {
  const wrong = `${name} can't be ${JSON.stringify(value)}. Use 1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen.`;
  return checked(value, PATH_NAME, wrong);
}

/** The name of a definition or of a concurrency group, valid in a path. `what`: which of them. */
export function checkedDefinitionName(what: string, name: string, otherwise = ""): string {
  const wrong = `${what} can't be ${JSON.stringify(name)}. Use 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit${otherwise}.`;
  return checked(name, DEFINITION_NAME, wrong);
}

/** An id, valid in a path. `..` would address another resource. */
export function checkedId(id: string): string {
  const wrong = `The id can't be ${JSON.stringify(id)}. Use an id that the API returned.`;
  return checked(id, /^(?!\.{0,2}$)/, wrong);
}

function whole(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`${name} can't be ${value}. Use a whole number, 0 or more.`);
}
