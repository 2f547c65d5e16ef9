/** Texts of several lines, and how the fragment of an address names one of these lines. PURE. */

/** The lines, however they end. An end after the last line begins no further one. */
export function linesOf(text: string): readonly string[] {
  const lines = text.split(/\r\n|\n|\r/);
  return lines.length > 1 && lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

export function hasLines(text: string): boolean {
  return linesOf(text).length > 1;
}

export interface LineTarget {
  /** The name of the block, such as `output.log`. Null: the first block of the page. */
  readonly block: string | null;
  /** The number of the line. The first is 1. */
  readonly line: number;
}

const FRAGMENT = /^#(?:(.+)-)?L(\d{1,7})$/;

/** `#output.log-L188` or `#L188`; null for any other fragment. */
export function lineTargetOf(fragment: string): LineTarget | null {
  const [found, block, line] = FRAGMENT.exec(fragment) ?? [];
  if (found === undefined) return null;
  try {
    return { block: block === undefined ? null : decodeURIComponent(block), line: Number(line) };
  } catch {
    // Half an escape.
    return null;
  }
}

/** The fragment of a block's lines, without the number. It always names the block, because the first may change. */
export function fragmentOf(block: string): string {
  return `#${encodeURIComponent(block)}-L`;
}
