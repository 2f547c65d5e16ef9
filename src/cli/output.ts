/**
 * What goes to stdout: one JSON value for programs, tables and colour for people. Text that others wrote reaches a
 * terminal only without control characters, for those could move its cursor, set its title or hide a line.
 */

import { once } from "node:events";
import { EXIT, READER_GONE } from "./exit.ts";

export interface OutputFlags {
  readonly json?: boolean;
}

export type Colour = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

const SGR: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

export class Output {
  readonly isJson: boolean;
  readonly #hasColour: boolean;
  readonly #columns: number;

  constructor({ json }: OutputFlags, stream: NodeJS.WriteStream = process.stdout) {
    const isTerminal = stream.isTTY === true;
    this.isJson = json ?? !isTerminal;
    const { NO_COLOR, TERM } = process.env;
    this.#hasColour = isTerminal && !NO_COLOR && TERM !== "dumb";
    this.#columns = isTerminal ? stream.columns || 80 : Number.POSITIVE_INFINITY;
  }

  paint(colour: Colour, text: string): string {
    return this.#hasColour ? `\x1b[${SGR[colour]}m${text}\x1b[0m` : text;
  }

  /** One value: as JSON, or as `toText` puts it for people. */
  async show(value: unknown, toText: () => string): Promise<void> {
    await this.line(this.isJson ? toJson(value) : toText());
  }

  /** A line, once the reader has taken what came before. */
  async line(text: string): Promise<void> {
    if (!process.stdout.write(`${text}\n`)) await once(process.stdout, "drain");
  }

  /** Things as they come, as one JSON array. Left open where they break off, so that nobody takes it for all. */
  async array(things: AsyncIterable<unknown>): Promise<void> {
    let before = "[";
    for await (const thing of things) {
      await this.line(`${before}${toJson(thing)}`);
      before = ",";
    }
    await this.line(before === "[" ? "[]" : "]");
  }

  /** Rows under their headings; the last column is cut where the terminal ends. `colourOf`: of a cell, null for none. */
  table(
    headings: readonly string[],
    rows: readonly (readonly string[])[],
    colourOf: (column: number, cell: string) => Colour | null = () => null,
  ): string {
    const cells = rows.map((row) => row.map(plain));
    const widths = headings.map((heading, column) =>
      Math.max(...[heading, ...cells.map((row) => row[column] ?? "")].map((cell) => [...cell].length)),
    );
    const toLine = (row: readonly string[], toColour: (column: number, cell: string) => Colour | null) => {
      let room = this.#columns;
      const parts = row.map((cell, column) => {
        const isLast = column === row.length - 1;
        const text = isLast
          ? cut(cell, room)
          : cell.padEnd((widths[column] ?? 0) + cell.length - [...cell].length);
        room -= [...text].length + 2;
        const colour = toColour(column, cell);
        return colour === null ? text : this.paint(colour, text);
      });
      return parts.join("  ");
    };
    return [toLine(headings, () => "bold"), ...cells.map((row) => toLine(row, colourOf))].join("\n");
  }
}

/** For stdout's errors: `| head` is no fault, and nothing to speak of. */
export function exitWhenReaderIsGone(fault: NodeJS.ErrnoException): void {
  process.exit(fault.code === "EPIPE" ? READER_GONE : EXIT.failed);
}

function cut(text: string, room: number): string {
  const characters = [...text];
  if (characters.length <= Math.max(room, 1)) return text;
  return `${characters.slice(0, Math.max(room - 1, 0)).join("")}…`;
}

/** One line of text with nothing in it that a terminal would act on. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, " ");
}

/** The same of text with several lines. */
export function plainLines(text: string): string {
  return text.split("\n").map(plain).join("\n");
}

/** JSON on one line, in which no terminal finds anything to act on. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
