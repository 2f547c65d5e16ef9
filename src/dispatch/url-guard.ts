/**
 * Which URLs a webhook may call. PURE: no I/O, no name is looked up, nothing is read from the environment.
 *
 * The threat is SSRF: callers give us URLs and we call them. What is judged is the URL as the runtime parsed
 * it, which is also what is handed back to be called: no second reading of the text can disagree with the first.
 * Limit: a public name that resolves to a private address can't be seen from here; what keeps such a call out
 * is the network that the Worker runs in, or WEBHOOK_HOSTS. Redirects are the sender's to refuse.
 * No sentence repeats any of the URL: it may hold secrets.
 */

import { URL_MAX_CHARACTERS } from "../http/limits.ts";
import { err, ok, type Result } from "../result.ts";

/** Of a name and of one label: RFC 1035, section 2.3.4. */
const NAME_MAX_CHARACTERS = 253;
const LABEL_MAX_CHARACTERS = 63;

export interface UrlPolicy {
  /** Allowed besides the scheme's own: 443, and 80 for http where that is open. */
  readonly ports: ReadonlySet<number>;
  /** null: any public host. Else only these, lower case: exact names, or `*.name` for all below but not itself. */
  readonly hosts: readonly string[] | null;
  /** Our own front door, each as in `URL.host`: lower-case hostname, and the port unless it is the scheme's own. */
  readonly ownHosts: readonly string[];
  /** Development only: opens http, and loopback on any port but our own. */
  readonly insecure: boolean;
}

/**
 * Controls and blanks (the parser drops some of them from anywhere in the text), lone surrogates, and the
 * backslash, which is a slash to this parser and a part of the host's name to others.
 */
const UNSENDABLE = /[\p{Cc}\p{Cs}\s\\]/u;
/** Credentials with nothing in them: the parser forgets that they were there. */
const EMPTY_CREDENTIALS = /^[a-z]+:\/*:?@/i;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
const LABEL = /^[a-z0-9_-]+$/;
const TOP_LABEL = /^[a-z][a-z0-9-]*$/;
/** Names that mean something only inside a network, or nothing at all, and every name below them. */
const LOCAL_SUFFIXES = [
  ...["local", "internal", "localhost", "localdomain", "home.arpa", "lan", "intranet"],
  ...["corp", "home", "private", "invalid", "onion"],
];

const INSECURE_ADVICE =
  "In development, set ALLOW_INSECURE_WEBHOOKS=true in .dev.vars and restart the service.";

/**
 * The parsed URL, without its fragment, if it may be called; else a sentence that says what to send instead.
 * To be asked at create and, as the settings may have changed, again before each attempt.
 */
export function guardUrl(text: string, policy: UrlPolicy): Result<URL, string> {
  const judged = judgeUrl(text, policy);
  if (judged.ok || !isDevelopment(policy)) return judged;
  const wouldDo = !policy.insecure && judgeUrl(text, { ...policy, insecure: true }).ok;
  return wouldDo ? err(`${judged.error} ${INSECURE_ADVICE}`) : judged;
}

function judgeUrl(text: string, policy: UrlPolicy): Result<URL, string> {
  if (text.length > URL_MAX_CHARACTERS) {
    return err(`The URL is too long: send at most ${URL_MAX_CHARACTERS} characters.`);
  }
  if (UNSENDABLE.test(text)) {
    return err(
      "The URL holds a blank, a backslash, a control character or half a surrogate pair: percent-encode it.",
    );
  }
  const url = URL.parse(text);
  if (url === null) {
    return err("The URL can't be read: send an absolute one that names its host, like https://host/path.");
  }
  const fault = schemeFault(url, policy) ?? credentialsFault(url, text) ?? hostFault(url, policy);
  if (fault !== null) return err(fault);
  url.hash = "";
  return ok(url);
}

function schemeFault({ protocol }: URL, { insecure }: UrlPolicy): string | null {
  if (protocol === "https:" || (protocol === "http:" && insecure)) return null;
  return `The URL's scheme can't be called: send an ${insecure ? "https or http" : "https"} URL.`;
}

function credentialsFault({ username, password }: URL, text: string): string | null {
  if (username === "" && password === "" && !EMPTY_CREDENTIALS.test(text)) return null;
  return "The URL holds credentials: send it without anything before an @, and put them into a header.";
}

function hostFault(url: URL, policy: UrlPolicy): string | null {
  if (isOwn(url, policy.ownHosts)) {
    return "The URL leads back to this service: send the URL of the receiver that does the work.";
  }
  const loopback = policy.insecure && isLoopback(url.hostname);
  const fault = loopback ? null : (nameFault(url.hostname) ?? portFault(url, policy));
  if (fault !== null) return `The URL's ${fault}`;
  if (policy.hosts !== null && !policy.hosts.some((pattern) => matches(url.hostname, pattern))) {
    return "The URL's host is not one that this service may call: send one of those that its operator has allowed.";
  }
  return null;
}

/** Whether this service is reached by loopback names alone, so that whoever asks can change its settings. */
function isDevelopment({ ownHosts }: UrlPolicy): boolean {
  return ownHosts.length > 0 && ownHosts.every((own) => isLoopback(splitPort(own).hostname));
}

/**
 * On loopback a port is a program, so only that port is ours, by whichever name or address. Anywhere else every
 * port of our name is refused: what listens there is behind the same door.
 */
function isOwn(url: URL, ownHosts: readonly string[]): boolean {
  return ownHosts.some((own) => {
    const { hostname: ownName, port: ownPort } = splitPort(own);
    if (!isLoopback(ownName) || !isLoopback(url.hostname)) return url.hostname === ownName;
    const port = url.port || (url.protocol === "http:" ? "80" : "443");
    return ownPort === undefined ? port === "80" || port === "443" : port === ownPort;
  });
}

/** Of `URL.host`; no port where it is the scheme's own. */
function splitPort(host: string): { readonly hostname: string; readonly port: string | undefined } {
  const port = /:(\d+)$/.exec(host)?.[1];
  return { hostname: port === undefined ? host : host.slice(0, -port.length - 1), port };
}

/** Of a hostname as the parser writes it: an address has but one spelling there. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || (IPV4.test(hostname) && /^127\./.test(hostname));
}

/** What keeps a parsed hostname from being that of a public host, to be read after "The URL's". */
function nameFault(hostname: string): string | null {
  if (hostname.startsWith("[") || IPV4.test(hostname)) {
    return "host is an IP address: send a public DNS name.";
  }
  const labels = hostname.split(".");
  const wellFormed =
    hostname.length <= NAME_MAX_CHARACTERS &&
    labels.every((label) => label.length <= LABEL_MAX_CHARACTERS && LABEL.test(label)) &&
    TOP_LABEL.test(labels.at(-1) ?? "");
  if (!wellFormed || !isTruePunycode(hostname)) {
    return "host is no proper DNS name: send one like ci.example.com, without a dot at its end.";
  }
  if (labels.length < 2 || LOCAL_SUFFIXES.some((suffix) => `.${hostname}`.endsWith(`.${suffix}`))) {
    return "host is a name of a local network: send a public DNS name, like ci.example.com.";
  }
  return null;
}

/**
 * Whether every `xn--` label is the one spelling of a name beyond ASCII. The parser takes a name of ASCII alone
 * as it stands, so that `xn--local-` would stand for `local` to whoever decodes it later; with a label beyond
 * ASCII beside it, it decodes and checks each.
 */
function isTruePunycode(hostname: string): boolean {
  return URL.canParse(`https://\u00e9.${hostname}`);
}

function portFault({ port }: URL, { ports }: UrlPolicy): string | null {
  if (port === "" || ports.has(Number(port))) return null;
  return "port is not one that this service may call: send a URL without a port.";
}

function matches(hostname: string, pattern: string): boolean {
  return pattern.startsWith("*.") ? hostname.endsWith(pattern.slice(1)) : hostname === pattern;
}

/** `WEBHOOK_PORTS`: "8443, 9443" as a set; unset or blank, an empty one. A sentence for what is no port. */
export function parsePorts(text: string | undefined): Result<ReadonlySet<number>, string> {
  const ports = new Set<number>();
  for (const [index, entry] of entriesOf(text).entries()) {
    if (!/^[1-9]\d{0,4}$/.test(entry) || Number(entry) > 65_535) {
      return err(`Entry ${index + 1} of WEBHOOK_PORTS is no port: write whole numbers from 1 to 65535.`);
    }
    ports.add(Number(entry));
  }
  return ok(ports);
}

/**
 * `WEBHOOK_HOSTS`: "ci.example.com, *.corp.example" as a list, as the parser writes them; unset or blank, null.
 * A sentence for what could never be called, so that a slip neither opens nor shuts anything unseen. Loopback
 * may be named: where development opens it, the list decides on it too.
 */
export function parseHosts(text: string | undefined): Result<readonly string[] | null, string> {
  const hosts: string[] = [];
  for (const [index, entry] of entriesOf(text).entries()) {
    const host = parseHost(entry);
    if (host === null) {
      return err(
        `Entry ${index + 1} of WEBHOOK_HOSTS is no public host: write names like ci.example.com, or *.example.com for all below one, without scheme, port or path.`,
      );
    }
    hosts.push(host);
  }
  return ok(hosts.length === 0 ? null : hosts);
}

function parseHost(entry: string): string | null {
  const [, wildcard = "", name = ""] = /^(\*\.)?(\[::1\]|[^\s:/?#@\\%]+)$/.exec(entry) ?? [];
  const hostname = URL.parse(`https://${name}`)?.hostname;
  if (hostname === undefined) return null;
  const callable = nameFault(hostname) === null || (wildcard === "" && isLoopback(hostname));
  return callable ? wildcard + hostname : null;
}

function entriesOf(text = ""): string[] {
  return text.trim() === "" ? [] : text.split(",").map((entry) => entry.trim());
}
