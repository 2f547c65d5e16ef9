/** Request headers that several routes read. */
import type { Context, MiddlewareHandler } from "hono";
import { IDEMPOTENCY_KEY_MAX_CHARACTERS } from "../base/limits.ts";
import { ApiError } from "./errors.ts";

/** Null without one. Webhook senders call it `webhook-id`. Throws `invalid_idempotency_key`. */
export function idempotencyKey(c: Context): string | null {
  const key = c.req.header("Idempotency-Key") ?? c.req.header("webhook-id");
  if (key === undefined) return null;
  if (key.length > IDEMPOTENCY_KEY_MAX_CHARACTERS || !/^[\x20-\x7e]+$/.test(key)) {
    throw new ApiError(
      "invalid_idempotency_key",
      `Idempotency-Key has ${key.length} characters. Send 1 to ${IDEMPOTENCY_KEY_MAX_CHARACTERS} printable ASCII characters.`,
    );
  }
  return key;
}

/** An ETag is a version number. */
export function etagOf(version: number): string {
  return `"${version}"`;
}

/**
 * RFC 9110, section 13.1. `noun`: what the version is of. `version`: the current one; null if there is none. Throws
 * `precondition_failed`. `W/` is ignored, because a proxy that compresses a response may put it before the ETag.
 */
export function requirePreconditions(c: Context, noun: string, version: number | null): void {
  const match = c.req.header("If-Match");
  // An empty If-Match names no version, so it is refused: a script may have lost the ETag.
  if (match !== undefined && !namesVersion(match, version)) {
    const sentence =
      version === null
        ? `There is no such ${noun} yet. Omit If-Match.`
        : `The version of the ${noun} is not the one in your If-Match. Get the ${noun} and try again.`;
    throw new ApiError("precondition_failed", sentence);
  }
  const noneMatch = c.req.header("If-None-Match");
  if (noneMatch && version !== null && namesVersion(noneMatch, version)) {
    const sentence = `The ${noun} already exists. Send If-Match with its ETag to replace it, or choose another name.`;
    throw new ApiError("precondition_failed", sentence);
  }
}

/** Whether a list of ETags, or `*`, names the version. `"0"` names one that does not exist yet. */
function namesVersion(list: string, version: number | null): boolean {
  if (list.trim() === "*") return version !== null;
  return list.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etagOf(version ?? 0));
}

/**
 * Version, trace id, parent id and flags, in lower-case hex (section 3.2.2). Version ff and ids of zeros are invalid.
 * Version 00 ends after the flags. Later versions may have more behind a further dash.
 */
const TRACEPARENT = /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]*)?$/;
/** The specification has no limit. It is kept with the run, so it needs one. */
export const TRACEPARENT_MAX_CHARACTERS = 255;

/**
 * The caller's position in a trace, after W3C Trace Context (https://www.w3.org/TR/trace-context/). The service opens no
 * span of its own, so it passes the header on as it is. Null for an invalid one, because tracing must not fail a request.
 */
export function traceparentOf(c: Context): string | null {
  const sent = c.req.header("traceparent") ?? "";
  return sent.length <= TRACEPARENT_MAX_CHARACTERS && TRACEPARENT.test(sent) ? sent : null;
}

export const DELIVERY_HEADER = "Action-Runs-Delivery";
/** On a request that tests an action's webhook: the run does not exist. */
export const TEST_HEADER = "Action-Runs-Test";

/** Refuses requests that the service itself sends to receivers, so that runs can't start each other in a loop. */
export const refuseDeliveries: MiddlewareHandler = (c, next) => {
  if (c.req.header(DELIVERY_HEADER) !== undefined) throw new ApiError("loop_detected");
  return next();
};
