/** Turns a caller's Idempotency-Key into the key of a change. A change that is asked for again gets the same answer. */

import { fingerprint } from "../../base/json.ts";
import { mintUuidV7 } from "../../base/uuid.ts";
import type { KeyRing } from "../../settings/key-ring.ts";
import type { ChangeKey } from "../protocol.ts";

/** Who sent a key. No caller finds a run by another caller's key, because a create answers with the run's callback token. */
export type Caller =
  /** The API token's id, or `root`. Names can repeat, ids can't. */
  | { readonly tokenId: string }
  /** The holder of a callback token. The key is looked up only in that token's run. */
  | "callback";

/**
 * The key of a change. Without a key of the caller we make one up, so that a call to the coordinator may be repeated. Our
 * keys sort by time, so that runs that are purged together lie together in the journal's index of keys.
 *
 * `ring`: for a body with secrets. The journal keeps the fingerprint as long as the run, and a plain hash would let a
 * weak secret be guessed.
 */
export async function changeKey(
  caller: Caller,
  callersKey: string | null,
  body: unknown,
  ring: KeyRing | null = null,
): Promise<ChangeKey> {
  if (callersKey === null) return { key: `m:${mintUuidV7(Date.now())}`, fingerprint: "" };
  // An id contains no colon, so no key can spell another caller's.
  const key = caller === "callback" ? `c:${callersKey}` : `t:${caller.tokenId}:${callersKey}`;
  const hash = await fingerprint(body);
  if (ring === null) return { key, fingerprint: hash };
  const [signatures, keyIds] = await Promise.all([
    ring.signWithEach("fingerprint", hash),
    ring.keyIds("fingerprint"),
  ]);
  const [first = "", ...others] = signatures.map((signature) => signature.toHex());
  return { key, fingerprint: first, otherFingerprints: others, keyIds };
}
