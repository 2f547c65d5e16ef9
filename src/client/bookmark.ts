/**
 * Lets a client see its own changes in lists. A bookmark names the coordinators that D1 may be behind, and D1's own
 * position. The client keeps the parts that responses carry, and sends them with each request of its environment.
 *
 * The response to a list leaves out the parts that are no longer needed, so the client drops them too. Calls can run at
 * the same time: a list must not drop a part that a change has reported since the list began.
 */

const BOOKMARK = "x-d1-bookmark";
const D1 = "D1";
const OF_D1 = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/;
const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** An environment has four coordinators. More would only make the header longer. */
const RUN_IDS_MAX = 4;

/** One part of a bookmark. */
export interface BookmarkPart {
  /** A run id, which names the coordinator that D1 may be behind, or D1's own bookmark. It contains no secret. */
  readonly text: string;
  /** When a response carried it, in ms since the epoch. A later response with the same text makes a new part. */
  readonly at: number;
}

/**
 * Where a client keeps the bookmark of its environment. Without one the client keeps it in memory. Give one to share
 * the bookmark between processes. Each method must return without waiting, and must not throw.
 */
export interface BookmarkStore {
  read(): readonly BookmarkPart[];
  /** Replaces the parts by the result of `change`. Nothing else may change the store meanwhile. */
  update(change: (held: readonly BookmarkPart[]) => readonly BookmarkPart[]): void;
}

export function bookmarksInMemory(): BookmarkStore {
  let held: readonly BookmarkPart[] = [];
  return {
    read: () => held,
    update(change) {
      held = change(held);
    },
  };
}

/** A `fetch` that sends what `store` holds, and learns from each response, refusals included. */
export function keepingBookmarks(
  fetch: typeof globalThis.fetch,
  store: BookmarkStore,
): typeof globalThis.fetch {
  let lastAt = 0;
  return async function fetchWithBookmark(input, init) {
    const request = new Request(input, init);
    const sent = mergedParts(store.read());
    if (sent.length > 0) request.headers.set(BOOKMARK, sent.map(({ text }) => text).join("."));
    // Again with `init`, because Node loses an abort if only a Request holds the signal.
    const response = await fetch(request, init);
    const header = response.headers.get(BOOKMARK);
    if (header !== null) {
      // Later than all before, even if the clock stands still or steps back. So two parts with the same text differ.
      const at = Math.max(Date.now(), lastAt + 1);
      lastAt = at;
      store.update((held) => afterResponse(held, sent, header, at));
    }
    return response;
  };
}

/** The parts to hold after a response with this header. `sent`: the parts of its request. `at`: now. PURE. */
export function afterResponse(
  held: readonly BookmarkPart[],
  sent: readonly BookmarkPart[],
  header: string,
  at: number,
): readonly BookmarkPart[] {
  const texts = header.split(/[.,]/).map((text) => text.trim());
  // If this client can't read a part, that part may stand for the parts that it sent, so it keeps them.
  const isReadable = texts.every((text) => kindOf(text) !== null);
  const isDone = (one: BookmarkPart) =>
    isReadable && sent.some((part) => part.text === one.text && part.at === one.at);
  return mergedParts([...held.filter((one) => !isDone(one)), ...texts.map((text) => ({ text, at }))]);
}

/**
 * At most one part of D1 and one for each coordinator, without texts that are no part. Of two parts the greater text
 * stays, because ids and D1's bookmarks grow. It gets the later time, because an older id can report a newer change.
 * PURE.
 */
export function mergedParts(parts: readonly BookmarkPart[]): readonly BookmarkPart[] {
  const byKind = new Map<string, BookmarkPart>();
  for (const part of parts) {
    const kind = kindOf(part.text);
    if (kind === null) continue;
    const other = byKind.get(kind) ?? part;
    const { text } = other.text > part.text ? other : part;
    byKind.set(kind, { text, at: Math.max(other.at, part.at) });
  }
  const ofD1 = byKind.get(D1);
  byKind.delete(D1);
  const ofRuns = [...byKind.values()].sort((one, other) => (one.text < other.text ? 1 : -1));
  return [...(ofD1 === undefined ? [] : [ofD1]), ...ofRuns.slice(0, RUN_IDS_MAX)];
}

/** Whether a list's bookmark says that the database lacks changes which the list was asked to show. */
export function isBehind(header: string | null): boolean {
  return (header ?? "").split(/[.,]/).some((text) => RUN_ID.test(text.trim()));
}

/** D1, or a run's coordinator as its id names it; null if the text is no part of a bookmark. */
function kindOf(text: string): string | null {
  if (OF_D1.test(text)) return D1;
  return RUN_ID.test(text) ? text.slice(14, 18) : null;
}
