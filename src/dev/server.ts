/** The local server (serve.ts) as a child process: its flags, port, secrets and databases, and when it is ready. */
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { hasEnded, spawnChild } from "./children.ts";
import { hasCode, makePrivate, OWNER_ENTERS, OWNER_ONLY } from "./files.ts";
import { requireAllBound } from "./migrations.ts";
import { CONFIG, collect, databasesIn, ROOT } from "./wrangler.ts";

const READY_WITHIN_MS = 120_000;
/** A missing setting stays missing, but a database that is starting becomes ready within this time. */
const NOT_READY_FOR_MS = 3_000;
const POLL_MS = 100;

export function spawnServer(flags: readonly string[], stdio: SpawnOptions["stdio"]): ChildProcess {
  // Otherwise wrangler, which reads the configuration, prints which file has the secrets.
  const env = { ...process.env, WRANGLER_LOG: process.env.WRANGLER_LOG ?? "warn" };
  return spawnChild(process.execPath, ["--no-warnings", join(ROOT, "src/dev/serve.ts"), ...flags], {
    cwd: ROOT,
    env,
    stdio,
  });
}

/** Waits for /readyz. Throws with the server's output or the error of /readyz. `flags`: as `serverFlags` reads them. */
export async function startServer(port: number, flags: readonly string[]) {
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
    const answer = await readiness(url).catch(() => null);
    if (answer?.fault === null) return;
    if (answer !== null) {
      notReadySince ??= Date.now();
      if (Date.now() - notReadySince > NOT_READY_FOR_MS) throw new Error(`The service is not ready. ${answer.fault}`);
    }
    await delay(POLL_MS);
  }
  throw new Error(`The server was not ready after ${READY_WITHIN_MS / 1000} s:\n${printed()}`);
}

/** What the service lacks, as a sentence; null if it is ready. Throws if there is no response. */
export async function readiness(url: string): Promise<{ fault: string | null; degraded: readonly object[] }> {
  const signal = AbortSignal.timeout(10_000);
  const response = await fetch(`${url}/readyz`, { signal, redirect: "manual" });
  const { error, degraded = [] } = (await response.json()) as { error?: string; degraded?: readonly object[] };
  return { fault: response.ok ? null : (error ?? `/readyz answers ${response.status}.`), degraded };
}

export async function requirePort(port: number, ip?: string): Promise<number> {
  if ((await takePort(port, ip)) !== null) return port;
  throw new Error(
    `Port ${port} can't be used. Another program has it, or your user may not use it. Choose another port.`,
  );
}

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

/** A free port below those of outgoing connections, so none of those takes it before the caller does. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = await takePort(randomInt(15_000, 30_000));
    if (port !== null) return port;
  }
  throw new Error("Found no free port.");
}

export const DEFAULT_PORT = 8787;

const USAGE = `npm run dev -- [flags]
  --port N             the port, 8787 by default
  --ip ADDRESS         where the port is open, localhost by default
  --persist-to DIR     the folder of the local databases, .wrangler/state by default
  --config, -c FILE    another configuration than wrangler.toml
  --env-file FILE      variables and secrets, instead of those in .dev.vars
  --var NAME:VALUE     another variable
  --inspector-port N   a debugger's port. Every user of this machine can use it, and read all secrets with it`;

export type ServerFlags = ReturnType<typeof serverFlags>;

export function serverFlags(args: readonly string[]) {
  const { values } = parsed(args);
  return {
    port: portIn("port", values.port) ?? DEFAULT_PORT,
    ip: values.ip,
    persistTo: values["persist-to"],
    config: values.config,
    envFiles: values["env-file"],
    variables: Object.fromEntries(values.var.map(variable)),
    inspectorPort: portIn("inspector-port", values["inspector-port"]),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: "string" },
        ip: { type: "string", default: "localhost" },
        "persist-to": { type: "string" },
        config: { type: "string", short: "c", default: CONFIG },
        "env-file": { type: "string", multiple: true },
        var: { type: "string", multiple: true, default: [] },
        "inspector-port": { type: "string" },
      },
    });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

export function portIn(flag: string, port: string | undefined): number | undefined {
  if (port === undefined) return undefined;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new Error(`--${flag} must be a number from 0 to 65535.`);
  return Number(port);
}

function variable(text: string): readonly [string, string] {
  const colon = text.indexOf(":");
  if (colon < 1) throw new Error("--var must be NAME:VALUE, for example --var RETENTION_DAYS:7.");
  return [text.slice(0, colon), text.slice(colon + 1)];
}

const SECRET_BYTES = 32;

/** Where the databases and the objects are kept, unless a command names another folder. It is also wrangler's. */
const STATE = ".wrangler/state";

export function newSecrets(): string {
  const secret = () => randomBytes(SECRET_BYTES).toString("hex");
  return `CALLBACK_SIGNING_KEYS=${secret()}\nROOT_TOKEN=root_${secret()}\n`;
}

/** Creates `.dev.vars` unless it exists. Then only its owner may read it. Returns whether it created the file. */
export function makeDevVars(folder: string): boolean {
  const file = join(folder, ".dev.vars");
  try {
    writeFileSync(file, newSecrets(), { flag: "wx", mode: OWNER_ONLY });
    return true;
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  makePrivate(file, OWNER_ONLY);
  return false;
}

/** Where databases and objects are kept below `persistTo`. Created if it is missing. Only its owner may enter it. */
export function privateState(persistTo = STATE): string {
  const state = resolve(ROOT, persistTo);
  // The folder in which wrangler has its current format.
  const folder = join(state, "v3");
  mkdirSync(folder, { recursive: true, mode: OWNER_ENTERS });
  // A folder that somebody chose may have other things in it.
  if (state === resolve(ROOT, STATE)) makePrivate(state, OWNER_ENTERS);
  makePrivate(folder, OWNER_ENTERS);
  // `wrangler dev` keeps the URL of each outgoing request there, and URLs of chats are secrets.
  rmSync(join(folder, "observability"), { recursive: true, force: true });
  return folder;
}

/**
 * Migrates the local databases in one start of the runtime. `mustBindAll`: throws if an environment lives in a database
 * that is not bound. The service starts even then.
 */
export async function migrateLocally(config = CONFIG, persistTo = STATE, { mustBindAll = false } = {}): Promise<void> {
  const databases = await databasesIn(config);
  if (databases.length === 0) return;
  // Loaded only here, because not every command that may migrate does it.
  const { migrateClosed } = await import("./miniflare.ts");
  const d1Databases = Object.fromEntries(databases.map(({ binding, localId }) => [binding, localId]));
  const inUse = await migrateClosed(privateState(persistTo), d1Databases, databases);
  if (mustBindAll) requireAllBound(databases, inUse);
}

/** The environment that all commands of this folder, the README and the documents use. */
export const EXAMPLE_ENVIRONMENT = { org: "acme", project: "shop", env: "production" } as const;

const { org, project, env } = EXAMPLE_ENVIRONMENT;

export const EXAMPLE_PATH = `${org}/${project}/${env}`;
