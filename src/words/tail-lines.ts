/** The lines that a job has printed since the last look at its newest output. PURE, and it remembers the last look. */

/** Stands for lines that were printed between two looks and that neither has. */
const GAP = "…";

export class TailLines {
  /** The last look, up to the end of its last line. */
  #seen = "";

  /** The whole lines of `tail` that the last one did not have. A line that a job drew several times is its last text. */
  next(tail: string): readonly string[] {
    const whole = tail.slice(0, tail.lastIndexOf("\n") + 1);
    if (whole === "") return [];
    const known = overlap(this.#seen, whole);
    const isGap = this.#seen !== "" && known === 0;
    this.#seen = whole;
    const lines = whole.slice(known, -1).split("\n");
    if (known === whole.length) return [];
    return [...(isGap ? [GAP] : []), ...lines.map(drawn)];
  }
}

/** What the job has printed behind its last whole line. */
export function unendedLine(tail: string): string {
  return drawn(tail.slice(tail.lastIndexOf("\n") + 1));
}

/** Programs draw a progress bar again and again, each time after a carriage return. */
function drawn(line: string): string {
  const text = line.replace(/\r+$/, "");
  return text.slice(text.lastIndexOf("\r") + 1);
}

/** The length of the longest end of `before` that `after` begins with. Both are whole lines of some KiB. */
function overlap(before: string, after: string): number {
  const lineEnds = Array.from(after.matchAll(/\n/g), ({ index }) => index + 1);
  return lineEnds.findLast((end) => before.endsWith(after.slice(0, end))) ?? 0;
}
