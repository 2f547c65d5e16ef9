/** What a `datetime-local` field holds. PURE, apart from the time zone of this machine. */

import { whenText } from "./waiting.ts";

/** RFC 3339 in UTC; undefined if the field is empty, and null if it holds no time. */
export function readLocalTime(text: string): string | null | undefined {
  if (text === "") return undefined;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The instant in the zone of this machine and in UTC, because people mix zones up. Null if the text is no instant. */
export function zonesText(text: string, now: number): string | null {
  const at = readLocalTime(text);
  if (at == null) return null;
  return `${whenText(Date.parse(at), now)} (${ZONE}), ${at.slice(0, 16).replace("T", " ")} UTC`;
}
