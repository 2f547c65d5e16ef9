/**
 * The request that asks the receiver to stop a run's job. PURE. The Worker renders and seals it at create. The values of the
 * receiver's answer are put in when it is sent.
 */

import { err, ok, type Result } from "../base/result.ts";
import { type AnswerValues, VALUE_MAX_CHARACTERS } from "./answer-values.ts";
import { fillIn, keysOf, type LaterText } from "./later-text.ts";
import type { WebhookRequest } from "./sealed-request.ts";
import { HEADER_VALUE } from "./trigger.ts";
import { type PathFault, pathFault } from "./url-path.ts";

/** Each is the rest of a sentence that begins with "a value of the answer". */
const PATH_FAULTS: Readonly<Record<PathFault, string>> = {
  dot_segment: "would leave the URL's path",
  control_character: "has a control character, which the URL's path can't have",
  empty_segment: "leaves nothing between two slashes of the URL's path",
};

/** A request whose texts lack the values of the answer. */
export interface StopRequest extends Pick<WebhookRequest, "method" | "signingSecret" | "origin"> {
  readonly url: LaterText;
  readonly headers: readonly (readonly [name: string, value: LaterText])[];
  readonly body: LaterText;
}

/** The id of the stop request, for `webhook-id` and `Idempotency-Key`. */
export function stopId(runId: string): string {
  return `${runId}-cancel`;
}

/**
 * The request with all values put in, or the rest of a sentence that begins with "was not called: ". Nothing is measured here,
 * because a refusal would tell how long the secrets are. The values are few and short, and a create bounds everything else.
 */
export function filledStop(stop: StopRequest, answer: AnswerValues | null): Result<WebhookRequest, string> {
  const { url, headers, body, ...rest } = stop;
  const known = new Map(answer);
  for (const key of keysOf(url, body, ...headers.map(([, value]) => value))) {
    const name = `{{ response.${key.slice(0, 80).toWellFormed()} }}`;
    const value = known.get(key);
    if (value === undefined) {
      return err(
        answer === null ? `no answer is known that has ${name}` : `the answer has no usable ${name}`,
      );
    }
    if (String(value).length > VALUE_MAX_CHARACTERS) {
      return err(`${name} has more than ${VALUE_MAX_CHARACTERS} characters`);
    }
  }
  const filled = (text: LaterText) => fillIn(text, (key) => known.get(key) ?? "");
  const filledHeaders = headers.map(([name, value]) => [name, filled(value)] as const);
  if (!filledHeaders.every(([, value]) => HEADER_VALUE.test(value))) {
    return err("a value of the answer has characters that no header can carry");
  }
  const request = {
    ...rest,
    url: filled(url),
    headers: Object.fromEntries(filledHeaders),
    body: filled(body),
  };
  const fault = pathFault(
    request.url,
    fillIn(url, () => "x"),
  );
  if (fault !== null) return err(`a value of the answer ${PATH_FAULTS[fault]}`);
  return ok(request);
}
