/**
 * Which URLs a webhook may call. PURE: it looks up no name and reads no setting.
 *
 * The threat is SSRF: callers give us URLs, and we call them. We check the URL as the runtime parsed it and return that
 * same URL, so no second parser can read it in another way. A public name that resolves to a private address can't be
 * seen here, nor one that the network's resolver completes, such as `service.namespace`. Against that, only the
 * Worker's network or WEBHOOK_HOSTS helps. The sender refuses redirects. No sentence repeats any part of the URL,
 * because it can contain secrets.
 */

import { URL_MAX_CHARACTERS } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";

export interface UrlPolicy {
  /** Allowed besides 443, and besides 80 if `insecure`. */
  readonly ports: ReadonlySet<number>;
  /** Null: any public host. Otherwise only public hosts among these: names, or `*.name` for all below. */
  readonly hosts: readonly string[] | null;
  /** The service's own hosts, each as in `URL.host`. */
  readonly ownHosts: readonly string[];
  /** Only for development: allows http, and loopback on any port but our own. */
  readonly insecure: boolean;
}

/** RFC 1035, section 2.3.4. */
const NAME_MAX_CHARACTERS = 253;
const LABEL_MAX_CHARACTERS = 63;

/** The parser drops controls and blanks, and reads a backslash as a slash. Other parsers don't. */
const UNSENDABLE = /[\p{Cc}\p{Cs}\s\\]/u;
/** The parser drops empty credentials, so only the text shows them. */
const EMPTY_CREDENTIALS = /^[a-z]+:\/*:?@/i;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
const LABEL = /^[a-z0-9_-]+$/;
const TOP_LABEL = /^[a-z][a-z0-9-]*$/;
/** `example` (RFC 6761) is missing, because no network uses it: it is for documents and tests. */
const LOCAL_SUFFIXES = [
  // Special-use names: RFC 6761, RFC 6762, RFC 7686, RFC 9476. RFC 3172: arpa, which has home.arpa of RFC 8375.
  ["localhost", "invalid", "test", "local", "onion", "alt", "arpa"],
  // Never to be delegated, because networks use them: ICANN's board in 2018 (the first three) and in 2024.
  ["corp", "home", "mail", "internal"],
  // Private use that RFC 6762, appendix G, reports besides.
  ["intranet", "private", "lan"],
  // /etc/hosts of Linux distributions.
  ["localdomain", "localdomain4", "localdomain6"],
  // Routers. `box` itself is a public top-level domain.
  ["router", "gateway", "localnet", "fritz.box", "easy.box", "speedport.ip"],
  // Kubernetes completes `service.namespace` and `service.namespace.svc`. Only the namespaces of every cluster are known.
  ["svc", "pod", "cluster", "default", "kube-system"],
  // The default domains of Consul, Mesos-DNS, LXD and Incus.
  ["consul", "mesos", "lxd", "incus"],
  // OpenStack's default domains, and those of machines in Azure.
  ["novalocal", "openstacklocal", "internal.cloudapp.net"],
].flat();

const INSECURE_ADVICE = "In development, set ALLOW_INSECURE_WEBHOOKS=true in .dev.vars and restart the service.";

/** The parsed URL without its fragment, or what to send. Check it again before each attempt: settings may change. */
export function guardUrl(text: string, policy: UrlPolicy): Result<URL, string> {
  const fault = faultOf(text, policy);
  const { ownHosts } = policy;
  if (fault === null) {
    const url = new URL(text);
    url.hash = "";
    return ok(url);
  }
  // Only then the caller can change the settings.
  const isDevelopment = ownHosts.length > 0 && ownHosts.every((own) => isLoopback(asUrl(own).hostname));
  const isOpen = isDevelopment && !policy.insecure && faultOf(text, { ...policy, insecure: true }) === null;
  return err(isOpen ? `${fault} ${INSECURE_ADVICE}` : fault);
}

function faultOf(text: string, policy: UrlPolicy): string | null {
  if (text.length > URL_MAX_CHARACTERS) return `The URL is too long. Send at most ${URL_MAX_CHARACTERS} characters.`;
  if (UNSENDABLE.test(text)) {
    return "The URL has a blank, a backslash, a control character or half a surrogate pair. Percent-encode it.";
  }
  const url = URL.parse(text);
  if (url === null) return "The URL is not valid. Send an absolute URL with a host, like https://host/path.";
  if (url.protocol !== "https:" && !(url.protocol === "http:" && policy.insecure)) {
    return `The URL's scheme is not allowed. Send an ${policy.insecure ? "https or http" : "https"} URL.`;
  }
  if (url.username !== "" || url.password !== "" || EMPTY_CREDENTIALS.test(text)) {
    return "The URL has credentials. Remove what stands before the @, and send the credentials in a header.";
  }
  if (policy.ownHosts.some((own) => leadsTo(url, own))) {
    return "The URL leads back to this service. Send the URL of the receiver that does the work.";
  }
  if (!(policy.insecure && isLoopback(url.hostname))) {
    const fault = nameFault(url.hostname);
    if (fault !== null) return `The URL's host ${fault}`;
    if (url.port !== "" && !policy.ports.has(Number(url.port))) {
      return "The URL's port is not allowed. Send a URL without a port.";
    }
  }
  const isAllowed = (host: string) =>
    host.startsWith("*.") ? url.hostname.endsWith(host.slice(1)) : url.hostname === host;
  if (policy.hosts !== null && !policy.hosts.some(isAllowed)) {
    return "The URL's host is not one of those that the operator allows. Send a URL with an allowed host.";
  }
  return null;
}

/** On loopback each port is another program, so it counts. Elsewhere the same service may listen on every port. */
function leadsTo(url: URL, own: string): boolean {
  const { hostname, port: ownPort } = asUrl(own);
  if (!isLoopback(hostname) || !isLoopback(url.hostname)) return url.hostname === hostname;
  const port = url.port || (url.protocol === "http:" ? "80" : "443");
  return ownPort === "" ? port === "80" || port === "443" : port === ownPort;
}

/** `host`: as in `URL.host`. This scheme has no default port, so the parser keeps every port. */
function asUrl(host: string): URL {
  return new URL(`host://${host}`);
}

/** `hostname`: parsed, so that an address has only one spelling. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Why a parsed hostname is not the name of a public host, to be read after "The URL's host"; null if it is one. */
export function nameFault(hostname: string): string | null {
  if (hostname.startsWith("[") || IPV4.test(hostname)) return "is an IP address. Send a public DNS name.";
  const labels = hostname.split(".");
  const isWellFormed =
    hostname.length <= NAME_MAX_CHARACTERS &&
    labels.every((label) => label.length <= LABEL_MAX_CHARACTERS && LABEL.test(label)) &&
    TOP_LABEL.test(labels.at(-1) ?? "");
  if (!isWellFormed || !isTruePunycode(hostname)) {
    return "is not a valid DNS name. Send one like ci.example.com, without a dot at its end.";
  }
  if (labels.length < 2 || LOCAL_SUFFIXES.some((suffix) => `.${hostname}`.endsWith(`.${suffix}`))) {
    return "is a name of a local network. Send a public DNS name, like ci.example.com.";
  }
  return null;
}

/**
 * Whether each `xn--` label is the only spelling of a name beyond ASCII. The parser checks them only in a name that has
 * such a character, so this adds one. Otherwise `xn--local-` would pass, and later be `local`.
 */
function isTruePunycode(hostname: string): boolean {
  return URL.canParse(`https://\u00e9.${hostname}`);
}
