/** From a caller's key to the key of a change: asked again, a change gives the same answer. */

import { fingerprint } from "../../http/json.ts";
import type { KeyRing } from "../../key-ring.ts";
import { mintUuidV7 } from "../../uuid.ts";
import type { ChangeKey } from "../protocol.ts";

/** Enough to tell a few keys apart. */
const KEY_ID_BYTES = 8;

/** Who sent a key. One caller's keys are never found by another: a run that a key finds is shown with its callback token. */
export type Caller =
  /** The API token's id, `root` for the operator: names repeat, ids don't. */
  | { readonly tokenId: string }
  /** Whoever holds the run's callback token. The key is looked up in that run alone. */
  | "callback";

/**
 * The caller's key, or one of ours by which a call to the coordinator may be repeated. Ours sort by time, so that runs
 * purged together lie together in the journal's index of keys.
 */
export async function changeKey(
  caller: Caller,
  callersKey: string | null,
  body: unknown,
): Promise<ChangeKey> {
  if (callersKey === null) return { key: `m:${mintUuidV7(Date.now())}`, fingerprint: "" };
  // An id holds no colon, so no key can spell out another caller's.
  const key = caller === "callback" ? `c:${callersKey}` : `t:${caller.tokenId}:${callersKey}`;
  return { key, fingerprint: await fingerprint(body) };
}

/** The same for a body with secrets in it: from a plain hash, which is kept as long as its run, a weak one could be guessed. */
export async function secretChangeKey(
  ring: KeyRing,
  caller: Caller,
  callersKey: string | null,
  body: unknown,
): Promise<ChangeKey> {
  const change = await changeKey(caller, callersKey, body);
  if (callersKey === null) return change;
  const [signatures, ids] = await Promise.all([
    ring.signWithEach("fingerprint", change.fingerprint),
    ring.signWithEach("key-id", "fingerprint"),
  ]);
  const [first = "", ...others] = signatures.map((signature) => signature.toHex());
  const keyIds = ids.map((id) => id.subarray(0, KEY_ID_BYTES).toHex());
  return { ...change, fingerprint: first, otherFingerprints: others, keyIds };
}
