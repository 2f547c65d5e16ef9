/** Checks that a secret of the operator's can't be guessed. The sentence never contains any of the secret. */

const MIN_BYTES = 32;
/**
 * Refuses a repeated key or short word, however long. 64 random hex digits hold fewer than 8 different ones less often
 * than once in 10^18 draws, and 32 of them once in 25 million.
 */
const MIN_DIFFERENT = 8;

/** What is wrong, to be read after the secret's name; or null. */
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
