/**
 * Lets a client read its own writes: each read sends the latest bookmark that the API returned. Otherwise a list right
 * after a create could come from a replica that does not have the run yet.
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
    // A read that began before a change was answered has an older bookmark than the change.
    if (bookmark !== null && (!isRead || changes === changesBefore)) latest = bookmark;
    return response;
  };
}
