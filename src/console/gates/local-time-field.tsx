/** A field for an instant in the time zone of this machine. It shows that zone, and the instant in UTC. */

import { TextField } from "../ui/field.tsx";
import { zonesText } from "./local-time.ts";

interface LocalTimeFieldProps {
  readonly label: string;
  /** What an empty field means. */
  readonly hint: string;
  readonly value: string;
  readonly error: string | undefined;
  readonly onText: (text: string) => void;
}

export function LocalTimeField({ hint, value, ...field }: LocalTimeFieldProps) {
  return <TextField {...field} type="datetime-local" hint={zonesText(value, Date.now()) ?? hint} value={value} />;
}
