/** A fresh copy of the project, in which tests run npm scripts. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { ROOT } from "../../src/dev/wrangler.ts";
import { until as waitUntil } from "../server/until.ts";

/** A link to the cache of compiled modules that all copies share. */
const COMPILE_CACHE = join(".wrangler", "compile-cache");

/**
 * The cache names a module by its path. As a portable cache, it counts that path from its own folder, so each copy finds
 * what another one has compiled.
 */
export function compileCacheIn(folder: string): Readonly<Record<string, string>> {
  const cache = join(folder, COMPILE_CACHE);
  return existsSync(cache) ? { NODE_COMPILE_CACHE: cache, NODE_COMPILE_CACHE_PORTABLE: "1" } : {};
}

export interface Script {
  readonly child: ChildProcess;
  printed(): string;
  /** Resolves with the output when it matches. Throws if the script ends before. */
  until(pattern: RegExp): Promise<string>;
  /** Signals npm and its children, as a terminal does. Resolves when all are gone, and throws if some stay. */
  signalAll(signal: NodeJS.Signals): Promise<void>;
  /** Like `signalAll`, but signals only npm, as a supervisor does. */
  signalNpm(signal: NodeJS.Signals): Promise<void>;
  ended(): Promise<number | null>;
  /** How many processes npm's process group has. */
  processes(): number;
  /** Resolves when there are none. */
  untilAllAreGone(): Promise<void>;
}

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), "action-runs-project-"));
  readonly #scripts: Script[] = [];

  constructor() {
    for (const name of ["src", "bin", "examples", "migrations", "package.json", "wrangler.toml", "tsconfig.json"]) {
      cpSync(join(ROOT, name), join(this.folder, name), { recursive: true });
    }
    for (const name of ["node_modules", "tools"]) symlinkSync(join(ROOT, name), join(this.folder, name));
    // Otherwise each copy would fetch the explorer's build again.
    const explorer = join(ROOT, ".wrangler", "explorer");
    if (existsSync(explorer)) cpSync(explorer, join(this.folder, ".wrangler", "explorer"), { recursive: true });
    const { NODE_COMPILE_CACHE } = process.env;
    if (NODE_COMPILE_CACHE !== undefined) {
      mkdirSync(join(this.folder, ".wrangler"), { recursive: true });
      symlinkSync(NODE_COMPILE_CACHE, join(this.folder, COMPILE_CACHE));
    }
  }

  /** Replaces wrangler, which takes a second to load. `databases`: the bindings that wrangler.toml names. */
  #standInForWrangler(databases: readonly string[]): void {
    const modules = join(this.folder, "node_modules");
    rmSync(modules);
    mkdirSync(join(modules, "wrangler"), { recursive: true });
    for (const name of readdirSync(join(ROOT, "node_modules")).filter((name) => name !== "wrangler"))
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
    writeFileSync(join(modules, "wrangler", "index.js"), WRANGLER.replace("DATABASES", JSON.stringify(databases)));
  }

  /** Replaces the server and wrangler. The server gives this response to every request. */
  standInForServer(status: number, body: object, databases: readonly string[] = []): void {
    this.#standInForWrangler(databases);
    const main = SERVER.replace("STATUS", String(status)).replace("BODY", JSON.stringify(body));
    writeFileSync(join(this.folder, "src/dev/serve.ts"), main);
  }

  /** The operator's token. */
  rootToken(): string {
    const variables = readFileSync(join(this.folder, ".dev.vars"), "utf8");
    return /^ROOT_TOKEN=(.+)$/m.exec(variables)?.[1] ?? "";
  }

  /** The arguments of each command that a stand-in got. */
  commands(): string[][] {
    const lines = readFileSync(join(this.folder, "commands"), "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line));
  }

  run(...npmArgs: readonly string[]): Script {
    return this.#started("npm", npmArgs);
  }

  /** Runs an npm script on a terminal of its own, whose keyboard is the child's stdin. */
  runOnTerminal(...npmArgs: readonly string[]): Script {
    return this.#started("script", ["-qec", `npm ${npmArgs.join(" ")}`, "/dev/null"]);
  }

  #started(program: string, args: readonly string[]): Script {
    const script = runScript(program, args, this.folder);
    this.#scripts.push(script);
    return script;
  }

  /** Runs a line as a person would paste it, and returns its output. */
  async paste(line: string): Promise<string> {
    // npx keeps a link to the project in npm's cache.
    const env = { ...process.env, ...compileCacheIn(this.folder), npm_config_cache: join(this.folder, "npm-cache") };
    const pasted = spawn("sh", ["-c", line], { cwd: this.folder, env, stdio: ["ignore", "pipe", "pipe"] });
    const [printed, complained, [code]] = await Promise.all([
      textOf(pasted.stdout),
      textOf(pasted.stderr),
      once(pasted, "close"),
    ]);
    if (code !== 0) throw new Error(`${line}\n${complained}`);
    return printed;
  }

  async remove(): Promise<void> {
    for (const script of this.#scripts) await script.signalAll("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const WRANGLER = `
const databases = DATABASES;
exports.unstable_readConfig = () => ({ d1_databases: databases.map((binding) => ({ binding })) });
exports.unstable_splitSqlQuery = (sql) => sql.split(/;\\n/).filter((statement) => statement.trim() !== "");
`;

const SERVER = `
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
const flags = process.argv.slice(2);
appendFileSync("commands", JSON.stringify(flags) + "\\n");
const server = createServer((_, response) => {
  response.writeHead(STATUS, { "Content-Type": "application/json" }).end(JSON.stringify(BODY));
});
// The signals of a terminal also reach the children, and so does a closed pipe. Here only a SIGTERM ends them.
for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => {});
process.stdout.on("error", () => {});
setInterval(() => console.log("at work"), 20);
server.listen(Number(flags[flags.indexOf("--port") + 1]), "localhost");
`;

function runScript(program: string, args: readonly string[], cwd: string): Script {
  // Without the variables of the npm and the Vitest that run these tests.
  const ours = /^npm_|^INIT_CWD$|^VITEST|^NODE_ENV$|^WRANGLER_LOG$/i;
  const theirs = Object.entries(process.env).filter(([name]) => !ours.test(name));
  const env = { ...Object.fromEntries(theirs), ...compileCacheIn(cwd) };
  const child = spawn(program, args, {
    cwd,
    env,
    detached: true,
    stdio: [program === "npm" ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const pid = child.pid ?? 0;
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const closed = once(child, "close") as Promise<[number | null]>;
  const ended = async () => (await closed)[0];

  async function until(pattern: RegExp): Promise<string> {
    const hasPrinted = () => pattern.test(text) || child.exitCode !== null;
    await waitUntil(`${program} ${args.join(" ")} prints ${pattern}`, hasPrinted);
    if (!pattern.test(text)) throw new Error(`${program} ${args.join(" ")} did not print ${pattern}, but:\n${text}`);
    return text;
  }

  function untilAllAreGone(): Promise<void> {
    return waitUntil(`${program} ${args.join(" ")} leaves no process behind`, () => !signalGroup(pid, 0));
  }

  async function signalAll(signal: NodeJS.Signals): Promise<void> {
    signalGroup(pid, signal);
    await untilAllAreGone();
  }

  async function signalNpm(signal: NodeJS.Signals): Promise<void> {
    child.kill(signal);
    await untilAllAreGone();
  }

  function processes(): number {
    const { stdout } = spawnSync("ps", ["-A", "-o", "pgid="], { encoding: "utf8" });
    return stdout.split("\n").filter((line) => Number(line) === pid).length;
  }

  return { child, printed: () => text, until, ended, processes, signalAll, signalNpm, untilAllAreGone };
}

/** Returns whether the process group still has a process. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
