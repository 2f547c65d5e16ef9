/**
 * What is printed: on stdout one JSON value for programs, tables and colour for people. Text that others wrote reaches a
 * terminal only without control characters, for those could move its cursor, set its title or hide a line.
 */

import { once } from "node:events";
import { EXIT, READER_GONE } from "./exit.ts";
import { type Column, layOut } from "./table.ts";

export interface OutputFlags {
  readonly json?: boolean;
}

export type Colour = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

const SGR: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

export class Output {
  readonly isJson: boolean;
  readonly #stream: NodeJS.WriteStream;
  readonly #hasColour: boolean;
  readonly #columns: number;

  constructor({ json }: OutputFlags, stream: NodeJS.WriteStream = process.stdout) {
    this.#stream = stream;
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
    if (!this.#stream.write(`${text}\n`)) await once(this.#stream, "drain");
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

  /**
   * Rows under their headings. A column that is only a heading is shown whole. `colourOf`: of a cell, null for none.
   */
  table(
    columns: readonly (string | Column)[],
    rows: readonly (readonly string[])[],
    colourOf: (column: number, cell: string) => Colour | null = () => null,
  ): string {
    const cells = rows.map((row) => row.map(plain));
    const lines = layOut(
      columns.map((column) => (typeof column === "string" ? { heading: column } : column)),
      cells,
      this.#columns,
    );
    return lines
      .map((line, index) =>
        line
          .map(({ column, text }) => {
            const colour = index === 0 ? "bold" : colourOf(column, cells[index - 1]?.[column] ?? "");
            return colour === null ? text : this.paint(colour, text);
          })
          .join("  "),
      )
      .join("\n");
  }
}

/** Says on stderr what went wrong. */
export function complain(sentence: string): void {
  process.stderr.write(`action-runs: ${plain(sentence)}\n`);
}

/** For stdout's errors: `| head` is no fault, and nothing to speak of. */
export function exitWhenReaderIsGone(fault: NodeJS.ErrnoException): void {
  process.exit(fault.code === "EPIPE" ? READER_GONE : EXIT.failed);
}

/** One line of text with nothing in it that a terminal would act on, and of the width that it is counted with. */
export function plain(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, " ");
}

/** The same of text with several lines. */
export function plainLines(text: string): string {
  return text.split("\n").map(plain).join("\n");
}

/** JSON on one line, in which no terminal finds anything to act on. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028\u2029\p{Bidi_Control}]/gu,
    (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
