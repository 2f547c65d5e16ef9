/**
 * Says why no response came from the service, and what to do. Node tells the reason in the causes of an error, as a
 * code.
 */

import type { ActionRunsError } from "../client/index.ts";
import { ProxyRefusal, proxyVariables } from "./proxy.ts";

/** What the client says of every such error. */
const CLIENT_ADVICE = "Check the address and the network, and try again.";
const AUTHORITY =
  "The server's certificate is from an authority that Node does not know. If you trust the authority, set " +
  "NODE_EXTRA_CA_CERTS to the path of a file with its certificate.";
const EXPIRED =
  "The server's certificate is not valid at this time. Check the clock of this machine, or have the certificate renewed.";

/** What each code means. `{}`: the name or the address that was tried. */
const MEANINGS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: EXPIRED,
  ERR_TLS_CERT_ALTNAME_INVALID: "The server's certificate is for another name. Check the address.",
  ERR_SSL_WRONG_VERSION_NUMBER:
    "The server does not speak TLS there. Check whether the address begins with http:// or https://.",
  ENOTFOUND: `The name {} was not found. ${CLIENT_ADVICE}`,
  EAI_AGAIN: `The name {} could not be looked up, because no name server answered. ${CLIENT_ADVICE}`,
  ECONNREFUSED: `Nothing accepts connections at {}. ${CLIENT_ADVICE}`,
};

/** The sentences of any error. Without a response: what happened, what to do, and the code of the cause. */
export function explained(error: ActionRunsError): string {
  if (error.code === "unreachable") return unreachableSentence(error);
  return error.code === "unexpected_answer" ? `${error.message}${proxyAdvice()}` : error.message;
}

function unreachableSentence({ message, cause }: ActionRunsError): string {
  const causes = causesOf(cause);
  const refusal = causes.find((one) => one instanceof ProxyRefusal);
  if (refusal !== undefined) return message.replace(CLIENT_ADVICE, () => refusalAdvice(refusal.status));
  const told = causes.find((one) => typeof one.code === "string" && /^[A-Z][A-Z0-9_]+$/.test(one.code));
  if (told === undefined) return message;
  const { code = "", hostname, address, port } = told;
  const host = address?.includes(":") ? `[${address}]` : address;
  const tried = hostname ?? (host === undefined ? "this address" : `${host}:${port}`);
  const meaning = (MEANINGS[code] ?? CLIENT_ADVICE).replace("{}", () => tried);
  const isCertificate = meaning === AUTHORITY || meaning === EXPIRED;
  return message.replace(CLIENT_ADVICE, () => `${meaning}${isCertificate ? "" : proxyAdvice()} The cause is ${code}.`);
}

interface Cause extends Error {
  readonly code?: string;
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
}

/** The error below fetch's own, and those below it. An AggregateError has one for each address that was tried. */
function causesOf(error: unknown): readonly Cause[] {
  if (!(error instanceof Error)) return [];
  const below = error instanceof AggregateError ? error.errors : [error.cause];
  return [...below.flatMap(causesOf), error];
}

function refusalAdvice(status: number): string {
  if (status === 407) {
    return "The proxy requires a user and a password. Put them into its address, as in HTTPS_PROXY=http://USER:PASSWORD@proxy.example.com:3128.";
  }
  return `The proxy did not connect to the server (status ${status}). Check the address, or add the host to NO_PROXY if it needs no proxy.`;
}

function proxyAdvice(): string {
  const [name] = proxyVariables();
  return name === undefined ? "" : ` ${name} names a proxy, so check the proxy too.`;
}
