/** The field "Start at" of a form that makes a run: the instant in `notBefore`. */
import { whenText } from "../../words/waiting.ts";
import { type Change, TextField } from "../ui/forms.tsx";

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

interface LocalTimeFieldProps {
  readonly label: string;
  /** What an empty field means. */
  readonly hint: string;
  readonly value: string;
  readonly error: string | undefined;
  readonly onText: (text: string) => void;
}

/** A field for an instant in the time zone of this machine. It shows that zone, and the instant in UTC. */
export function LocalTimeField({ hint, value, ...field }: LocalTimeFieldProps) {
  return <TextField {...field} type="datetime-local" hint={zonesText(value, Date.now()) ?? hint} value={value} />;
}

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

export function localMinute(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
