/** API tokens: `terr_` and 32 random bytes. D1 keeps only the SHA-256 hash of a token, which is shown once. */

const TOKEN = /^terr_[A-Za-z0-9_-]{43}$/;

export function isApiToken(text: string): boolean {
  return TOKEN.test(text);
}

export function newApiToken(): string {
  return `terr_${randomText(32)}`;
}

/** `bytes` random bytes as base64url. */
export function randomText(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return random.toBase64({ alphabet: "base64url", omitPadding: true });
}
