/** What somebody typed into the dialogs of a run. PURE. */

import type { Problems } from "../ui/use-change.ts";
import type { CancelWords } from "./commands.ts";

const GRACE_MAX_SECONDS = 3600;

export type Read<T> = { readonly value: T } | { readonly problems: Problems };

/** What the fields of a cancel hold. */
export interface TypedCancel {
  readonly reason: string;
  readonly grace: string;
}

export const NO_CANCEL: TypedCancel = { reason: "", grace: "" };

/** An empty field leaves its member out, so that the service's default counts. */
export function readCancel({ reason, grace }: TypedCancel): Read<CancelWords> {
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
