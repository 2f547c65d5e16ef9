/**
 * A shell as a reader has it: commands are pasted one after the other, and keep variables and the folder. Only the
 * programs named here are available, so a document that needs another one fails.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { MAIN } from "../../cli/command.ts";
import { programFile } from "../jobs/job-machine.ts";
import { HANGS_AFTER_MS } from "../until.ts";

const PROGRAMS = "awk cat curl cut date env grep head jq mktemp od openssl rm sed sh sleep tail test tr wc";
/** The proxy for every other machine. Nobody listens on this port, so no request leaves this machine. */
const NOWHERE = "http://127.0.0.1:9";
const LOOPBACK_ONLY = {
  http_proxy: NOWHERE,
  https_proxy: NOWHERE,
  all_proxy: NOWHERE,
  no_proxy: "localhost,127.0.0.1,::1",
  NODE_USE_ENV_PROXY: "1",
};

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Makes `bin` and `node_modules` in a folder: the programs that commands may call, a stand-in if curl is missing, and
 * our package as a reader has installed it, but made from the source.
 */
export function furnish(folder: string): void {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const program of PROGRAMS.split(" ")) {
    const file = programFile(program);
    if (file !== undefined) symlinkSync(file, join(bin, program));
  }
  symlinkSync(process.execPath, join(bin, "node"));
  const standIn = fileURLToPath(new URL("curl.ts", import.meta.url));
  if (!existsSync(join(bin, "curl"))) writeProgram(join(bin, "curl"), `exec node '${standIn}' "$@"`);
  const commandLine = `exec node '${MAIN}' "$@"`;
  writeProgram(join(bin, "action-runs"), commandLine);
  writeProgram(
    join(bin, "npx"),
    `[ "$1" = action-runs ] || { echo "npx $1: not known here" >&2; exit 127; }\nshift\n${commandLine}`,
  );
  const ours = join(folder, "node_modules/action-runs");
  mkdirSync(ours, { recursive: true });
  symlinkSync(join(ROOT, "src"), join(ours, "src"));
  writeFileSync(join(ours, "package.json"), JSON.stringify({ exports: { "./client": "./src/client/index.ts" } }));
}

function writeProgram(file: string, script: string): void {
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** A script's whole commands, without comments. Throws if the shell can't parse the script. */
export function commandsOf(script: string): readonly string[] {
  const commands: string[] = [];
  let pending: string[] = [];
  for (const line of script.split("\n")) {
    pending.push(line);
    if (!isWhole(pending.join("\n"))) continue;
    commands.push(pending.join("\n"));
    pending = [];
  }
  if (pending.length > 0) throw new Error(`The shell can't read this:\n${pending.join("\n")}`);
  return commands.filter((command) => !/^\s*(#.*)?$/.test(command));
}

function isWhole(command: string): boolean {
  return !command.endsWith("\\") && spawnSync("sh", ["-n"], { input: command }).status === 0;
}

export class Session {
  readonly #state: string;
  readonly #env: NodeJS.ProcessEnv;

  /** `home`: a prepared folder. `folder`: where the commands begin. `name`: a file name, unique for each session. */
  constructor(home: string, folder: string, name: string) {
    this.#state = join(home, `${name}.session`);
    const { NODE_COMPILE_CACHE } = process.env;
    this.#env = { ...LOOPBACK_ONLY, HOME: home, PATH: join(home, "bin"), NODE_COMPILE_CACHE };
    writeFileSync(this.#state, `cd '${folder}'\n`);
  }

  /** A variable's value. Throws if it is not set. */
  async get(name: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(`printf %s "$${name}"`);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  /** Sets a variable, as a reader would. */
  set(values: Readonly<Record<string, string>>): void {
    const lines = Object.entries(values).map(([name, value]) => `export ${name}='${value}'\n`);
    writeFileSync(this.#state, lines.join(""), { flag: "a" });
  }

  /** Runs one command. Stops it at the first failure, and at a variable that is not set. */
  async run(command: string): Promise<Ran> {
    const keep = `trap '{ export -p; echo "cd \\"$PWD\\""; } >"${this.#state}"' 0`;
    const child = spawn("sh", ["-c", `set -eua\n. "${this.#state}"\n${keep}\n${command}\n`], {
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: HANGS_AFTER_MS,
    });
    const printed = Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = (await once(child, "close")) as [number | null];
    const [stdout, stderr] = await printed;
    return { code, stdout, stderr };
  }

  /** Runs a TypeScript program with the session's variables in its environment. */
  async runTypeScript(program: string): Promise<Ran> {
    const file = `${this.#state}.mts`;
    writeFileSync(file, program);
    return this.run(`node '${file}'`);
  }
}
