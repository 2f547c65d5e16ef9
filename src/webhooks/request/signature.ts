/** Standard Webhooks signatures, version 1: HMAC-SHA256 over `{id}.{timestamp}.{body}` with the receiver's secret. */

const PREFIX = "whsec_";
const SIGNING_SECRET_MIN_BYTES = 24;
const SIGNING_SECRET_MAX_BYTES = 64;

/** The key in `whsec_` and base64, or null if it does not have 24 to 64 bytes. */
export function signingKey(secret: string): Uint8Array<ArrayBuffer> | null {
  if (!secret.startsWith(PREFIX)) return null;
  try {
    const key = Uint8Array.fromBase64(secret.slice(PREFIX.length), { lastChunkHandling: "strict" });
    const fits = key.byteLength >= SIGNING_SECRET_MIN_BYTES && key.byteLength <= SIGNING_SECRET_MAX_BYTES;
    return fits ? key : null;
  } catch {
    return null;
  }
}

/** The value of `webhook-signature`. `timestamp` in whole seconds since the epoch. */
export async function webhookSignature(
  key: Uint8Array<ArrayBuffer>,
  id: string,
  timestamp: number,
  body: string,
): Promise<string> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, hmac, false, ["sign"]);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  return `v1,${new Uint8Array(await crypto.subtle.sign("HMAC", imported, signed)).toBase64()}`;
}
