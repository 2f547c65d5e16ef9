/** Paging: an opaque cursor that stands for the last id of a page, and the Link header (RFC 8288) to the next. */

import { parseUuid } from "../runs/run-id.ts";

export function encodeCursor(lastId: string): string {
  return new TextEncoder().encode(lastId).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The id that the page starts after, or null where `cursor` was never ours. */
export function decodeCursor(cursor: string): string | null {
  try {
    const id = new TextDecoder().decode(Uint8Array.fromBase64(cursor, { alphabet: "base64url" }));
    return parseUuid(id) === id && encodeCursor(id) === cursor ? id : null;
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
