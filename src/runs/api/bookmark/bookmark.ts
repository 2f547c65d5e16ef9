/**
 * The header `x-d1-bookmark`: what a list must show. A bookmark consists of parts joined by dots: at most one bookmark
 * of each D1 database, as `{number}:{bookmark}`, and at most one run id, which says that D1 may be behind the
 * environment's coordinator. An environment lives in one database, but the caller may have kept the bookmark of a
 * database that it has left.
 * A request may carry several bookmarks, separated by commas, because a caller who made two changes at once can't merge
 * them. The response to a change or a get carries the union of its own bookmark and the one that was sent, so a caller
 * that keeps only its last bookmark loses nothing.
 */

import type { Context } from "hono";
import { parseUuid } from "../../../base/uuid.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { type DatabaseBookmark, numberedBookmark, parseNumberedBookmark } from "../../home.ts";
import { isGenuine, type RunEnvironment } from "../run-environment.ts";

export const BOOKMARK_HEADER = "x-d1-bookmark";
/** The most ids that are checked. Each check costs an HMAC, and the first genuine id ends the search. */
const CHECKED_MAX = 25;

export interface Bookmark {
  /** The greatest of the bookmarks that each database gave, by the database's number. */
  readonly d1: ReadonlyMap<number, string>;
  /** A run id, if D1 may be behind the coordinator. */
  readonly id: string | null;
}

export interface SentBookmark extends Bookmark {
  /** Whether the request carries any text. */
  readonly isSent: boolean;
  /**
   * Whether each part was understood: D1's own bookmark, or an id of this environment. If not, a list reads the
   * primary.
   */
  readonly isWhole: boolean;
}

const NOTHING_SENT: SentBookmark = { isSent: false, isWhole: true, d1: new Map(), id: null };

/**
 * The bookmark of a request. Only ids that this service minted for this scope count, so that nobody wakes a coordinator
 * with a text that is made up.
 */
export async function sentBookmark(c: Context<AppEnv>, environment: RunEnvironment): Promise<SentBookmark> {
  const text = c.req.header(BOOKMARK_HEADER)?.trim() ?? "";
  // Most requests send none, and a get of a run that is remembered does little else.
  if (text === "") return NOTHING_SENT;
  const parts = new Set(text.split(/[.,\s]+/).filter((part) => part !== ""));
  const d1 = [...parts].map(parseNumberedBookmark).filter((bookmark) => bookmark !== null);
  const uuids = [...parts].map(parseUuid).filter((id) => id !== null);
  const id = await lastGenuine(environment, uuids);
  const named = id === null ? 0 : uuids.length;
  return { isSent: true, isWhole: d1.length + named === parts.size, d1: greatest(d1), id };
}

/** The last genuine id, because the last bookmark of a caller is the newest; null if none is found. */
async function lastGenuine(environment: RunEnvironment, ids: readonly string[]): Promise<string | null> {
  for (const id of ids.slice(-CHECKED_MAX).reverse()) if (await isGenuine(environment, id)) return id;
  return null;
}

/** `d1`: a numbered bookmark that covers the run. If it is null, the bookmark names the run. */
export function bookmarkOfRun(id: string, d1: string | null): Bookmark {
  const covering = d1 === null ? null : parseNumberedBookmark(d1);
  return covering === null ? { d1: new Map(), id } : { d1: greatest([covering]), id: null };
}

export function union(a: Bookmark, b: Bookmark): Bookmark {
  // Most requests carry none.
  if (a.d1.size === 0 && a.id === null) return b;
  const d1 = [...a.d1, ...b.d1].map(([database, bookmark]) => ({ database, bookmark }));
  return { d1: greatest(d1), id: b.id ?? a.id };
}

/** The header that carries this bookmark; no header if the bookmark is empty. */
export function bookmarkHeader({ d1, id }: Bookmark): Readonly<Record<string, string>> {
  const parts = [
    ...[...d1].map(([number, bookmark]) => numberedBookmark(number, bookmark)),
    ...(id === null ? [] : [id]),
  ];
  return parts.length === 0 ? {} : { [BOOKMARK_HEADER]: parts.join(".") };
}

/** By the database's number. Bookmarks of two databases are never compared. */
function greatest(bookmarks: readonly DatabaseBookmark[]): ReadonlyMap<number, string> {
  const byNumber = new Map<number, string>();
  for (const { database, bookmark } of bookmarks) {
    if (bookmark > (byNumber.get(database) ?? "")) byNumber.set(database, bookmark);
  }
  return byNumber;
}
