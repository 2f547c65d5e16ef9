/** What a report needs of a command's output: its end, and the line that says why the command failed. */

import { FailureLine } from "./failure-line.ts";
import { lastLine, Tail } from "./tail.ts";

const ERROR_LINE_CHARACTERS = 500;

export class CommandOutput {
  readonly #secrets: readonly string[];
  readonly #tail = new Tail();
  readonly #lines = { stdout: new FailureLine(), stderr: new FailureLine() };
  /** The stream that was the first to name a failure. */
  #failed: FailureLine | null = null;

  /** `secrets`: hidden in all that it returns. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** All bytes so far. */
  get pushed(): number {
    return this.#tail.pushed;
  }

  push(name: "stdout" | "stderr", chunk: Buffer): void {
    this.#tail.push(chunk);
    const lines = this.#lines[name];
    if (this.#failed !== null && this.#failed !== lines) return;
    lines.push(chunk);
    if (lines.isFound) this.#failed = lines;
  }

  /** The end of stdout and stderr, as they came. */
  tail(): string {
    return this.#tail.text(this.#secrets);
  }

  /** Call this after the last chunk. One line of at most 500 characters; empty if there was no output. */
  errorLine(): string {
    for (const lines of Object.values(this.#lines)) {
      if (this.#failed !== null) break;
      lines.end();
      if (lines.isFound) this.#failed = lines;
    }
    const line = this.#failed?.text(this.#secrets) ?? lastLine(this.tail());
    return line.trim().slice(0, ERROR_LINE_CHARACTERS).toWellFormed();
  }
}
