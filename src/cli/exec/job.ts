/** Runs one command as a child process, and passes its output and our signals through. It knows nothing about runs. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { CommandOutput } from "./command-output.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** A shell's exit codes for a command that is missing, or that it may not run. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;
/** How long to read on after the command has ended. A process that it left behind may hold the output open forever. */
const LAST_OUTPUT_MS = 500;
/** More than a pipe holds. What comes beyond this, another process printed after the command had ended. */
const PIPES_MAX_BYTES = 4 * 1024 * 1024;

export interface JobEnd {
  /** The exit status, or 128 + the number of the signal that ended it. */
  readonly status: number;
  /** The signal that ended it, from any sender. */
  readonly endedBy: NodeJS.Signals | null;
  readonly fault: string | null;
  readonly isStopped: boolean;
}

/** Ctrl-C may arrive twice: from the terminal, and from a launcher such as npx that passes it on. */
const ECHO_MS = 1000;

/** How often to look for processes that the command left behind. */
const LOOK_EVERY_MS = 50;
/** A JavaScript timer fires at once if its milliseconds don't fit into 31 bits. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Passes signals on to the processes of a command, and stops them: with TERM at once, and with KILL later. */
export class JobControl {
  /** Undefined unless the command runs. */
  #pid: number | undefined;
  /** Whether the command's id is the id of its process group. */
  #isGroup = false;
  first: NodeJS.Signals | null = null;
  #firstAt = 0;
  /** Whether a second signal ends this process at once. */
  isImpatient = false;
  /** When KILL is due. By `performance.now`, because the machine's clock may be set meanwhile. */
  #killAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  readonly #killed = Promise.withResolvers<void>();

  get isStopped(): boolean {
    return this.#killAt < Number.POSITIVE_INFINITY;
  }

  listen(): void {
    for (const signal of SIGNALS) process.on(signal, this.#take);
  }

  unlisten(): void {
    for (const signal of SIGNALS) process.off(signal, this.#take);
  }

  /** `isGroup`: the child was started with `detached`. */
  started({ pid }: ChildProcess, isGroup: boolean): void {
    this.#pid = pid;
    this.#isGroup = isGroup;
  }

  /** What the command left behind is not its work, and others may soon get the id of an empty group. */
  letGo(): void {
    this.#pid = undefined;
  }

  readonly #take = (signal: NodeJS.Signals): void => {
    const now = Date.now();
    if (this.isImpatient && this.first !== null && now - this.#firstAt > ECHO_MS) process.exit(statusOf(signal));
    if (this.first === null) {
      this.first = signal;
      this.#firstAt = now;
    }
    // The terminal sent Ctrl-C to the child too, and many programs stop without cleaning up at a second one.
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    this.#send(signal);
  };

  /** Sends TERM, and KILL after `graceMs`. If this is called again, only an earlier KILL counts. */
  stop(graceMs: number): void {
    const isFirst = !this.isStopped;
    const ms = Math.min(graceMs, TIMER_MAX_MS);
    const killAt = performance.now() + ms;
    if (killAt >= this.#killAt) return;
    this.#killAt = killAt;
    if (isFirst) this.#send("SIGTERM");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#send("SIGKILL");
      this.#killed.resolve();
    }, ms);
  }

  /** Call this when the command itself has ended. If it was stopped, waits for the rest of its group, at most until KILL. */
  async untilGone(): Promise<void> {
    const look = async () => {
      while (this.#isGroup && this.#pid !== undefined && sendTo(-this.#pid, 0)) await delay(LOOK_EVERY_MS);
    };
    if (this.isStopped) await Promise.race([look(), this.#killed.promise]);
    clearTimeout(this.#timer);
    this.letGo();
  }

  /** To the group, or to the command alone if it has none. On Windows every signal ends the whole tree. */
  #send(signal: NodeJS.Signals): void {
    if (this.#pid === undefined) return;
    if (isWindows) endTree(this.#pid);
    else sendTo(this.#isGroup ? -this.#pid : this.#pid, signal);
  }
}

/** Runs the command to its end. Never rejects because of the command. */
export async function runJob(
  [command = "", ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  control: JobControl,
  output: CommandOutput,
): Promise<JobEnd> {
  // A group of its own, so that a signal reaches what the command starts too. A terminal sends Ctrl-C only to its
  // foreground group, and Windows has no process groups.
  const detached = !isWindows && !process.stdin.isTTY;
  const child = spawn(command, args, { stdio: ["inherit", "pipe", "pipe"], env, detached });
  control.started(child, detached);
  passThrough("stdout", child.stdout, output);
  passThrough("stderr", child.stderr, output);
  const closed = once(child, "close").catch(() => {});
  try {
    const [status, endedBy] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    const { isStopped } = control;
    await control.untilGone();
    await untilSilent(closed, output);
    return { status: status ?? statusOf(endedBy), endedBy, fault: null, isStopped };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    const isMissing = code === "ENOENT";
    const fault = isMissing ? "there is no such command" : `the system says ${code}`;
    return { status: isMissing ? NOT_FOUND : NOT_RUNNABLE, endedBy: null, fault, isStopped: false };
  } finally {
    control.letGo();
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** Resolves when all of the command's output is passed through, even to a slow reader. */
async function untilSilent(closed: Promise<unknown>, output: CommandOutput): Promise<void> {
  const isOpen = () => Promise.race([closed.then(() => false), delay(LAST_OUTPUT_MS, true, { ref: false })]);
  const most = output.pushed + PIPES_MAX_BYTES;
  while (output.pushed < most) {
    const before = output.pushed;
    if (!(await isOpen())) return;
    const isStuck = process.stdout.writableNeedDrain || process.stderr.writableNeedDrain;
    if (output.pushed === before && !isStuck) return;
  }
}

function passThrough(name: "stdout" | "stderr", from: Readable, output: CommandOutput): void {
  const to = process[name];
  from.on("data", (chunk: Buffer) => output.push(name, chunk));
  from.pipe(to, { end: false });
  // Close our end, so that the command notices that its reader is gone.
  to.on("error", () => from.destroy());
}

/** A shell's exit status for a command that a signal ended. */
export function statusOf(signal: NodeJS.Signals | null): number {
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}

const isWindows = process.platform === "win32";

/**
 * Sends to a process, or with a negative id to a group. Returns false if it is gone. 0 sends nothing. We don't use the
 * child's own `kill`: if the command runs as another user, `kill` emits an error that looks like a failed start.
 */
function sendTo(id: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(id, signal);
    return true;
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException;
    // On macOS, every process of the group has ended. Elsewhere they run as another user, out of reach.
    return code === "EPERM" && process.platform !== "darwin";
  }
}

function endTree(pid: number): void {
  const killing = spawn("taskkill", ["/T", "/F", "/PID", String(pid)], { stdio: "ignore", windowsHide: true });
  // Without taskkill the processes can't be ended. The report still says that the run was cancelled.
  killing.on("error", () => {});
}
