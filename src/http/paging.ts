/** Paging: an opaque cursor for the last entry of a page, by its id, name or number, and the Link header (RFC 8288). */

import { parseUuid } from "../base/ids.ts";
import { CONCURRENCY_GROUP, CONCURRENCY_KEY_MAX_CHARACTERS, DEFINITION_NAME, PATH_NAME } from "../base/limits.ts";

const WHOLE_SCOPE = new RegExp(`^${PATH_NAME}/${PATH_NAME}/${PATH_NAME}$`);
const WHOLE_GROUP = new RegExp(`^${CONCURRENCY_GROUP}$`);
const WHOLE_NAME = new RegExp(`^${DEFINITION_NAME}$`);

export function encodeCursor(last: string | number): string {
  return new TextEncoder().encode(String(last)).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The id after which the page starts, or null if the service did not make `cursor`. */
export function decodeCursor(cursor: string): string | null {
  const id = decode(cursor);
  return id !== null && parseUuid(id) === id ? id : null;
}

/** The number after which the page starts, or null if the service did not make `cursor`. */
export function decodeSeqCursor(cursor: string): number | null {
  return parseSeq(decode(cursor) ?? "");
}

/** The name of the definition after which the page starts, or null if the service did not make `cursor`. */
export function decodeNameCursor(cursor: string): string | null {
  const name = decode(cursor);
  return name !== null && WHOLE_NAME.test(name) ? name : null;
}

/** The scope `{o}/{p}/{envName}` after which the page starts, or null if the service did not make `cursor`. */
export function decodeScopeCursor(cursor: string): string | null {
  const scope = decode(cursor);
  return scope !== null && WHOLE_SCOPE.test(scope) ? scope : null;
}

/**
 * The run's id and the kind of the delivery after which the page starts, or null if the service did not make `cursor`.
 */
export function decodeDeliveryCursor(cursor: string): { runId: string; kind: string } | null {
  const [runId = "", kind = "", ...more] = decode(cursor)?.split(" ") ?? [];
  const isIt = parseUuid(runId) === runId && /^[a-z]+$/.test(kind) && more.length === 0;
  return isIt ? { runId, kind } : null;
}

/** The concurrency group and key after which the page starts, or null if the service did not make `cursor`. */
export function decodeQueueCursor(cursor: string): { group: string; key: string } | null {
  const text = decode(cursor) ?? "";
  const end = text.indexOf("\n");
  const [group, key] = [text.slice(0, Math.max(end, 0)), text.slice(end + 1)];
  const isKey = [...key].length <= CONCURRENCY_KEY_MAX_CHARACTERS;
  return WHOLE_GROUP.test(group) && isKey ? { group, key } : null;
}

/** An event's number from its decimal digits, or null. */
export function parseSeq(text: string): number | null {
  return /^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : null;
}

function decode(cursor: string): string | null {
  try {
    const text = new TextDecoder().decode(Uint8Array.fromBase64(cursor, { alphabet: "base64url" }));
    return encodeCursor(text) === cursor ? text : null;
  } catch {
    return null;
  }
}

/** The same URL with its filters and another cursor, as a Link header. */
export function nextLink(base: string, requestUrl: string, cursor: string): string {
  const url = new URL(requestUrl);
  url.searchParams.set("cursor", cursor);
  return `<${base}${url.pathname}?${url.searchParams}>; rel="next"`;
}
