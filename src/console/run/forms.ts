/** What somebody typed into the dialogs of a run. PURE. */

import type { NewActionRun } from "../../client/index.ts";
import type { Problems } from "../ui/use-change.ts";
import type { CancelWords } from "./commands.ts";

const GRACE_MAX_SECONDS = 3600;

export type Read<T> = { readonly value: T } | { readonly problems: Problems };

/** An empty field leaves its member out, so that the service's default counts. */
export function readCancel(reason: string, grace: string): Read<CancelWords> {
  const text = grace.trim();
  if (text !== "" && !(/^\d{1,4}$/.test(text) && Number(text) <= GRACE_MAX_SECONDS)) {
    return { problems: new Map([["/graceSeconds", `Use a whole number from 0 to ${GRACE_MAX_SECONDS}.`]]) };
  }
  return {
    value: {
      ...(reason.trim() === "" ? {} : { reason: reason.trim() }),
      ...(text === "" ? {} : { graceSeconds: Number(text) }),
    },
  };
}

export type Parameters = NonNullable<NewActionRun["parameters"]>;

/**
 * Null if nobody edited them. Don't send them then, because a browser may change numbers that it can't hold. `before`:
 * the text that the field began with.
 */
export function readParameters(text: string, before: string): Read<Parameters | null> {
  if (text === before) return { value: null };
  const refused = (sentence: string) => ({ problems: new Map([["/parameters", sentence]]) });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? ` The browser says: ${error.message}` : "";
    return refused(`This is not valid JSON.${why}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refused("Use a JSON object: { … }.");
  }
  return { value: value as Parameters };
}
