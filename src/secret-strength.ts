/** What makes a text fit to be a secret of the operator's. Says what is wrong with one and never repeats any of it. */

const MIN_BYTES = 32;
/**
 * Text of 32 bytes that one key pressed or a short word repeated is long enough and guessed at once. 64 random hex digits
 * hold fewer than 8 different ones less often than once in 10^18 draws, and 32 of them once in 25 million.
 */
const MIN_DIFFERENT = 8;

/** null, or what is wrong, to be read after the secret's name. */
export function weaknessOf(secret: Uint8Array): string | null {
  if (secret.byteLength < MIN_BYTES) {
    return `has ${secret.byteLength} bytes; at least ${MIN_BYTES} are needed.`;
  }
  if (new Set(secret).size < MIN_DIFFERENT) {
    return `has fewer than ${MIN_DIFFERENT} different bytes, so it can be guessed.`;
  }
  return null;
}
