/** The processes of a command: sends them signals, and tells whether one is left. It decides nothing. */

import { type ChildProcess, spawn } from "node:child_process";

const isWindows = process.platform === "win32";

/**
 * Whether the command gets a process group of its own, so that a signal reaches what it starts too. Not on a terminal,
 * because a terminal sends Ctrl-C only to its foreground group. Not on Windows, which has no process groups.
 */
export function hasOwnGroup(): boolean {
  return !isWindows && !process.stdin.isTTY;
}

export class ProcessGroup {
  readonly #pid: number | undefined;
  readonly #isOwn: boolean;

  /** `isOwn`: the child was started with `detached`, so its id is the id of its group. */
  constructor({ pid }: ChildProcess, isOwn: boolean) {
    this.#pid = pid;
    this.#isOwn = isOwn;
  }

  /**
   * Sends the signal to the group, or to the command alone if it has none. On Windows every signal ends the whole tree.
   */
  send(signal: NodeJS.Signals): void {
    if (this.#pid === undefined) return;
    if (isWindows) endTree(this.#pid);
    else sendTo(this.#isOwn ? -this.#pid : this.#pid, signal);
  }

  /** Whether a process of the group is left, even if the command itself has ended. */
  isAlive(): boolean {
    return this.#isOwn && this.#pid !== undefined && sendTo(-this.#pid, 0);
  }
}

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
    // macOS says EPERM for a group in which every process has ended. Elsewhere the processes run as another user: they
    // are
    // alive, but out of reach.
    return code === "EPERM" && process.platform !== "darwin";
  }
}

function endTree(pid: number): void {
  const killing = spawn("taskkill", ["/T", "/F", "/PID", String(pid)], { stdio: "ignore", windowsHide: true });
  // Without taskkill the processes can't be ended. The report still says that the run was cancelled.
  killing.on("error", () => {});
}
