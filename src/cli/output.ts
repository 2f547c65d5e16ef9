/**
 * Prints the result: one JSON value for programs, tables and colour for people. In text from others, an escape stands
 * for each character that nobody sees, because it could move the terminal's cursor, set its title or hide a line.
 */

import { once } from "node:events";
import { visibleText } from "../base/visible-text.ts";
import { EXIT, READER_GONE } from "./exit.ts";
import { type Column, layOut } from "./table.ts";
import { wrap } from "./wrap.ts";

export interface OutputFlags {
  readonly json?: boolean;
}

export type Colour = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

const SGR: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

export class Output {
  readonly isJson: boolean;
  readonly stream: NodeJS.WriteStream;
  /** The terminal's width in cells; infinite without a terminal. */
  readonly columns: number;
  readonly #hasColour: boolean;

  constructor({ json }: OutputFlags, stream: NodeJS.WriteStream = process.stdout) {
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

  /** Prints one value: as JSON, or as the text of `toText`. */
  async show(value: unknown, toText: () => string): Promise<void> {
    await this.line(this.isJson ? toJson(value) : toText());
  }

  /** Prints a line. Resolves when the reader can take more. */
  async line(text: string): Promise<void> {
    if (!this.stream.write(`${printable(text)}\n`)) await once(this.stream, "drain");
  }

  /**
   * Prints things as they come, as one JSON array. After an error the array has no end, so nobody takes it for
   * complete.
   */
  async array(things: AsyncIterable<unknown>): Promise<void> {
    let before = "[";
    for await (const thing of things) {
      await this.line(`${before}${toJson(thing)}`);
      before = ",";
    }
    await this.line(before === "[" ? "[]" : "]");
  }

  /** Rows below their headings. A column that is a string is never cut. `colourOf`: a cell's colour, or null. */
  table(
    columns: readonly (string | Column)[],
    rows: readonly (readonly string[])[],
    colourOf: (column: number, cell: string) => Colour | null = () => null,
  ): string {
    const cells = rows.map((row) => row.map(plain));
    const lines = layOut(
      columns.map((column) => (typeof column === "string" ? { heading: column } : column)),
      cells,
      this.columns,
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

/** Prints a problem to stderr. */
export function complain(sentence: string): void {
  process.stderr.write(`${fitted(`action-runs: ${plain(sentence)}`)}\n`);
}

/** Text for stderr, broken between words if stderr is a terminal. */
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

/** What `paint` writes. */
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

/** The colours and cursor movements of ECMA-48: logs are full of them. No part can match what the next one does. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it finds control characters.
const CONTROL_SEQUENCES = /(?:\x1b\[|\x9b)[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]/g;
const TAB = "    ";

export function withoutColours(text: string): string {
  return text.replace(CONTROL_SEQUENCES, "");
}

/** What a job has printed: its lines, without colours. */
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
