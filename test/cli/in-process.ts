/**
 * Runs the command line in this process, which takes a hundredth of the time of a start. main.ts gets its arguments,
 * settings and streams through `process`, so one command runs at a time. `cli` of command.ts starts a process: for
 * signals, for commands side by side, and for a few of all the others.
 */

import { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { cleanEnv, type Ended, type Settings } from "./command.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

let starts = 0;
let before: Promise<unknown> = Promise.resolve();

/** Runs the command line to its end, after the commands that were called before. */
export function cli(args: readonly string[], settings: Settings = {}, input = ""): Promise<Ended> {
  return next(args, settings, input, false);
}

/** What a command prints as JSON. Throws if it fails. */
export async function cliJson<T>(args: readonly string[], settings: Settings): Promise<T> {
  const { code, stdout, stderr } = await cli(args, settings);
  if (code !== 0) throw new Error(`${args.join(" ")} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout);
}

/**
 * Like `cli`, but stdin and stderr say that they are a terminal, as if only stdout went to a file. `typed`: what is
 * there from the beginning, or a stream of it.
 */
export function cliAtTerminal(args: readonly string[], settings: Settings, typed: string | Readable): Promise<Ended> {
  return next(args, { ...settings, NO_COLOR: "1" }, typed, true);
}

function next(...how: Parameters<typeof run>): Promise<Ended> {
  const ended = before.then(() => run(...how));
  before = ended.catch(() => {});
  return ended;
}

async function run(
  args: readonly string[],
  settings: Settings,
  input: string | Readable,
  isTTY: boolean,
): Promise<Ended> {
  const stdout = collecting();
  const stderr = collecting();
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  const listeners = process.listeners("SIGUSR1");
  process.exitCode = undefined;
  const restore = replace(process, {
    argv: [process.execPath, MAIN, ...args],
    env: cleanEnv(settings),
    stdin: Object.assign(inputOf(input), { isTTY }),
    stdout: stdout.stream,
    stderr: Object.assign(stderr.stream, { isTTY }),
    exit: (code: number | undefined = Number(process.exitCode ?? 0)) => resolve(code),
  });
  try {
    // Each query is a module of its own, so main.ts runs again. What it imports is loaded once.
    const main: Promise<never> = import(`${MAIN}?start=${++starts}`).then(() => new Promise(() => {}));
    return { code: await Promise.race([exited, main]), stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    restore();
    process.exitCode = undefined;
    // `exec` listens until its process ends.
    for (const listener of process.listeners("SIGUSR1"))
      if (!listeners.includes(listener)) process.off("SIGUSR1", listener);
  }
}

function inputOf(typed: string | Readable): Readable {
  if (typeof typed !== "string") return typed;
  return Readable.from(typed === "" ? [] : [Buffer.from(typed)]);
}

function collecting() {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

/** Gives the members of `target` other values, and returns what puts the old ones back. */
function replace(target: object, values: Readonly<Record<string, unknown>>): () => void {
  const old = Object.keys(values).map((name) => [name, Object.getOwnPropertyDescriptor(target, name)] as const);
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: true });
  }
  return () => {
    for (const [name, descriptor] of old) {
      if (descriptor === undefined) Reflect.deleteProperty(target, name);
      else Object.defineProperty(target, name, descriptor);
    }
  };
}
