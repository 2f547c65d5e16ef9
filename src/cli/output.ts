/**
 * Prints the result: one JSON value for programs, tables and colour for people. In text from others, an escape stands
 * for each character that nobody sees, because it could move the terminal's cursor, set its title or hide a line.
 */

import { once } from "node:events";
import stringWidth from "string-width";
import { visibleText, withoutColours } from "../base/visible-text.ts";
import { EXIT, READER_GONE } from "./exit.ts";

const NAME_CELLS = 17;

export type Colour = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

const SGR: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

export class Output {
  readonly isJson: boolean;
  readonly stream: NodeJS.WriteStream;
  /** The terminal's width in cells; infinite without a terminal. */
  readonly columns: number;
  readonly #hasColour: boolean;

  constructor({ json }: { readonly json?: boolean }, stream: NodeJS.WriteStream = process.stdout) {
    this.stream = stream;
    const isTerminal = stream.isTTY === true;
    this.isJson = json ?? !isTerminal;
    const { NO_COLOR, TERM } = process.env;
    this.#hasColour = isTerminal && !NO_COLOR && TERM !== "dumb";
    this.columns = isTerminal ? stream.columns || 80 : Number.POSITIVE_INFINITY;
  }

  paint(colour: Colour, text: string): string {
    return this.#hasColour ? `\x1b[${SGR[colour]}m${text}\x1b[0m` : text;
  }

  async show(value: unknown, toText: () => string | Promise<string>): Promise<void> {
    await this.line(this.isJson ? toJson(value) : await toText());
  }

  /** Prints a line. Resolves when the reader can take more. */
  async line(text: string): Promise<void> {
    if (!this.stream.write(`${printable(text)}\n`)) await once(this.stream, "drain");
  }

  /** A JSON array, a table, or `none`. After an error the array has no end, so nobody takes it for complete. */
  async list<T>(
    things: AsyncIterable<T>,
    none: string,
    table: (things: readonly T[], output: Output) => string,
  ): Promise<void> {
    if (!this.isJson) {
      const all = await Array.fromAsync(things);
      return this.line(all.length === 0 ? none : table(all, this));
    }
    let before = "[";
    for await (const thing of things) {
      await this.line(`${before}${toJson(thing)}`);
      before = ",";
    }
    await this.line(before === "[" ? "[]" : "]");
  }

  /** One name and value per row. Rows without a value are left out. A value of one line is broken between words. */
  fields(rows: readonly (readonly (string | null | undefined | false)[])[]): string {
    const lines = rows.flatMap(([name, value]) => {
      if (!value) return [];
      const shown = value.includes("\n") ? value : fittedValue(value, this);
      return [`${this.paint("dim", `${name}:`.padEnd(NAME_CELLS))}${shown}`];
    });
    return lines.join("\n");
  }

  table<T>(things: readonly T[], columns: readonly Column<T>[]): string {
    const rows = things.map((thing) => columns.map(([, cell]) => plain(String(cell(thing) ?? ""))));
    const headings = columns.map(([heading, , how], column) => {
      const isEmpty = how?.isOptional && rows.every((row) => row[column] === "");
      return isEmpty ? "" : heading;
    });
    const lines = [headings, ...rows];
    const widths = columnWidths(columns, lines, this.columns);
    return lines.map((line, index) => this.#row(line, index > 0, widths, columns)).join("\n");
  }

  /** If the columns are too wide, the row is cut at the terminal's edge. */
  #row<T>(
    line: readonly string[],
    hasColours: boolean,
    widths: readonly number[],
    columns: readonly Column<T>[],
  ): string {
    const shown: string[] = [];
    // No spaces at the end of a line.
    const last = widths.findLastIndex((width, column) => width > 0 && line[column] !== "");
    let left = this.columns;
    for (const [column, [, , how]] of columns.slice(0, last + 1).entries()) {
      const width = Math.min(widths[column] ?? 0, left);
      if (width <= 0) continue;
      const cell = line[column] ?? "";
      const text = cut(cell, width);
      const padded = column === last ? text : text + " ".repeat(width - stringWidth(text));
      const colour = hasColours ? how?.colour?.(cell) : "bold";
      shown.push(colour ? this.paint(colour, padded) : padded);
      left -= width + GAP;
    }
    return shown.join(" ".repeat(GAP));
  }
}

/** Text for people on stderr, because stdout is for the result. */
export function people(): Output {
  return new Output({ json: false }, process.stderr);
}

export function complain(sentence: string): void {
  process.stderr.write(`${fitted(`action-runs: ${plain(sentence)}`)}\n`);
}

export function fitted(text: string): string {
  return printable(process.stderr.isTTY ? wrap(text, process.stderr.columns || 80) : text);
}

/** For stdout's errors. `| head` closes the pipe, which is not worth a message. */
export function exitWhenReaderIsGone(fault: NodeJS.ErrnoException): void {
  process.exit(fault.code === "EPIPE" ? READER_GONE : EXIT.failed);
}

/** Text of others as one line, in which people see each character. So its width is what we count. */
export function plain(text: string): string {
  return visibleText(text);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it finds control characters.
const COLOUR = /(\x1b\[(?:0|1|2|31|32|33|36)m)/;
/** Commands that CI products run from logs: `::name::` in front of a line; `##[name]`, `##vso[name]`, `##teamcity[name`. */
const COMMAND = /(?<=^[^\S\n]*:)(?=:)|(?<=#)(?=#[\w.-]*\[)/gm;

/**
 * What may be printed: lines in which no CI product finds a command, and nothing is unseen but our own colours. Each
 * printed line goes through here, after everything else: a line that is broken between words can begin with any word.
 */
export function printable(lines: string): string {
  const seen = lines.split(COLOUR).map((part, at) => (at % 2 === 1 ? part : visibleText(part, "\n")));
  return seen.join("").replace(COMMAND, " ");
}

const TAB = "    ";

export function logLines(text: string): string {
  return plainLines(withoutColours(text));
}

/** Like `plain`, but keeps the lines and their indentation. */
export function plainLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => plain(line.replaceAll("\t", TAB)))
    .join("\n");
}

/** JSON on one line. What people can't see is escaped, and so is what a CI product would run. */
export function toJson(value: unknown): string {
  return visibleText(JSON.stringify(value)).replace(/#(?=#)/g, "\\u0023");
}

type Column<T> = readonly [heading: string, cell: (thing: T) => string | number | null | undefined, how?: ColumnHow];

interface ColumnHow {
  /** The fewest cells to which the column is cut. Without this number, the column is never cut. */
  readonly least?: number;
  /** If the table is too wide, the highest number is left out first. Without a number, the column stays. */
  readonly dispensable?: number;
  /** Whether the column is left out if no row has a text there. */
  readonly isOptional?: boolean;
  readonly colour?: (cell: string) => Colour | false | undefined;
}

const GAP = 2;
const graphemes = new Intl.Segmenter();

/** The width of each column; 0 if it is left out. Many characters take two cells, some take none. */
function columnWidths<T>(
  columns: readonly Column<T>[],
  lines: readonly (readonly string[])[],
  room: number,
): readonly number[] {
  const wanted = columns.map((_, column) =>
    lines.reduce((most, line) => Math.max(most, stringWidth(line[column] ?? "")), 0),
  );
  const widths = columns.map(([, , { least = Number.POSITIVE_INFINITY } = {}], column) =>
    Math.min(wanted[column] ?? 0, least),
  );
  const left = () => room - widths.reduce((sum, width) => sum + (width === 0 ? 0 : width + GAP), -GAP);
  // Columns are left out from the end. Of two that stay, the second says more: the error after the action.
  const byWorth = columns
    .map(([, , { dispensable = 0 } = {}], column) => ({ dispensable, column }))
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

/** In fewer cells, text with a word in each line is harder to read than text that the terminal breaks. */
const LEAST_CELLS = 20;

/** A longer word stays whole. A new line is indented as the line before it, and by `hang` cells more. */
export function wrap(text: string, cells: number, hang = 0): string {
  if (cells - hang < LEAST_CELLS) return text;
  return text
    .split("\n")
    .map((line) => wrapLine(line, cells, hang))
    .join("\n");
}

function wrapLine(line: string, cells: number, hang: number): string {
  if (stringWidth(line) <= cells) return line;
  const indent = " ".repeat((/^ */.exec(line)?.[0].length ?? 0) + hang);
  let lines = "";
  let current = "";
  for (const word of line.match(/ *[^ ]+/g) ?? []) {
    if (current === "" || stringWidth(current + word) <= cells) current += word;
    else {
      lines += `${current}\n`;
      current = indent + word.trimStart();
    }
  }
  return lines + current;
}

/** Breaks paragraphs for `cells`. Indented lines stay, but for those of a list: a word, two spaces and a text. */
export function reflow(text: string, cells: number): string {
  return text
    .replace(/(?<=^\S.*)\n(?=\S)/gm, " ")
    .split("\n")
    .map((line) => {
      const [item = ""] = /^ +\S+ {2,}(?=\S)/.exec(line) ?? [];
      if (item !== "") return wrap(line, cells, item.trimStart().length);
      return line.startsWith(" ") ? line : wrap(line, cells);
    })
    .join("\n");
}

const STEP = "  ";

/** JSON as people read it: a text with line ends is a block of lines below its name, so it is never read back. */
export function readableJson(value: unknown, indent = ""): string {
  if (isBlock(value)) return block(value, indent);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = indent + STEP;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const items: readonly unknown[] = Object.values(value);
  if (items.length === 0) return `${open}${close}`;
  const names = Array.isArray(value) ? [] : Object.keys(value).map((name) => `${JSON.stringify(name)}: `);
  const lines = items.map((item, at) => {
    // A comma after a block would look like a part of its last line.
    const end = at === items.length - 1 || isBlock(item) ? "" : ",";
    return `${inner}${names[at] ?? ""}${readableJson(item, inner)}${end}`;
  });
  return `${open}\n${lines.join("\n")}\n${indent}${close}`;
}

function isBlock(value: unknown): value is string {
  return typeof value === "string" && value.includes("\n");
}

function block(text: string, indent: string): string {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  return ["|", ...lines.map((line) => `${indent}${STEP}${line}`)].join("\n");
}

/** Any value from the service, as one line. */
export function text(value: unknown): string {
  return value === null || value === undefined ? "" : plain(String(value));
}

export function words(...parts: readonly (string | null | undefined | false)[]): string {
  return parts.filter(Boolean).join(" ");
}

/** A time in UTC, to the second, in the format that options such as --created-after accept. */
export function instantText(iso: string): string {
  return plain(iso.replace(/\.\d+Z$/, "Z"));
}

/** A JSON object, with texts of several lines as blocks; null if it is empty. `lines`: how its lines are shown. */
export function objectText(value: object | null, lines = plainLines): string | null {
  if (value === null || Object.keys(value).length === 0) return null;
  return indent(lines(readableJson(value)));
}

export function fittedValue(lines: string, output: Output): string {
  return indent(wrap(lines, output.columns - NAME_CELLS));
}

/** Moves all lines but the first to where the values of `fields` begin. */
export function indent(lines: string): string {
  return lines.replaceAll("\n", `\n${" ".repeat(NAME_CELLS)}`);
}
