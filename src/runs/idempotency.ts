/** From a caller's key to the key of a change: asked again, a change gives the same answer. */

import type { KeyRing } from "../auth/key-ring.ts";
import { fingerprint } from "../http/json.ts";
import type { ChangeKey } from "./messages.ts";
import { mintUuidV7 } from "./run-id.ts";

/**
 * The caller's key, or one of ours by which a call to the coordinator may be repeated. Ours sort by time, so that runs
 * purged together lie together in the journal's index of keys.
 */
export async function changeKey(callersKey: string | null, body: unknown): Promise<ChangeKey> {
  if (callersKey === null) return { key: `m:${mintUuidV7(Date.now())}`, fingerprint: "" };
  return { key: `c:${callersKey}`, fingerprint: await fingerprint(body) };
}

/** The same for a body with secrets in it: from a plain hash, which is kept as long as its run, a weak one could be guessed. */
export async function secretChangeKey(
  ring: KeyRing,
  callersKey: string | null,
  body: unknown,
): Promise<ChangeKey> {
  const change = await changeKey(callersKey, body);
  if (callersKey === null) return change;
  const signatures = await ring.signWithEach("fingerprint", change.fingerprint);
  const [first = "", ...others] = signatures.map((signature) => signature.toHex());
  return { ...change, fingerprint: first, otherFingerprints: others };
}
