/** The processes of a test file's products. They end with the file, also if it fails or the worker ends first. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { hasEnded } from "../../src/dev/children.ts";
import { until } from "../server/until.ts";
import { PATH } from "./programs.ts";

export class ProductProcesses {
  readonly #folder: string;
  readonly #running = new Set<ChildProcess>();
  readonly #printed: Buffer[] = [];
  readonly #killAll = () => {
    for (const child of this.#running) this.#kill(child);
  };

  /** `folder`: where the products run, and their home. */
  constructor(folder: string) {
    this.#folder = folder;
    process.once("exit", this.#killAll);
  }

  /** What all of them have printed. */
  get printed(): string {
    return Buffer.concat(this.#printed).toString();
  }

  /** Starts a product, and returns when it answers requests to `url`, whatever it answers. */
  async serve(
    url: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const child = this.#spawn(command, env);
    await until(`${command[0]} answers`, async () => {
      if (hasEnded(child)) throw new Error(`${command.join(" ")} ended:\n${this.printed}`);
      return fetch(url).then(
        (response) => response.body?.cancel().then(() => true) ?? true,
        () => false,
      );
    });
  }

  /** Runs a command to its end. */
  async run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
    const child = this.#spawn(command, env);
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}:\n${this.printed}`);
  }

  async stop(): Promise<void> {
    const closed = [...this.#running].map((child) => once(child, "close"));
    this.#killAll();
    await Promise.all(closed);
    process.off("exit", this.#killAll);
  }

  #spawn([program = "", ...args]: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    const child = spawn(program, args, {
      cwd: this.#folder,
      // A group of its own, so that the product's jobs end with it.
      detached: true,
      env: { PATH, HOME: this.#folder, TMPDIR: this.#folder, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#running.add(child);
    child.once("close", () => this.#running.delete(child));
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => this.#printed.push(chunk));
    return child;
  }

  #kill({ pid }: ChildProcess): void {
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended, and "close" is on its way.
    }
  }
}
