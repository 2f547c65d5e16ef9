/** A list of texts, one on each line. It keeps empty lines while somebody types. */

import { useState } from "preact/hooks";
import { TextArea } from "./field.tsx";

interface LinesFieldProps {
  readonly label: string;
  readonly hint: string;
  /** What the field begins with. */
  readonly lines: readonly string[];
  readonly error?: string | undefined;
  readonly onLines: (lines: readonly string[]) => void;
}

export function LinesField({ label, hint, lines, error, onLines }: LinesFieldProps) {
  const [text, setText] = useState(() => lines.join("\n"));
  return (
    <TextArea
      label={label}
      hint={hint}
      error={error}
      rows={2}
      value={text}
      onText={(next) => {
        setText(next);
        onLines(linesOf(next));
      }}
    />
  );
}

export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
