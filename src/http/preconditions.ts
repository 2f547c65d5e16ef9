/** ETags that are version numbers, and the conditions of a change (RFC 9110, section 13.1). */

import type { Context } from "hono";
import { ApiError } from "./errors.ts";

export function etagOf(version: number): string {
  return `"${version}"`;
}

/**
 * Checks `If-Match` and `If-None-Match` before a change. `noun`: what the version is of, as sentences call it.
 * `version`: the current one; null if there is none.
 * Throws `precondition_failed`. A proxy that compresses a response may put `W/` before its ETag, so `W/` counts as
 * absent.
 */
export function requirePreconditions(c: Context, noun: string, version: number | null): void {
  const match = c.req.header("If-Match");
  // An empty If-Match names no version, so it is refused: a script may have lost the ETag.
  if (match !== undefined && !names(match, version)) {
    throw new ApiError(
      "precondition_failed",
      version === null
        ? `There is no such ${noun} yet. Omit If-Match.`
        : `The version of the ${noun} is not the one in your If-Match. Get the ${noun} and try again.`,
    );
  }
  const noneMatch = c.req.header("If-None-Match");
  if (noneMatch && version !== null && names(noneMatch, version)) {
    throw new ApiError(
      "precondition_failed",
      `The ${noun} already exists. Send If-Match with its ETag to replace it, or choose another name.`,
    );
  }
}

/** Whether a list of ETags, or `*`, names the version. `"0"` names one that does not exist yet. */
function names(list: string, version: number | null): boolean {
  if (list.trim() === "*") return version !== null;
  return list.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etagOf(version ?? 0));
}
