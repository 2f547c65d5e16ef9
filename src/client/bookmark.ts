/**
 * Lets a client see its own changes in lists. A bookmark names a run if D1 may be behind its environment, and D1's own
 * position. The client keeps the parts that responses carry, and sends them with each request of its environment.
 *
 * The response to a list leaves out the parts that are no longer needed, so the client drops them too. Calls can run at
 * the same time: a list must not drop a part that a change has reported since the list began.
 */

const BOOKMARK = "x-d1-bookmark";
/** D1's own bookmark, after the number of its database. */
const OF_D1 = /^(\d{1,2}):[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/;
const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** An environment lives in one database, and moves seldom. */
const DATABASES_MAX = 4;

/** One part of a bookmark. */
export interface BookmarkPart {
  /** A run id, which says that D1 may be behind, or D1's own bookmark. It contains no secret. */
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
 * At most one part of each database and one run id, without texts that are no part. Of two parts the greater text stays,
 * because ids and D1's bookmarks grow. It gets the later time, because an older id can report a newer change. PURE.
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
  const isOfD1 = ({ text }: BookmarkPart) => OF_D1.test(text);
  const all = [...byKind.values()];
  const ofD1 = all.filter(isOfD1).sort((one, other) => other.at - one.at);
  return [...ofD1.slice(0, DATABASES_MAX), ...all.filter((part) => !isOfD1(part))];
}

/** Notes runs that the feed of changes told of, because later lists must show them. */
export function noteRuns(store: BookmarkStore, runs: readonly { readonly id: string }[]): void {
  if (runs.length === 0) return;
  store.update((held) => {
    // Later than all before, also if the clock has stepped back. Otherwise a list under way would take it for its own.
    const at = Math.max(Date.now(), ...held.map((part) => part.at + 1));
    return mergedParts([...held, ...runs.map(({ id }) => ({ text: id, at }))]);
  });
}

/** Whether a list's bookmark says that the database lacks changes which the list was asked to show. */
export function isBehind(header: string | null): boolean {
  return (header ?? "").split(/[.,]/).some((text) => RUN_ID.test(text.trim()));
}

/** Parts of one kind replace each other. Null if the text is no part of a bookmark. */
function kindOf(text: string): string | null {
  const [, database] = OF_D1.exec(text) ?? [];
  if (database !== undefined) return `D1 ${database}`;
  return RUN_ID.test(text) ? "run" : null;
}
