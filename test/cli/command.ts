/**
 * Starts the command line as users do, as a process with its own settings, and collects its output. It is in one file
 * with its packages, because half of a start is loading them file by file. in-process.ts and the first minute run the
 * source.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT, WRANGLER } from "../../src/dev/wrangler.ts";

const { buildSync } = createRequire(WRANGLER)("esbuild") as typeof import("esbuild");

/** As deep as the source, which reads package.json two folders up. */
export const MAIN = join(ROOT, ".wrangler", "cli", "main.js");

export function bundleCommandLine(): void {
  const outfile = `${MAIN}.${process.pid}`;
  buildSync({
    absWorkingDir: ROOT,
    entryPoints: ["src/cli/main.ts"],
    outfile,
    bundle: true,
    // Loaded only behind a proxy.
    external: ["undici"],
    platform: "node",
    format: "esm",
    target: "es2024",
    // commander is CommonJS.
    banner: {
      js: 'import { createRequire as requireFor } from "node:module"; const require = requireFor(import.meta.url);',
    },
  });
  // At once, so that no other run of the tests reads half of it.
  renameSync(outfile, MAIN);
}

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

/** The settings of a job that reports to this callback. */
export function jobOf({ callback }: { readonly callback: { readonly url: string; readonly token: string } }): Settings {
  return { CALLBACK_URL: callback.url, CALLBACK_TOKEN: callback.token };
}

/** The values that a command prints, one on each line. */
export const jsonLines = (printed: string) =>
  printed
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Runs the command line to its end. */
export function cli(args: readonly string[], settings: Settings = {}, input = ""): Promise<Ended> {
  return start(args, settings, input).ended;
}
