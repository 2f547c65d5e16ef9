/** A terminal on which a test reads and types. It needs the program `script`. */

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { MAIN } from "./command.ts";

export const hasTerminal = spawnSync("script", ["--version"]).status === 0;

/** The command line, for a shell. */
export const COMMAND_LINE = `"${process.execPath}" "${MAIN}"`;

export class Terminal {
  /** The exit code. */
  readonly ended: Promise<number | null>;
  /** All that was shown so far. */
  printed = "";
  readonly #child: ChildProcessWithoutNullStreams;
  /** How much of it the test has read. */
  #read = 0;

  /** Runs a line of a shell on a terminal. */
  constructor(line: string, env: NodeJS.ProcessEnv, cwd?: string) {
    this.#child = spawn("script", ["-qec", line, "/dev/null"], { env, cwd });
    this.#child.stdout.on("data", (chunk: Buffer) => {
      this.printed += chunk;
    });
    this.ended = once(this.#child, "close").then(([code]) => code);
  }

  /** Waits for this text behind what the test has read, and reads to its end. Returns the text's first group. */
  async until(text: string | RegExp): Promise<string> {
    const pattern = typeof text === "string" ? new RegExp(text.replaceAll(/[^\w\s]/g, "\\$&")) : text;
    for (;;) {
      const found = pattern.exec(this.printed.slice(this.#read));
      if (found !== null) {
        this.#read += found.index + found[0].length;
        return found[1] ?? "";
      }
      const over = await Promise.race([once(this.#child.stdout, "data"), this.ended.then(() => null)]);
      if (over === null) throw new Error(`it ended without ${pattern}:\n${this.printed}`);
    }
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }
}
