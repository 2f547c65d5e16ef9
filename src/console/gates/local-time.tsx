/** Fields for an instant in the time zone of this machine. They show that zone, and the instant in UTC. */
import { whenText } from "../../words/waiting.ts";
import { type Change, TextField } from "../ui/forms.tsx";

type LocalTimeFieldProps = Parameters<typeof TextField>[0] & { readonly value: string };

/** `hint`: what an empty field means. */
export function LocalTimeField({ hint, value, ...field }: LocalTimeFieldProps) {
  return <TextField {...field} type="datetime-local" hint={zonesText(value, Date.now()) ?? hint} value={value} />;
}

/** RFC 3339 in UTC; undefined if the field is empty, and null if it holds no time. */
export function readLocalTime(text: string): string | null | undefined {
  if (text === "") return undefined;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

export const CHOOSE_TIME = "Choose a day and a time, or leave the field empty.";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The instant in the zone of this machine and in UTC, because people mix zones up. Null if the text is no instant. */
export function zonesText(text: string, now: number): string | null {
  const at = readLocalTime(text);
  if (at == null) return null;
  return `${whenText(Date.parse(at), now)} (${ZONE}), ${at.slice(0, 16).replace("T", " ")} UTC`;
}

export function localMinute(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The pointer in the body of the field "Start at", which a form has that makes a run. */
export const START_AT = "/notBefore";

export function StartAt(field: Pick<LocalTimeFieldProps, "value" | "error" | "onText">) {
  return <LocalTimeField label="Start at" hint="Optional. At most 30 days ahead." {...field} />;
}

/** The member of the body; empty if the field is. Null if the field holds no time. Then the change is refused. */
export function startAtOf(text: string, change: Change): { readonly notBefore?: string } | null {
  const notBefore = readLocalTime(text);
  if (notBefore !== null) return notBefore === undefined ? {} : { notBefore };
  change.refuse(new Map([[START_AT, CHOOSE_TIME]]));
  return null;
}
