/** Checks that a secret of the operator's can't be guessed. The sentence never contains any of the secret. */

const MIN_BYTES = 32;
/**
 * Refuses a key or a short word that repeats, however long the secret is. A random key almost never fails: 64 hex
 * digits fail once in 10^18, and 32 hex digits once in 25 million.
 */
const MIN_DIFFERENT = 8;

/** What is wrong, as a sentence that continues the secret's name; null if nothing is wrong. */
export function weaknessOf(secret: string): string | null {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.byteLength < MIN_BYTES) {
    return `has ${bytes.byteLength} bytes; at least ${MIN_BYTES} are needed.`;
  }
  if (new Set(bytes).size < MIN_DIFFERENT) {
    return `has fewer than ${MIN_DIFFERENT} different bytes, so it is easy to guess.`;
  }
  return null;
}
