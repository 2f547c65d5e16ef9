/**
 * Idempotency keys for the tries of one dialog. A key belongs to a body: what was sent before gets the same key again, so
 * that a try after a lost response repeats the first one. Anything else gets a key of its own, because the service refuses
 * a key that comes with another body.
 */

import { ActionRunsError } from "../../client/index.ts";

export type KeyPerBody = (body: unknown) => string;

/** `body`: what makes the request another one, as JSON. */
export function keyPerBody(): KeyPerBody {
  const keys = new Map<string, string>();
  return (body) => {
    const text = JSON.stringify(body);
    const key = keys.get(text) ?? crypto.randomUUID();
    keys.set(text, key);
    return key;
  };
}

/** The sentence for a try that failed. After a lost response, it says what another try does. */
export function afterTry(error: unknown, sentence: string): string {
  if (!(error instanceof ActionRunsError && error.status === null)) return sentence;
  return `${sentence} The service may have received this request. You can send the same one again without harm. If you change it, it is a new request.`;
}
