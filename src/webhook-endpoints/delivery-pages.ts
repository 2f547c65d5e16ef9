/** Merges pages of messages from all coordinators into one page, newest run first. PURE. */

import type { Message, MessagePage, MessagePosition } from "../runs/message.ts";

/** `nextBefore`: where the next page begins; null if this is the last one. */
export interface MergedPage<M> {
  readonly messages: readonly M[];
  readonly nextBefore: MessagePosition | null;
}

/**
 * At most `limit` messages. A coordinator reads a bounded number of rows, so its page can end before it has found
 * enough. Nothing behind that end is shown yet, or the next page would miss what that coordinator has there.
 */
export function mergedPage<M extends Message>(
  pages: readonly (MessagePage & { readonly messages: readonly M[] })[],
  limit: number,
): MergedPage<M> {
  const ends = pages.flatMap(({ nextBefore }) => nextBefore ?? []).sort(newestFirst);
  const [end] = ends;
  const all = pages.flatMap(({ messages }) => messages).sort(newestFirst);
  const reached = end === undefined ? all : all.filter((message) => newestFirst(message, end) <= 0);
  const messages = reached.slice(0, limit);
  const last = messages.at(-1);
  const isCut = reached.length > messages.length && last !== undefined;
  return { messages, nextBefore: isCut ? { runId: last.runId, kind: last.kind } : (end ?? null) };
}

function newestFirst(a: MessagePosition, b: MessagePosition): number {
  if (a.runId !== b.runId) return a.runId < b.runId ? 1 : -1;
  if (a.kind === b.kind) return 0;
  return a.kind < b.kind ? 1 : -1;
}
