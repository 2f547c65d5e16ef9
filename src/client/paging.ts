/** Follows pages by their Link headers (RFC 8288). Even an empty page may have a next page. */

import { unexpectedResponse } from "./errors.ts";

/** One page, as openapi-fetch gives it. */
export interface Page<T> {
  readonly data?: readonly T[] | undefined;
  readonly response: Response;
}

/** All entries of all pages. Requests a page only when the entries before it are used. */
export async function* pages<T>(ask: (cursor: string | undefined) => Promise<Page<T>>): AsyncGenerator<T, void> {
  let cursor: string | undefined;
  for (;;) {
    const page = await ask(cursor);
    yield* listOf(page);
    const next = nextCursor(page.response.headers.get("Link"));
    if (next === undefined) return;
    if (next === cursor) throw unexpectedResponse(page.response, "The next page is the same page again");
    cursor = next;
  }
}

/** Which page: `next` of the page before it, and how many entries it has at most. */
export interface PageQuery {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** The cursor of the page after this one; null if this is the last one. */
export function nextOf({ response }: Page<unknown>): string | null {
  return nextCursor(response.headers.get("Link")) ?? null;
}

/** The entries of a page. Throws if the body is no list. */
export function listOf<T>({ data, response }: Page<T>): readonly T[] {
  if (!Array.isArray(data)) throw unexpectedResponse(response, "The response is not a list");
  return data;
}

/**
 * The cursor of the next page. The rest of the link is ignored: the client sends its token only to its own base URL,
 * which may differ from the API's own address.
 */
export function nextCursor(link: string | null): string | undefined {
  for (const [, target = "", parameters = ""] of (link ?? "").matchAll(/<([^>]*)>([^<]*)/g)) {
    if (!/;\s*rel\s*=\s*(?:next\b|"(?:[^"]*\s)?next(?:\s[^"]*)?")/i.test(parameters)) continue;
    const query = target.replace(/#.*$/, "").split("?")[1];
    return new URLSearchParams(query).get("cursor") ?? undefined;
  }
  return undefined;
}
