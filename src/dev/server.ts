/** Runs the local server as a child process, and waits until it is ready. Finds ports for it. */

import type { ChildProcess, SpawnOptions } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hasEnded, spawnChild } from "./children.ts";
import { collect, ROOT } from "./wrangler.ts";

const READY_WITHIN_MS = 120_000;
/** A missing setting stays missing, but a database that is starting becomes ready within this time. */
const NOT_READY_FOR_MS = 3_000;
const POLL_MS = 100;

export interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

/** Starts the server with flags of server-flags.ts. */
export function spawnServer(flags: readonly string[], stdio: SpawnOptions["stdio"]): ChildProcess {
  // Otherwise wrangler, which reads the configuration, prints which file has the secrets.
  const env = { ...process.env, WRANGLER_LOG: process.env.WRANGLER_LOG ?? "warn" };
  return spawnChild(process.execPath, ["--no-warnings", join(ROOT, "src/dev/serve.ts"), ...flags], {
    cwd: ROOT,
    env,
    stdio,
  });
}

/**
 * Resolves when /readyz answers 200. Otherwise throws with the server's output or the error of /readyz. `flags`: more of
 * server-flags.ts.
 */
export async function startServer(port: number, flags: readonly string[]): Promise<Server> {
  const child = spawnServer(["--port", String(port), ...flags], ["ignore", "pipe", "pipe"]);
  const printed = collect(child);
  const url = `http://localhost:${port}`;
  await untilReady(url, child, printed);
  // Keep reading, because a full pipe would block the server.
  for (const stream of [child.stdout, child.stderr]) stream?.removeAllListeners("data").resume();
  return { url, child };
}

async function untilReady(url: string, child: ChildProcess, printed: () => string): Promise<void> {
  const startedAt = Date.now();
  let notReadySince: number | null = null;
  while (Date.now() - startedAt < READY_WITHIN_MS) {
    if (hasEnded(child)) throw new Error(`The server ended before it was ready:\n${printed()}`);
    const fault = await readiness(url);
    if (fault === null) return;
    if (fault !== undefined) {
      notReadySince ??= Date.now();
      if (Date.now() - notReadySince > NOT_READY_FOR_MS) throw new Error(`The service is not ready. ${fault}`);
    }
    await delay(POLL_MS);
  }
  throw new Error(`The server was not ready after ${READY_WITHIN_MS / 1000} s:\n${printed()}`);
}

/** null: ready. A sentence: running, but something is missing. undefined: no response yet. */
async function readiness(url: string): Promise<string | null | undefined> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) });
    const body = (await response.json()) as { error?: string };
    return response.ok ? null : (body.error ?? `/readyz answers ${response.status}.`);
  } catch {
    return undefined;
  }
}

/** Throws if the port is taken, or closed to this user. */
export async function requirePort(port: number, ip?: string): Promise<number> {
  if ((await takePort(port, ip)) !== null) return port;
  throw new Error(
    `Port ${port} can't be used. Another program has it, or your user may not use it. Choose another port.`,
  );
}

/** The port if it is free, else null. */
export async function takePort(port: number, ip = "localhost"): Promise<number | null> {
  const probe = createServer();
  probe.listen(port, ip);
  try {
    await once(probe, "listening");
  } catch {
    return null;
  }
  probe.close();
  await once(probe, "close");
  return port;
}

/**
 * A free port. It is below the ports that systems give to outgoing connections, so none of those takes it before the
 * caller does.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = await takePort(randomInt(15_000, 30_000));
    if (port !== null) return port;
  }
  throw new Error("Found no free port.");
}
