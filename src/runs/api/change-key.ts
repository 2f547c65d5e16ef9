/** Turns a caller's Idempotency-Key into the key of a change. A change with the same key is not made again. */

import { fingerprint } from "../../base/json.ts";
import { newUuidV7 } from "../../base/uuid.ts";
import type { KeyRing } from "../../settings/key-ring.ts";
import type { Actor } from "../actor.ts";
import type { ChangeKey } from "../run-calls.ts";

/** Who sent a key. Who repeats a create gets the run's callback token, so no key may find another caller's run. */
export type Caller =
  /** Of the token, its id counts, because names can repeat. */
  | Pick<Actor, "tokenId" | "person">
  /** The holder of a callback token. The key is looked up only in that token's run. */
  | "callback";

/**
 * The key of a change. If the caller sends no key, we create one, so that the call to the coordinator can be repeated.
 * Our own keys sort by time, so the journal's index of keys has the keys of runs that are purged together side by side.
 *
 * A person is part of the fingerprint and not of the key. So another person who sends the same key through the same
 * token is refused, and never gets the first one's answer.
 *
 * `ring`: for a body that can contain secrets. The journal keeps the fingerprint as long as the run, and from a plain
 * hash somebody could guess a weak secret.
 */
export async function changeKeyOf(
  caller: Caller,
  callersKey: string | null,
  body: unknown,
  ring: KeyRing | null = null,
): Promise<ChangeKey> {
  if (callersKey === null) return { key: `m:${newUuidV7(Date.now())}`, fingerprint: "" };
  // An id contains no colon, so no key can spell another caller's.
  const key = caller === "callback" ? `c:${callersKey}` : `t:${caller.tokenId}:${callersKey}`;
  const hash = await fingerprint(caller === "callback" ? body : bodyOf(caller, body));
  if (ring === null) return { key, fingerprint: hash };
  const [signatures, keyIds] = await Promise.all([ring.signWithEach("fingerprint", hash), ring.keyIds("fingerprint")]);
  const [first = "", ...others] = signatures.map((signature) => signature.toHex());
  return { key, fingerprint: first, otherFingerprints: others, keyIds };
}

/** No request is a list that begins with this word, so none can look like another's with a person. */
function bodyOf({ person }: Pick<Actor, "person">, body: unknown): unknown {
  return person === null ? body : ["on-behalf-of", person, body];
}
