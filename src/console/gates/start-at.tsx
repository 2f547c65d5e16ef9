/** The field "Start at" of a form that makes a run: the instant in `notBefore`. */

import type { Change } from "../ui/use-change.ts";
import { readLocalTime } from "./local-time.ts";
import { LocalTimeField } from "./local-time-field.tsx";

/** The field's pointer in the body. */
export const START_AT = "/notBefore";

interface StartAtProps {
  readonly change: Change;
  readonly value: string;
  readonly onText: (text: string) => void;
}

export function StartAt({ change, ...field }: StartAtProps) {
  return (
    <LocalTimeField
      label="Start at"
      hint="Optional. At most 30 days ahead."
      error={change.problems.get(START_AT)}
      {...field}
    />
  );
}

/** The member of the body; empty if the field is. Null if the field holds no time. Then the change is refused. */
export function startAtOf(text: string, change: Change): { readonly notBefore?: string } | null {
  const notBefore = readLocalTime(text);
  if (notBefore !== null) return notBefore === undefined ? {} : { notBefore };
  change.refuse(new Map([[START_AT, "Choose a day and a time, or leave the field empty."]]));
  return null;
}
