/**
 * Lets a client read its own writes: the bookmark that the API gave last goes with the next read. Without it a list
 * just after a create may come from a replica that has not got the run yet.
 */

import type { Send } from "./transport.ts";

const BOOKMARK = "x-d1-bookmark";

export function keepingBookmark(send: Send): Send {
  let latest: string | null = null;
  let changes = 0;
  return async function sendWithBookmark(request, options) {
    const isRead = request.method === "GET";
    const changesBefore = changes;
    if (isRead && latest !== null) request.headers.set(BOOKMARK, latest);
    const response = await send(request, options);
    if (!isRead) changes++;
    const bookmark = response.headers.get(BOOKMARK);
    // A read that began before a change was answered knows less than that change.
    if (bookmark !== null && (!isRead || changes === changesBefore)) latest = bookmark;
    return response;
  };
}
