/**
 * Paging: an opaque cursor that stands for the last entry of a page, by its id or its number, and the Link header
 * (RFC 8288) to the next.
 */

import { parseUuid } from "../uuid.ts";

export function encodeCursor(last: string | number): string {
  return new TextEncoder().encode(String(last)).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The id that the page starts after, or null where `cursor` was never ours. */
export function decodeCursor(cursor: string): string | null {
  const id = decode(cursor);
  return id !== null && parseUuid(id) === id ? id : null;
}

/** The number that the page starts after, or null where `cursor` was never ours. */
export function decodeSeqCursor(cursor: string): number | null {
  const text = decode(cursor);
  return text === null ? null : parseSeq(text);
}

/** An event's number as its decimal digits, or null. */
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

/** `<…>; rel="next"`: the same page address with its filters and another cursor. */
export function nextLink(base: string, requestUrl: string, cursor: string): string {
  const url = new URL(requestUrl);
  url.searchParams.set("cursor", cursor);
  return `<${base}${url.pathname}?${url.searchParams}>; rel="next"`;
}
