/** The processes that a command of this folder starts. They end before the command does, whatever ends the command. */

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

const STOP_WITHIN_MS = 10_000;
const PARENT_CHECK_MS = 500;

/** What a shell says of a command that Ctrl-C ended. */
const STOPPED_BY_SIGNAL = 130;

const running = new Set<ChildProcess>();
const undoings: (() => void | Promise<void>)[] = [];
let isEnding = false;

/** Starts a process that `runToEnd` stops. Throws if the command is already ending. */
export function spawnChild(program: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  if (isEnding) throw new Error("The command is ending, so it starts no process.");
  const child = spawn(program, args, options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Adds what `runToEnd` undoes when no child runs any more, the last first. */
export function atEnd(undo: () => void | Promise<void>): void {
  undoings.unshift(undo);
}

/**
 * Ends this process with the exit code that `main` returns, after all children. So it does if `main` throws, and with
 * `stoppedCode` if a signal comes, our parent is gone, or nobody reads our output any more.
 */
export function runToEnd(main: () => Promise<number>, stoppedCode = STOPPED_BY_SIGNAL): void {
  const end = async (code: number) => {
    if (isEnding) return;
    isEnding = true;
    try {
      await Promise.all([...running].map(stopChild));
      for (const undo of undoings) await undo();
    } finally {
      process.exit(code);
    }
  };
  const fail = (error: unknown) => {
    if (!isEnding) console.error(error instanceof Error ? error.message : error);
    void end(1);
  };
  onStop(() => void end(stoppedCode));
  process.on("uncaughtException", fail);
  main().then(end, fail);
}

/** For each signal, and as SIGTERM if our parent is gone, or nobody reads our output. */
export function onStop(stop: (signal: NodeJS.Signals) => void): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop(signal));
  // EPIPE, or EIO of a closed terminal. Without a listener, this process would end before its children.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => stop("SIGTERM"));
  // If npm gets a SIGTERM, only the shell between npm and us ends. So we check whether our parent is gone.
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const check = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(check);
    stop("SIGTERM");
  }, PARENT_CHECK_MS);
  check.unref();
}

/** Asks a child to end, which stops its own children. Kills the child if it does not end within 10 s. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const last = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
  await exited;
  clearTimeout(last);
}
