/** What a client is made of, checked when it is made. No message repeats a token, or an address that may hold one. */

import type { TransportSettings } from "./transport.ts";

const RETRIES_DEFAULT = 4;
const RETRY_DELAY_DEFAULT_MS = 500;
const TIMEOUT_DEFAULT_MS = 30_000;
const PATH_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** How calls are made. */
export interface CallSettings {
  /** In place of the global one: a service binding's, say. It is given a Request. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** How often a call is made again after a network fault, 429, 503 or a proxy's 5xx. 4 unless told; 0 for never. */
  readonly retries?: number | undefined;
  /** The most that the first wait between two tries can be; it doubles with each, up to 10 s. 500 unless told. */
  readonly retryDelayMs?: number | undefined;
  /** How long one try may take, and an event stream be silent. 30 000 unless told. */
  readonly timeoutMs?: number | undefined;
}

export interface ClientSettings extends CallSettings {
  /** Where the API is: `https://runs.example.com`. */
  readonly baseUrl: string;
  /** An API token. */
  readonly token: string;
  readonly org: string;
  readonly project: string;
  readonly env: string;
}

/** The settings with what was left out; a TypeError names the one that can't be used. */
export function transportSettings(settings: CallSettings): TransportSettings {
  return {
    fetch: settings.fetch ?? globalThis.fetch,
    retries: whole("retries", settings.retries ?? RETRIES_DEFAULT),
    retryDelayMs: whole("retryDelayMs", settings.retryDelayMs ?? RETRY_DELAY_DEFAULT_MS),
    timeoutMs: whole("timeoutMs", settings.timeoutMs ?? TIMEOUT_DEFAULT_MS),
  };
}

/** An http or https address without credentials, which fetch would print when it refuses them. */
export function checkedUrl(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new TypeError(
      `${name} is no address: send one that begins with https://, without user or password.`,
    );
  }
  return text;
}

/** As a header takes it: fetch prints a header that it refuses, so that is found out here. */
export function checkedToken(token: string): string {
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    throw new TypeError("token is none: send the token as it was given, without spaces or line ends.");
  }
  return token;
}

/** An organisation, project or environment as it may stand in a path. */
export function checkedName(name: string, value: string): string {
  if (typeof value !== "string" || !PATH_NAME.test(value)) {
    throw new TypeError(
      `${name} can't be ${JSON.stringify(value)}: send 1 to 63 lower-case letters, digits and hyphens, no hyphen first.`,
    );
  }
  return value;
}

/** An id as it may stand in a path: `..` would address something else. */
export function checkedId(id: string): string {
  if (typeof id !== "string" || /^\.{0,2}$/.test(id)) {
    throw new TypeError(`The id can't be ${JSON.stringify(id)}: send one that the API gave.`);
  }
  return id;
}

function whole(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`${name} can't be ${value}: send a whole number from 0.`);
}
