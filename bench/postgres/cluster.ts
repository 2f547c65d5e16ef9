/**
 * A PostgreSQL cluster of the bench's own: a folder with its files and its Unix socket, and no port. All settings are
 * PostgreSQL's defaults, so a commit is on disk before it is acknowledged.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, globSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

/** The role and the database that `initdb` makes, and the user that Debian's package makes. */
export const NAME = "postgres";
const POLL_MS = 10;

/**
 * The folder of PostgreSQL's programs: Debian's newest version, or one in PATH. Null if PostgreSQL is not installed.
 */
export function programs(): string | null {
  const version = (bin: string) => Number(bin.split("/").at(-2));
  const debian = globSync("/usr/lib/postgresql/*/bin").toSorted((a, b) => version(b) - version(a));
  const places = [...debian, ...(process.env.PATH ?? "").split(delimiter)];
  return places.find((bin) => ["initdb", "postgres"].every((name) => existsSync(join(bin, name)))) ?? null;
}

/**
 * Starts the cluster in `folder`, where its socket is then. Makes the cluster first if there is none. PostgreSQL ends
 * with this process, unless a signal kills this process. `ended` resolves when PostgreSQL has ended.
 */
export async function startCluster(folder: string): Promise<{ readonly ended: Promise<unknown> }> {
  const bin = programs();
  if (bin === null) throw new Error("PostgreSQL is not installed. Install Debian's package postgresql.");
  const owner = user();
  const options = { ...owner, cwd: "/", env: { LC_ALL: "C" } };
  const data = join(folder, "data");
  if (!existsSync(data)) {
    if (owner !== null) chownSync(folder, owner.uid, owner.gid);
    const how = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", `--username=${NAME}`];
    const stdio: ("ignore" | "inherit")[] = ["ignore", "ignore", "inherit"];
    const initdb = spawn(join(bin, "initdb"), [...how, "--pgdata", data], { ...options, stdio });
    const [code] = await once(initdb, "exit");
    if (code !== 0) throw new Error("initdb failed. Its own message is above.");
  }
  const where = ["-D", data, "-k", folder, "-c", "listen_addresses="];
  const postmaster = spawn(join(bin, "postgres"), where, { ...options, stdio: ["ignore", "ignore", "pipe"] });
  process.once("exit", () => postmaster.kill("SIGINT"));
  const ended = once(postmaster, "exit");
  await untilReady(postmaster);
  return { ended };
}

/** Ends the cluster in `folder`. Closes all sessions, and returns when everything is on disk. */
export async function stopCluster(folder: string): Promise<void> {
  try {
    while (true) {
      // PostgreSQL removes the file when it ends. If it was killed, there is a file but no process.
      const pid = Number.parseInt(readFileSync(join(folder, "data", "postmaster.pid"), "utf8"), 10);
      // `initdb` writes a negative number, which would mean a group of processes. So would 0.
      if (!(pid > 0)) return;
      process.kill(pid, "SIGINT");
      await delay(POLL_MS);
    }
  } catch {}
}

/** PostgreSQL refuses to run as root. So root runs it as the user that Debian's package made. Null for anybody else. */
function user(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync("id", [flag, NAME], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/** Reads the log until PostgreSQL accepts connections. Then reads on, because a full pipe would block PostgreSQL. */
async function untilReady({ stderr }: ChildProcess): Promise<void> {
  if (stderr === null) throw new Error("PostgreSQL has no log.");
  const log = createInterface(stderr);
  const lines: string[] = [];
  const isReady = await new Promise<boolean>((resolve) => {
    log.on("line", (line) => {
      lines.push(line);
      if (line.includes("ready to accept connections")) resolve(true);
    });
    log.on("close", () => resolve(false));
  });
  if (!isReady) throw new Error(`PostgreSQL ended before it was ready:\n${lines.join("\n")}`);
}
