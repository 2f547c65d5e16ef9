/** Fits a table into a terminal's width, counted in cells: many characters take two cells, some take none. PURE. */

import stringWidth from "string-width";

export interface Column {
  readonly heading: string;
  /** The fewest cells to which the column is cut. Without this number, the column is never cut. */
  readonly least?: number;
  /**
   * If the table is too wide, the column with the highest number is left out first. Without a number, the column stays.
   */
  readonly dispensable?: number;
}

/** A cell as shown: padded or cut. */
export interface Shown {
  /** The column's index among all columns. */
  readonly column: number;
  readonly text: string;
}

const GAP = 2;
const graphemes = new Intl.Segmenter();

/** The lines of a table, headings first. No line takes more than `room` cells. */
export function layOut(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  room: number,
): readonly (readonly Shown[])[] {
  const lines = [columns.map(({ heading }) => heading), ...rows];
  const widths = columnWidths(columns, lines, room);
  return lines.map((line) => lineOf(line, widths, room));
}

/** The width of each column; 0 if the column is left out. */
function columnWidths(
  columns: readonly Column[],
  lines: readonly (readonly string[])[],
  room: number,
): readonly number[] {
  const wanted = columns.map((_, column) =>
    lines.reduce((most, line) => Math.max(most, stringWidth(line[column] ?? "")), 0),
  );
  const widths = columns.map(({ least = Number.POSITIVE_INFINITY }, column) => Math.min(wanted[column] ?? 0, least));
  const left = () => room - widths.reduce((sum, width) => sum + (width === 0 ? 0 : width + GAP), -GAP);
  // Columns are left out from the end of this order. The remaining room is handed out from its beginning. Of two columns
  // that stay, the second one says more, such as the error after the action.
  const byWorth = columns
    .map(({ dispensable = 0 }, column) => ({ dispensable, column }))
    .sort((one, other) => one.dispensable - other.dispensable || other.column - one.column);
  for (const { dispensable, column } of byWorth.toReversed()) {
    if (dispensable > 0 && left() < 0) widths[column] = 0;
  }
  for (const { column } of byWorth) {
    const width = widths[column] ?? 0;
    if (width > 0 && left() > 0) widths[column] = Math.min(wanted[column] ?? 0, width + left());
  }
  return widths;
}

/** If the remaining columns are still too wide, the line is cut at the terminal's edge. */
function lineOf(line: readonly string[], widths: readonly number[], room: number): readonly Shown[] {
  const shown: Shown[] = [];
  // No spaces at the end of a line.
  const last = widths.findLastIndex((width, column) => width > 0 && line[column] !== "");
  let left = room;
  for (const [column, wanted] of widths.slice(0, last + 1).entries()) {
    const width = Math.min(wanted, left);
    if (width <= 0) continue;
    const text = cut(line[column] ?? "", width);
    shown.push({ column, text: column === last ? text : text + " ".repeat(width - stringWidth(text)) });
    left -= width + GAP;
  }
  return shown;
}

/** The beginning of `text` that fits into `cells`, in whole characters. */
export function cut(text: string, cells: number): string {
  if (stringWidth(text) <= cells) return text;
  if (cells <= 0) return "";
  let kept = "";
  let left = cells - 1;
  for (const { segment } of graphemes.segment(text)) {
    left -= stringWidth(segment);
    if (left < 0) break;
    kept += segment;
  }
  return `${kept}…`;
}
