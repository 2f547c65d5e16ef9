/**
 * The start of a receiver's response to a delivery. A response can repeat every secret of the request, so it is sealed
 * before it leaves the Worker invocation that got it. The sealed text opens only for the same endpoint and run.
 */

import type { EndpointKey } from "../../runs/telling.ts";
import type { KeyRing } from "../../settings/key-ring.ts";

export interface ExcerptOwner {
  readonly scope: string;
  readonly endpoint: EndpointKey;
  readonly runId: string;
}

/** In base64. */
export async function sealExcerpt(ring: KeyRing, text: string, owner: ExcerptOwner): Promise<string> {
  return (await ring.seal(text, about(owner))).toBase64();
}

/** Null if no key of the ring opens it. */
export async function openExcerpt(ring: KeyRing, sealed: string, owner: ExcerptOwner): Promise<string | null> {
  const bytes = fromBase64(sealed);
  return bytes && ring.open(bytes, about(owner));
}

function about({ scope, endpoint, runId }: ExcerptOwner): string {
  return `action-runs delivery-excerpt v1\n${scope}\n${endpoint}\n${runId}`;
}

/** Null if the text is not base64. One broken excerpt must not hide the deliveries around it. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return null;
  }
}
