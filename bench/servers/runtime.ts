/**
 * A workerd that Miniflare starts, and when it ends. By itself, Miniflare would start another workerd, which would hide
 * the end of the first.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type ChildProcess, spawn } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import type { Miniflare, V4MiniflareOptions } from "miniflare";
import { newMiniflare } from "../../src/dev/miniflare.ts";

export interface Runtime {
  readonly miniflare: Miniflare;
  readonly pids: readonly number[];
  hasEnded(): boolean;
  ended(): Promise<void>;
  stop(): Promise<void>;
}

/** Node tells of each process that it starts. Miniflare keeps its own to itself. */
const starting = new AsyncLocalStorage<(child: ChildProcess) => void>();
subscribe("child_process", (message) => {
  starting.getStore()?.((message as { readonly process: ChildProcess }).process);
});

/** `folder`: where everything is kept, as files. Throws if workerd does not start. */
export async function startRuntime(folder: string, options: V4MiniflareOptions): Promise<Runtime> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  let [hasEnded, disposed]: [boolean, Promise<void> | null] = [false, null];
  const children: ChildProcess[] = [];
  let watcher: ChildProcess | null = null;
  const stop = () => {
    disposed ??= miniflare.dispose().finally(() => watcher?.kill("SIGKILL"));
    return disposed;
  };
  const note = (child: ChildProcess) => {
    children.push(child);
    child.once("exit", () => {
      if (disposed !== null) return;
      hasEnded = true;
      // Miniflare hears of the exit after us. If it is already disposed, it starts no other workerd.
      stop().catch(() => {});
      resolve();
    });
  };
  const miniflare = starting.run(note, () => newMiniflare(folder, options));
  await miniflare.ready.catch(async (error: unknown) => {
    await stop().catch(() => {});
    throw error;
  });
  const pids = children.flatMap(({ pid }) => pid ?? []);
  watcher = killWithThisProcess(pids);
  return { miniflare, pids, hasEnded: () => hasEnded, ended: () => ended, stop };
}

/**
 * Starts a process that kills these if this one ends. Miniflare does so too, but not if SIGKILL ends this process. The
 * watcher is in a session of its own, so a terminal's signals leave it alone.
 */
function killWithThisProcess(pids: readonly number[]): ChildProcess {
  // Its input ends when this process ends, in whatever way.
  const script = 'read -r _; kill -9 "$@"';
  const stdio: ("pipe" | "ignore")[] = ["pipe", "ignore", "ignore"];
  return spawn("sh", ["-c", script, "sh", ...pids.map(String)], { detached: true, stdio });
}
