/**
 * The request that asks the receiver to stop a run's job. PURE. The Worker renders and seals it at create. The sender
 * puts in the values of the receiver's response.
 */

import { err, ok, type Result } from "../../base/result.ts";
import { type ResponseValues, VALUE_MAX_CHARACTERS } from "../response/response-values.ts";
import { fillIn, keysOf, type LaterText } from "../template/later-text.ts";
import { type PathFault, pathFault } from "../template/url-path.ts";
import { HEADER_VALUE } from "./request-templates.ts";
import type { WebhookRequest } from "./sealed-request.ts";

/** Each is the rest of a sentence that begins with "a value of the response". */
const PATH_FAULTS: Readonly<Record<PathFault, string>> = {
  dot_segment: "would leave the URL's path",
  control_character: "has a control character, which the URL's path can't have",
  empty_segment: "leaves nothing between two slashes of the URL's path",
};

/** A stop request whose texts lack the values of the response. */
export interface StopTemplate extends Pick<WebhookRequest, "method" | "signingSecret" | "origin"> {
  readonly url: LaterText;
  readonly headers: readonly (readonly [name: string, value: LaterText])[];
  readonly body: LaterText;
}

/** The keys of the values that the texts lack. */
export function stopRequestKeys({
  url,
  headers,
  body,
}: Pick<StopTemplate, "url" | "headers" | "body">): readonly string[] {
  return keysOf(url, body, ...headers.map(([, text]) => text));
}

/** The id of the stop request, for `webhook-id` and `Idempotency-Key`. */
export function stopRequestId(runId: string): string {
  return `${runId}-cancel`;
}

/**
 * The request with all values put in, or the rest of a sentence that begins with "was not called: ". Nothing is
 * measured here, because a refusal would tell how long the secrets are. The values are few and short, and a create
 * bounds everything else.
 */
export function filledStopRequest(
  template: StopTemplate,
  response: ResponseValues | null,
): Result<WebhookRequest, string> {
  const { url, headers, body, ...rest } = template;
  const known = new Map(response);
  for (const key of stopRequestKeys(template)) {
    const name = `{{ response.${key.slice(0, 80).toWellFormed()} }}`;
    const value = known.get(key);
    if (value === undefined) {
      return err(response === null ? `no response is known that has ${name}` : `the response has no usable ${name}`);
    }
    if (String(value).length > VALUE_MAX_CHARACTERS) {
      return err(`${name} has more than ${VALUE_MAX_CHARACTERS} characters`);
    }
  }
  const filled = (text: LaterText) => fillIn(text, (key) => known.get(key) ?? "");
  const filledHeaders = headers.map(([name, value]) => [name, filled(value)] as const);
  if (!filledHeaders.every(([, value]) => HEADER_VALUE.test(value))) {
    return err("a value of the response has characters that no header can carry");
  }
  const request = { ...rest, url: filled(url), headers: Object.fromEntries(filledHeaders), body: filled(body) };
  const fault = pathFault(
    request.url,
    fillIn(url, () => "x"),
  );
  if (fault !== null) return err(`a value of the response ${PATH_FAULTS[fault]}`);
  return ok(request);
}
