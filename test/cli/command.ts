/** Starts the command line as users do, as a process with its own settings, and collects its output. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAIN } from "./bundle.ts";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What stdout got so far. */
  printed(): string;
  /** Resolves once stdout or stderr matches. */
  until(pattern: RegExp): Promise<void>;
}

export type Settings = Readonly<Record<string, string>>;

/** Without the settings of this machine, its home included. */
export function cleanEnv(settings: Settings): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  return { PATH, NODE_COMPILE_CACHE, HOME: join(tmpdir(), "action-runs-no-home"), ...settings };
}

export function start(args: readonly string[], settings: Settings = {}, input = ""): Started {
  const child = spawn(process.execPath, [MAIN, ...args], { env: cleanEnv(settings) });
  const chunks: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => chunks[name].push(chunk));
  }
  const text = (name: "stdout" | "stderr") => Buffer.concat(chunks[name]).toString();
  // A command that reads no stdin may end before it is written.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = once(child, "close").then(([code]) => ({
    code: code as number | null,
    stdout: text("stdout"),
    stderr: text("stderr"),
  }));
  async function until(pattern: RegExp): Promise<void> {
    const matches = () => pattern.test(text("stdout")) || pattern.test(text("stderr"));
    while (!matches()) {
      const over = await Promise.race([
        once(child.stdout, "data"),
        once(child.stderr, "data"),
        ended.then(() => "over" as const),
      ]);
      if (over === "over" && !matches()) throw new Error(`it ended without ${pattern}: ${text("stderr")}`);
    }
  }
  return { child, ended, printed: () => text("stdout"), until };
}

/** Runs the command line to its end. */
export function cli(args: readonly string[], settings: Settings = {}, input = ""): Promise<Ended> {
  return start(args, settings, input).ended;
}
