/** Callback tokens as forgers would make them: each table is one way to be refused, each entry differs in one thing. */

import { env } from "cloudflare:workers";
import { keyRing } from "../../src/settings/key-ring.ts";
import { newRunsPath, ROOT, scopeOfPath } from "../support/requests.ts";
import { sha256 } from "../support/tokens.ts";

const DAY_MS = 86_400_000;
const KEY = env.CALLBACK_SIGNING_KEYS ?? "";
const OTHER_KEY = "another-signing-key-of-32-bytes-and-more";

/** What a forger starts from: a token that opens `path`/`id`/callback, and the token of another run there. */
export interface Genuine {
  readonly path: string;
  readonly id: string;
  readonly expiresAt: number;
  readonly hmac: string;
  readonly token: string;
  readonly other: { readonly id: string; readonly expiresAt: number; readonly hmac: string; readonly token: string };
  readonly apiToken: string;
}

export interface Attempt {
  /** The whole header. Null: no header. */
  readonly authorization: string | null;
  readonly path?: string;
  readonly id?: string;
  readonly query?: string;
  readonly at?: number;
  readonly keys?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Forgery = (genuine: Genuine) => Attempt | Promise<Attempt>;
type Forged = (genuine: Genuine) => string | Promise<string>;

function bearer(token: Forged): Forgery {
  return async (genuine) => ({ authorization: `Bearer ${await token(genuine)}` });
}

/** The HMAC in place of the genuine one, all else being right. */
function withHmac(hmac: Forged): Forgery {
  return bearer(async (genuine) => `${genuine.id}:${genuine.expiresAt}:${await hmac(genuine)}`);
}

export function signedText({ path, id, expiresAt }: Genuine, version = "v1", scope = scopeOfPath(path)): string {
  return `action-runs callback ${version}\n${scope}\n${id}\n${expiresAt}`;
}

export async function signAs(purpose: "callback-token" | "run-id", text: string, keys = KEY): Promise<string> {
  const ring = keyRing(keys);
  if (!ring.ok) throw new Error(ring.error);
  return (await ring.value.sign(purpose, text)).toHex();
}

async function signRaw(secret: string, text: string): Promise<string> {
  const bytes = (value: string) => new TextEncoder().encode(value);
  const key = await crypto.subtle.importKey("raw", bytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(text))).toHex();
}

/** Replaces the hex digit at `index` by another. A negative `index` counts from the end. */
export function changed(hex: string, index: number): string {
  const at = index < 0 ? hex.length + index : index;
  return hex.slice(0, at) + (hex[at] === "0" ? "1" : "0") + hex.slice(at + 1);
}

export const NO_CREDENTIAL: Readonly<Record<string, Forgery>> = {
  "no header": () => ({ authorization: null }),
  "an empty header": () => ({ authorization: "" }),
  "the scheme alone": () => ({ authorization: "Bearer" }),
  "the token without a scheme": ({ token }) => ({ authorization: token }),
  "the Basic scheme": ({ token }) => ({ authorization: `Basic ${token}` }),
  "no space after the scheme": ({ token }) => ({ authorization: `Bearer${token}` }),
  "two credentials in one header": ({ token }) => ({ authorization: `Bearer ${token}, Bearer ${token}` }),
  "a space inside the token": ({ id, expiresAt, hmac }) => ({ authorization: `Bearer ${id}:${expiresAt}: ${hmac}` }),
  "a no-break space after the token": ({ token }) => ({ authorization: `Bearer ${token}\u00a0` }),
  "the token in the query": ({ token }) => ({ authorization: null, query: `?access_token=${token}` }),
  "the token in another header": ({ token }) => ({ authorization: null, headers: { "X-Callback-Token": token } }),
};

export const NOT_GENUINE: Readonly<Record<string, Forgery>> = {
  "an upper-case uuid": bearer(({ id, expiresAt, hmac }) => `${id.toUpperCase()}:${expiresAt}:${hmac}`),
  "an upper-case HMAC": withHmac(({ hmac }) => hmac.toUpperCase()),
  "a uuid without hyphens": bearer(({ token }) => token.replaceAll("-", "")),
  "percent-encoded colons": bearer(({ token }) => token.replaceAll(":", "%3A")),
  "a colon after it": bearer(({ token }) => `${token}:`),
  "a colon before it": bearer(({ token }) => `:${token}`),
  "a fourth part": bearer(({ token, hmac }) => `${token}:${hmac}`),
  "12 digits of expiry": bearer(({ id, expiresAt, hmac }) => `${id}:${String(expiresAt).slice(0, 12)}:${hmac}`),
  "14 digits, signed": bearer(async (genuine) => {
    const long = { ...genuine, expiresAt: genuine.expiresAt * 10 };
    return `${long.id}:${long.expiresAt}:${await signAs("callback-token", signedText(long))}`;
  }),
  "an expiry with a sign": bearer(({ id, expiresAt, hmac }) => `${id}:+${expiresAt}:${hmac}`),
  "a superscript digit": bearer(({ id, expiresAt, hmac }) => `${id}:\u00b9${String(expiresAt).slice(1)}:${hmac}`),
  "an expiry 1 ms later": bearer(({ id, expiresAt, hmac }) => `${id}:${expiresAt + 1}:${hmac}`),
  "an expiry 1 ms earlier": bearer(({ id, expiresAt, hmac }) => `${id}:${expiresAt - 1}:${hmac}`),
  "the HMAC's first digit changed": withHmac(({ hmac }) => changed(hmac, 0)),
  "the HMAC's last digit changed": withHmac(({ hmac }) => changed(hmac, -1)),
  "the HMAC cut by a digit": withHmac(({ hmac }) => hmac.slice(0, -1)),
  "the HMAC with a byte more": withHmac(({ hmac }) => `${hmac}00`),
  "an empty HMAC": withHmac(() => ""),
  "no HMAC": bearer(({ id, expiresAt }) => `${id}:${expiresAt}`),
  "no expiry": bearer(({ id, hmac }) => `${id}:${hmac}`),
  "the id alone": bearer(({ id }) => id),
  "one digit of the id changed": bearer(({ id, expiresAt, hmac }) => `${changed(id, -1)}:${expiresAt}:${hmac}`),
  "one digit of the id changed, in the path too": ({ id, expiresAt, hmac }) => {
    const made = changed(id, -1);
    return { authorization: `Bearer ${made}:${expiresAt}:${hmac}`, id: made };
  },
  "the nil uuid": bearer(({ expiresAt, hmac }) => `00000000-0000-0000-0000-000000000000:${expiresAt}:${hmac}`),
  "another run's token": bearer(({ other }) => other.token),
  "this token at another run": ({ token, other }) => ({ authorization: `Bearer ${token}`, id: other.id }),
  "another run's HMAC": withHmac(({ other }) => other.hmac),
  "another run's expiry": bearer(({ id, other, hmac }) => `${id}:${other.expiresAt}:${hmac}`),
  "another organization": ({ token, path }) => ({
    authorization: `Bearer ${token}`,
    path: path.replace("/acme/", "/acme2/"),
  }),
  "another project": ({ token, path }) => ({
    authorization: `Bearer ${token}`,
    path: path.replace("/shop/", "/shop2/"),
  }),
  "another environment": ({ token }) => ({ authorization: `Bearer ${token}`, path: newRunsPath() }),
  "an API token": bearer(({ apiToken }) => apiToken),
  "the root token": bearer(() => ROOT),
  "8 KB of text": bearer(() => "a".repeat(8192)),
  "a key that was removed from the ring": ({ token }) => ({ authorization: `Bearer ${token}`, keys: OTHER_KEY }),
  "a key that is not in the ring": withHmac((genuine) => signAs("callback-token", signedText(genuine), OTHER_KEY)),
  "the purpose of run ids": withHmac((genuine) => signAs("run-id", signedText(genuine))),
  "the text of run ids": withHmac(({ path, id }) => {
    const head = id.replaceAll("-", "").slice(0, 24);
    return signAs("callback-token", `action-runs run-id v1\n${scopeOfPath(path)}\n${head}`);
  }),
  "another version": withHmac((genuine) => signAs("callback-token", signedText(genuine, "v2"))),
  "a text without a tenant": withHmac((genuine) => signAs("callback-token", signedText(genuine, "v1", ""))),
  "the secret itself as the key": withHmac((genuine) => signRaw(KEY, signedText(genuine))),
  "a hash that needs no key": withHmac((genuine) => sha256(signedText(genuine))),
};

export const LATE: Readonly<Record<string, Forgery>> = {
  "the token in the instant it expires": ({ token, expiresAt }) => ({
    authorization: `Bearer ${token}`,
    at: expiresAt,
  }),
  "the token 1 ms late": ({ token, expiresAt }) => ({ authorization: `Bearer ${token}`, at: expiresAt + 1 }),
  "the token a day late, with a key": ({ token, expiresAt }) => ({
    authorization: `Bearer ${token}`,
    at: expiresAt + DAY_MS,
    headers: { "Idempotency-Key": "k" },
  }),
};
