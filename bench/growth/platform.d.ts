/**
 * What the service's signing needs of the platform, for it to be checked here too. In Node it is there only in the
 * clerks, which are started with the flag for it.
 */

import type { webcrypto } from "node:crypto";

declare global {
  type CryptoKey = webcrypto.CryptoKey;
  interface Uint8Array {
    toHex(): string;
  }
  interface Uint8ArrayConstructor {
    fromHex(hex: string): Uint8Array<ArrayBuffer>;
  }
}
