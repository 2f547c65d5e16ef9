/** Paging: query parameters of lists, cursors, which name the last entry of a page, and the Link header (RFC 8288). */

import type { Context } from "hono";
import * as z from "zod/mini";
import { parseUuid } from "../base/ids.ts";
import {
  CONCURRENCY_GROUP,
  CONCURRENCY_KEY_MAX_CHARACTERS,
  DEFINITION_NAME,
  ENVIRONMENTS_PAGE_ROWS,
  PAGE_DEFAULT_ROWS,
  PAGE_MAX_ROWS,
  PATH_NAME,
} from "../base/limits.ts";
import { baseUrl } from "../settings/config.ts";
import type { AppEnv } from "./request-context.ts";
import { parsedText, wholeNumberText } from "./schemas.ts";

/**
 * `read` gives the entry that the text of a cursor names, or null if the service did not make the text. `after`: such a
 * text for the example. The base64 of a multiple of 3 characters has no padding, as a cursor.
 */
function pageOf<After>(read: (text: string) => After | null, after: string, rows = PAGE_DEFAULT_ROWS) {
  const limit = wholeNumberText("a whole number", PAGE_MAX_ROWS, { default: rows, examples: [20] });
  const cursor = parsedText(
    z.string({ error: "send it once." }),
    (cursor) => {
      const text = decode(cursor);
      return text === null ? null : read(text);
    },
    "send the cursor of a Link header unchanged, or omit it.",
  ).register(z.globalRegistry, {
    wire: { type: "string", examples: [btoa(after)] },
    description: "The cursor of a `Link` header, unchanged. The service refuses every other text.",
  });
  return { limit: z._default(limit, rows), cursor: z.optional(cursor) };
}

function matching(pattern: string) {
  const whole = new RegExp(`^${pattern}$`);
  return (text: string) => (whole.test(text) ? text : null);
}

/** Pages of things with ids. */
export const pageQuery = pageOf(
  (text) => (parseUuid(text) === text ? text : null),
  "01890a5d-ac96-774b-bcce-b302099a8057",
);

/** Pages of stored definitions, by their names. */
export const namePageQuery = pageOf(matching(DEFINITION_NAME), "deploy");

/** Pages of environments, by their scopes. */
export const environmentPageQuery = pageOf(
  matching(`${PATH_NAME}/${PATH_NAME}/${PATH_NAME}`),
  "acme/shop/stage",
  ENVIRONMENTS_PAGE_ROWS,
);

/** Pages of numbered things. */
export const seqPageQuery = pageOf(parseSeq, "500");

/** Pages of messages to a webhook endpoint. The example's text has 42 characters. */
export const deliveryPageQuery = pageOf((text) => {
  const [runId = "", kind = "", ...more] = text.split(" ");
  return parseUuid(runId) === runId && /^[a-z]+$/.test(kind) && more.length === 0 ? { runId, kind } : null;
}, "01890a5d-ac96-774b-bcce-b302099a8057 ended");

const GROUP = new RegExp(`^${CONCURRENCY_GROUP}$`);

/** Pages of concurrency groups, by group and key. */
export const queuePageQuery = pageOf((text) => {
  const end = text.indexOf("\n");
  const [group, key] = [text.slice(0, Math.max(end, 0)), text.slice(end + 1)];
  return GROUP.test(group) && [...key].length <= CONCURRENCY_KEY_MAX_CHARACTERS ? { group, key } : null;
}, "deploy-shop\n");

/** The first `limit` of the rows, with a Link header if there are more. `cursorOf`: what the next page starts after. */
export function firstPage<Row>(
  c: Context<AppEnv>,
  rows: readonly Row[],
  limit: number,
  cursorOf: (last: Row) => string | number,
): readonly Row[] {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  if (rows.length > limit && last !== undefined) linkNext(c, cursorOf(last));
  return page;
}

/** A Link header to the page after `last`: the same URL with its filters and another cursor. Null: there is none. */
export function linkNext(c: Context<AppEnv>, last: string | number | null): void {
  if (last === null) return;
  const { pathname, searchParams } = new URL(c.req.url);
  searchParams.set("cursor", encodeCursor(last));
  c.header("Link", `<${baseUrl(c.env, c.req.url)}${pathname}?${searchParams}>; rel="next"`);
}

export function encodeCursor(last: string | number): string {
  return new TextEncoder().encode(String(last)).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Null for what is no number of an event. */
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
