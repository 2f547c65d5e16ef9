/** What changed between two texts, line by line. PURE. */

export interface DiffLine {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
}

export interface Gap {
  readonly kind: "gap";
  readonly count: number;
}

/** The most pairs of lines that are compared. Beyond that, the lines that differ are shown as one change. */
const MOST_PAIRS = 4_000_000;
const CONTEXT = 3;

export function diffLines(before: string, after: string): readonly DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return [
    ...linesOf("same", a.slice(0, start)),
    ...changed(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...linesOf("same", a.slice(a.length - end)),
  ];
}

function linesOf(kind: DiffLine["kind"], texts: readonly string[]): DiffLine[] {
  return texts.map((text) => ({ kind, text }));
}

/** The fewest lines that turn `a` into `b`, by their longest common subsequence. */
function changed(a: readonly string[], b: readonly string[]): DiffLine[] {
  if (a.length * b.length > MOST_PAIRS) return [...linesOf("removed", a), ...linesOf("added", b)];
  const width = b.length + 1;
  // How many lines `a` from i and `b` from j have in common.
  const common = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push(...linesOf("same", a.slice(i, i + 1)));
      i++;
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) lines.push(...linesOf("removed", a.slice(i, ++i)));
    else lines.push(...linesOf("added", b.slice(j, ++j)));
  }
  return [...lines, ...linesOf("removed", a.slice(i)), ...linesOf("added", b.slice(j))];
}

/** The changes with a few lines around each, and gaps between them. Empty if nothing changed. */
export function withGaps(lines: readonly DiffLine[]): readonly (DiffLine | Gap)[] {
  const isNear = new Uint8Array(lines.length);
  lines.forEach(({ kind }, index) => {
    if (kind !== "same") isNear.fill(1, Math.max(index - CONTEXT, 0), index + CONTEXT + 1);
  });
  if (!isNear.includes(1)) return [];
  const shown: (DiffLine | Gap)[] = [];
  let count = 0;
  lines.forEach((line, index) => {
    if (isNear[index] === 0) count++;
    else {
      if (count > 0) shown.push({ kind: "gap", count });
      count = 0;
      shown.push(line);
    }
  });
  if (count > 0) shown.push({ kind: "gap", count });
  return shown;
}
