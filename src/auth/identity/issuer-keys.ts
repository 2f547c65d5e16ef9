/**
 * The documents and keys of issuers (OpenID Connect Discovery 1.0): fetched from the URLs of the operator's setting, and
 * from nowhere that a caller says. So the hosts and ports of webhooks don't bind them.
 */
import { MINUTE_MS, msSinceOrLongAgo, within } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import type { Issuer, KeySet } from "../../settings/issuers.ts";
import { isLoopback } from "../../settings/url-guard.ts";

/** What a discovery document says, as far as the service uses it. */
interface IssuerDocument {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly id_token_signing_alg_values_supported?: readonly string[];
  readonly [member: string]: unknown;
}

export interface IssuerKeys {
  readonly jwks: KeySet;
  /** Null: the keys are in the setting. */
  readonly document: IssuerDocument | null;
}

const REMEMBERED_MS = 10 * MINUTE_MS;
/** Without this, each proof with a made-up key id would cause a request. */
const AGAIN_AFTER_MS = 30_000;
const FAILED_FOR_MS = 5000;
const FETCH_MAX_MS = 5000;
const BYTES_MAX = 65_536;

interface Remembered {
  keys: IssuerKeys | null;
  /** When `keys` were asked for. */
  keysAt: number;
  /** When the last fetch began, and whether it failed. */
  askedAt: number;
  hasFailed: boolean;
  /** The fetch that everybody waits for. */
  pending: Promise<IssuerKeys> | null;
}

/** Per isolate, by issuer: as many as the setting has. */
const remembered = new Map<string, Remembered>();

type WaitUntil = (work: Promise<unknown>) => void;

/**
 * The keys of the issuer. `isUnknown`: those that are remembered lack the key of a proof, so they are fetched again, at
 * most each 30 s. Whoever sends such a proof can't hold up the others: what is remembered still counts for them, also
 * if that fetch fails. Throws `issuer_unavailable`.
 */
export async function issuerKeys(issuer: Issuer, waitUntil: WaitUntil, isUnknown = false): Promise<IssuerKeys> {
  if (issuer.jwks !== null) return { jwks: issuer.jwks, document: null };
  const now = Date.now();
  const known = remembered.get(issuer.issuer) ?? NOTHING();
  remembered.set(issuer.issuer, known);
  const { keys, pending } = known;
  const askedMs = msSinceOrLongAgo(known.askedAt, now);
  if (keys !== null && msSinceOrLongAgo(known.keysAt, now) < (isUnknown ? AGAIN_AFTER_MS : REMEMBERED_MS)) return keys;
  // A request of which the client hung up never ends, and neither does what waits for it.
  if (pending === null || askedMs >= FETCH_MAX_MS) {
    if (known.hasFailed && askedMs < (isUnknown && keys !== null ? AGAIN_AFTER_MS : FAILED_FOR_MS)) {
      throw unavailable(issuer, "the last request failed");
    }
    begin(issuer, known, now, waitUntil);
  }
  try {
    return await within(FETCH_MAX_MS, known.pending as Promise<IssuerKeys>);
  } catch (error) {
    throw unavailable(issuer, error);
  }
}

const NOTHING = (): Remembered => ({ keys: null, keysAt: 0, askedAt: 0, hasFailed: false, pending: null });

function begin(issuer: Issuer, known: Remembered, now: number, waitUntil: WaitUntil): void {
  const pending = fetchKeys(issuer).then(
    (keys) => Object.assign(known, { keys, keysAt: now }).keys,
    (error: unknown) => {
      known.hasFailed = true;
      throw error;
    },
  );
  Object.assign(known, { askedAt: now, hasFailed: false, pending });
  const end = () => {
    if (known.pending === pending) known.pending = null;
  };
  // It goes on if the client of this request hangs up, because others may wait for it.
  waitUntil(pending.then(end, end));
}

async function fetchKeys(issuer: Issuer): Promise<IssuerKeys> {
  const document = (await fetchJson(
    `${issuer.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
  )) as IssuerDocument;
  // Discovery 1.0, section 4.3. Otherwise one issuer of a provider could speak for another.
  if (document.issuer !== issuer.issuer) throw new Error(`its document names the issuer ${String(document.issuer)}`);
  const { jwks_uri: keysUrl, id_token_signing_alg_values_supported: algorithms = [] } = document;
  const { authorization_endpoint, token_endpoint, userinfo_endpoint } = document;
  for (const url of [keysUrl, authorization_endpoint, token_endpoint, userinfo_endpoint]) {
    // An issuer elsewhere has nothing on this machine. Otherwise it could make the service ask there.
    const isElsewhere = issuer.issuer.startsWith("https:") && url !== undefined;
    if (isElsewhere && !/^https:/i.test(String(url))) throw new Error(`not https: ${String(url)}`);
  }
  const jwks = (await fetchJson(keysUrl)) as unknown as KeySet;
  if (!Array.isArray(jwks.keys) || !Array.isArray(algorithms)) throw new Error("its documents are not as specified");
  return { document, jwks };
}

async function fetchJson(address: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetchIssuer(address);
  if (response.status !== 200) throw new Error(`${address}: status ${response.status}`);
  const value: unknown = await response.json();
  if (typeof value !== "object" || value === null) throw new Error(`${address}: no JSON object`);
  return value as Readonly<Record<string, unknown>>;
}

/** A request to an issuer: by https, at most 5 s and 64 KiB, and no redirect is followed. */
export async function fetchIssuer(address: string, init: RequestInit = {}): Promise<Response> {
  const url = URL.parse(address);
  const isAllowed = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (url === null || !isAllowed) throw new Error(`not https: ${address}`);
  const signal = AbortSignal.timeout(FETCH_MAX_MS);
  const response = await fetch(url, { ...init, redirect: "manual", signal });
  const body = await readBounded(response);
  return new Response(body, { status: response.status, headers: response.headers });
}

async function readBounded({ body }: Response): Promise<Blob | null> {
  if (body === null) return null;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of body as ReadableStream<Uint8Array<ArrayBuffer>>) {
    bytes += chunk.byteLength;
    if (bytes > BYTES_MAX) throw new Error(`more than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return new Blob(chunks);
}

export function unavailable({ name }: Issuer, cause: unknown): ApiError {
  return new ApiError(
    "issuer_unavailable",
    `${name} gives no usable answer, so nothing can be proved. Try again in a few seconds. If it lasts, the operator finds the cause in the log.`,
    { cause },
  );
}
