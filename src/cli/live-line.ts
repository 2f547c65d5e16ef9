/**
 * One line of a terminal that changes in place, below lines that stay. The cursor stays at the line's beginning, so
 * that a terminal that breaks the line when it gets narrower has all of it after the cursor, where it is erased.
 */

import { printable } from "./output.ts";

/** From the cursor to the end of the screen. */
const ERASE = "\r\x1b[J";

export class LiveLine {
  readonly #stream: NodeJS.WriteStream;
  #make: ((columns: number) => string) | null = null;
  readonly #endsWithInterrupt: boolean;
  readonly #redraw = () => this.#draw();
  /** Ctrl-C must not leave half a line where the shell prints its prompt. */
  readonly #interrupt = () => {
    this.clear();
    process.kill(process.pid, "SIGINT");
  };

  /** `endsWithInterrupt`: false if the command itself decides what Ctrl-C does. It must then clear the line. */
  constructor(stream: NodeJS.WriteStream, { endsWithInterrupt = true } = {}) {
    this.#stream = stream;
    this.#endsWithInterrupt = endsWithInterrupt;
  }

  /** Whether lines can change in place there. */
  static canBeOn(stream: NodeJS.WriteStream): boolean {
    return stream.isTTY === true && process.env.TERM !== "dumb";
  }

  /** `make`: the text for a width in cells. It must not take more, and the terminal must be able to print it. */
  show(make: (columns: number) => string): void {
    if (this.#make === null) {
      this.#stream.on("resize", this.#redraw);
      if (this.#endsWithInterrupt) process.once("SIGINT", this.#interrupt);
    }
    this.#make = make;
    this.#draw();
  }

  /** Removes the line, so that other lines can be printed. */
  clear(): void {
    if (this.#make === null) return;
    this.#make = null;
    this.#stream.off("resize", this.#redraw);
    process.off("SIGINT", this.#interrupt);
    this.#stream.write(ERASE);
  }

  #draw(): void {
    if (this.#make === null) return;
    // A text in the last cell would make some terminals begin a new line.
    const columns = Math.max((this.#stream.columns || 80) - 1, 0);
    this.#stream.write(`${ERASE}${printable(this.#make(columns))}\r`);
  }
}
