/** Follows pages by their Link headers (RFC 8288). A page may be short, even empty, and still have a next one. */

import { unexpectedAnswer } from "./errors.ts";

/** One page, as openapi-fetch gives it. */
export interface Page<T> {
  readonly data?: readonly T[] | undefined;
  readonly response: Response;
}

/** All entries of all pages, each page asked for when the entries before it are used up. */
export async function* pages<T>(
  ask: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void> {
  let cursor: string | undefined;
  for (;;) {
    const { data, response } = await ask(cursor);
    if (!Array.isArray(data)) throw unexpectedAnswer(response, "An answer that is no list");
    yield* data;
    const next = nextCursor(response.headers.get("Link"));
    if (next === undefined) return;
    if (next === cursor) throw unexpectedAnswer(response, "A page that is its own next one");
    cursor = next;
  }
}

/**
 * The cursor of the next page. Only that is taken from the link: the token goes to no host but the client's own,
 * which may have another name for the API than the API itself has.
 */
export function nextCursor(link: string | null): string | undefined {
  for (const [, target = "", parameters = ""] of (link ?? "").matchAll(/<([^>]*)>([^<]*)/g)) {
    if (!/;\s*rel\s*=\s*(?:next\b|"(?:[^"]*\s)?next(?:\s[^"]*)?")/i.test(parameters)) continue;
    const query = target.replace(/#.*$/, "").split("?")[1];
    return new URLSearchParams(query).get("cursor") ?? undefined;
  }
  return undefined;
}
