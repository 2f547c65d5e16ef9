/**
 * Opens the excerpts of a page of a timeline. An excerpt can repeat a secret of the request, so the sender seals it, and the
 * journal never holds it in clear. A coordinator hands excerpts only to callers who may see them.
 */

import { sealedFor } from "../../dispatch/sealed-request.ts";
import type { TimelineAnswer } from "../protocol.ts";
import type { Place } from "./run-place.ts";

/** No other text of an event can contain this, because JSON escapes its quotes. */
const HAS_EXCERPT = ',"excerpt":"';

/** An excerpt is null if the key that sealed it has left the key ring. */
export async function openExcerpts(place: Place, id: string, page: TimelineAnswer): Promise<TimelineAnswer> {
  const events = page.events.map((event) => (event.includes(HAS_EXCERPT) ? opened(place, id, event) : event));
  return { ...page, events: await Promise.all(events) };
}

async function opened({ ring, scope }: Place, id: string, event: string): Promise<string> {
  const members = JSON.parse(event) as { readonly excerpt: string };
  const sealed = Uint8Array.fromBase64(members.excerpt);
  const excerpt = ring === null ? null : await ring.open(sealed, sealedFor(scope, id, "excerpt"));
  return JSON.stringify({ ...members, excerpt });
}
