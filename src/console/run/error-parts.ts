/**
 * An error as people read it: the line that says what went wrong, what caused it, and the stack frames apart. PURE. It
 * knows the stack traces of the usual languages by the form of their lines. Any other text has no frames.
 */

export interface ErrorParts {
  /** The line that says what went wrong. */
  readonly headline: string;
  /** The lines between it and the first stack frame or cause. Empty if there are none. */
  readonly detail: string;
  /** The errors behind it, from the outside to the inside. */
  readonly causes: readonly string[];
  /** How many lines are stack frames. */
  readonly frames: number;
}

/** Java, JavaScript and .NET; Java's shortened traces; Ruby; PHP; Go; Python. */
const FRAME =
  /^\s+at |^\s*\.{3} \d+ (?:more|common)|^\s+from \S+:\d+|^#\d+ |^\s+\S+\.go:\d+|^goroutine \d+ |^\s+File "/;
const CAUSE = /^\s*(?:caused by\b|\[cause\]):?\s*(.*)$/i;
/** Rust numbers the causes below the words. */
const NUMBERED = /^\s*\d+:\s+(.*)$/;
const PYTHON = /^Traceback \(most recent call last\)/;
/** What Python writes between two errors. */
const PYTHON_BETWEEN = /^(?:Traceback|The above exception|During handling)/;

/** `lines`: not empty. */
export function errorPartsOf(lines: readonly string[]): ErrorParts {
  const first = Math.max(lines.findIndex(isText), 0);
  if (PYTHON.test(lines[first] ?? "")) return pythonParts(lines);
  const detail: string[] = [];
  const causes: string[] = [];
  let frames = 0;
  /** What the line before was a part of. */
  let within: "detail" | "frames" | "causes" = "detail";
  for (const line of lines.slice(first + 1)) {
    const cause = CAUSE.exec(line)?.[1];
    const numbered = within === "causes" ? NUMBERED.exec(line)?.[1] : undefined;
    if (cause !== undefined) {
      within = "causes";
      if (cause !== "") causes.push(cause.trim());
    } else if (numbered !== undefined) causes.push(numbered.trim());
    else if (FRAME.test(line) || (within === "frames" && /^\s/.test(line))) {
      within = "frames";
      frames++;
    } else if (within === "detail") detail.push(line);
  }
  return { headline: (lines[first] ?? "").trim(), detail: detail.join("\n").trimEnd(), causes, frames };
}

/** Python writes the cause first, and each error below its frames. */
function pythonParts(lines: readonly string[]): ErrorParts {
  const errors = lines.filter((line) => /^\S/.test(line) && !PYTHON_BETWEEN.test(line));
  const [headline = lines.find(isText) ?? "", ...causes] = errors.reverse();
  return { headline, detail: "", causes, frames: lines.filter((line) => /^\s+\S/.test(line)).length };
}

function isText(line: string): boolean {
  return line.trim() !== "";
}
