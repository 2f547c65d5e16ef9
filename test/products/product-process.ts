/**
 * The products of this machine, and the processes of those that a test file runs. They end with the file, and also if the
 * test's own process is killed.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { hasEnded } from "../../src/dev/children.ts";
import { until } from "../server/until.ts";

/** Debian keeps servers where the PATH of people does not lead. */
const PATH = [process.env.PATH ?? "", "/usr/local/sbin", "/usr/sbin", "/sbin"].join(delimiter);

/**
 * The programs that this machine lacks: .ci/run installs Debian's, and `npm run node-red` Node-RED. Says so, because
 * tests that need them are then skipped.
 */
export function missing(what: string, ...programs: readonly string[]): readonly string[] {
  const folders = PATH.split(delimiter);
  const lacking = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  if (lacking.length > 0) console.warn(`${lacking.join(", ")} is missing, so ${what} is not tested.`);
  return lacking;
}

/**
 * Becomes the command that its arguments name. When our end of its input is closed, which our death does too, it kills
 * the command's process group.
 */
const GUARDED = 'exec 3<&0; { read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 & exec "$0" "$@" </dev/null 3<&-';

type Env = Readonly<Record<string, string>>;

export class ProductProcesses {
  /** Where the products run, and their home. */
  readonly folder: string;
  readonly #running = new Set<ChildProcess>();
  readonly #printed: Buffer[] = [];

  /** `name`: a part of the folder's name. */
  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `action-runs-${name}-`));
  }

  /** What all of them have printed. */
  get printed(): string {
    return Buffer.concat(this.#printed).toString();
  }

  /** Starts a product, and returns when it answers a request to this URL, or this request, whatever it answers. */
  async serve(asking: string | (() => Promise<unknown>), command: readonly string[], env: Env = {}): Promise<void> {
    const child = this.#spawn(command, env);
    await until(`${command[0]} answers`, async () => {
      if (hasEnded(child)) throw new Error(`${command.join(" ")} ended:\n${this.printed}`);
      try {
        if (typeof asking === "string") await (await fetch(asking)).body?.cancel();
        else await asking();
        return true;
      } catch {
        return false;
      }
    });
  }

  /** Runs a command to its end. */
  async run(command: readonly string[], env: Env = {}): Promise<void> {
    const [code] = (await once(this.#spawn(command, env), "close")) as [number | null];
    if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}:\n${this.printed}`);
  }

  /** Kills all that still run, and what they have started. Removes their folder. */
  async stop(): Promise<void> {
    const closed = [...this.#running].map((child) => once(child, "close"));
    for (const { stdin } of this.#running) stdin?.destroy();
    await Promise.all(closed);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(command: readonly string[], env: Env): ChildProcess {
    const child = spawn("sh", ["-c", GUARDED, ...command], {
      cwd: this.folder,
      // A process group of its own.
      detached: true,
      env: { PATH, HOME: this.folder, TMPDIR: this.folder, ...env },
    });
    this.#running.add(child);
    child.once("close", () => {
      this.#running.delete(child);
      child.stdin.destroy();
    });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => this.#printed.push(chunk));
    return child;
  }
}
