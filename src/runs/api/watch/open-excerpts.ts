/**
 * Opens the excerpts of a page of a timeline. An excerpt can repeat a secret of the request, so the sender seals it,
 * and the journal never holds it in clear. The page has excerpts only if the call to the coordinator asked for them.
 */

import { sealedFor } from "../../../webhooks/request/sealed-request.ts";
import type { TimelineAnswer } from "../../watch-calls.ts";
import type { RunEnvironment } from "../run-environment.ts";

/** No other text of an event can contain this, because JSON escapes its quotes. */
const HAS_EXCERPT = ',"excerpt":"';

/** An excerpt is null if no key of the ring opens it. */
export async function openExcerpts(
  environment: RunEnvironment,
  id: string,
  page: TimelineAnswer,
): Promise<TimelineAnswer> {
  const events = page.events.map((event) => (event.includes(HAS_EXCERPT) ? opened(environment, id, event) : event));
  return { ...page, events: await Promise.all(events) };
}

async function opened({ ring, scope }: RunEnvironment, id: string, event: string): Promise<string> {
  const members = JSON.parse(event) as { readonly excerpt: string };
  const sealed = fromBase64(members.excerpt);
  const canOpen = ring !== null && sealed !== null;
  const excerpt = canOpen ? await ring.open(sealed, sealedFor(scope, id, "excerpt")) : null;
  return JSON.stringify({ ...members, excerpt });
}

/** Null if the text is not base64. One broken excerpt must not hide the timeline around it. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    return null;
  }
}
