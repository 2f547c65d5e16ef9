/**
 * The caller's position in a trace, after W3C Trace Context (https://www.w3.org/TR/trace-context/). The service opens no
 * span of its own, so it passes the header on as it is. A header that the specification calls invalid is ignored, because
 * tracing must not fail a request.
 */

import type { Context } from "hono";

/**
 * Version, trace id, parent id and flags, in lower-case hex (section 3.2.2). Version ff and ids of zeros are invalid.
 * Version 00 ends after the flags. Later versions may have more behind a further dash.
 */
const TRACEPARENT = /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]*)?$/;
/** The specification has no limit. It is kept with the run, so it needs one. */
export const TRACEPARENT_MAX_CHARACTERS = 255;

/** The header `traceparent`; null if it is missing or invalid. */
export function traceparentOf(c: Context): string | null {
  const sent = c.req.header("traceparent") ?? "";
  return sent.length <= TRACEPARENT_MAX_CHARACTERS && TRACEPARENT.test(sent) ? sent : null;
}
