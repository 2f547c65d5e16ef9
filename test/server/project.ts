/** The project as a newcomer has it: a fresh copy in which npm's scripts are run. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ROOT } from "../../src/dev/wrangler.ts";

const PRINTED_WITHIN_MS = 90_000;
const GONE_WITHIN_MS = 15_000;

export interface Script {
  readonly child: ChildProcess;
  printed(): string;
  /** Resolves with what was printed once it matches; throws if it ends or takes too long. */
  until(pattern: RegExp): Promise<string>;
  /** Signals npm and all it started, as a terminal does; resolves when all are gone, and throws if some stay. */
  signalAll(signal: NodeJS.Signals): Promise<void>;
  /** The same, but signals npm alone, as a supervisor does. */
  signalNpm(signal: NodeJS.Signals): Promise<void>;
  ended(): Promise<number | null>;
}

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), "action-runs-project-"));
  readonly #scripts: Script[] = [];

  constructor() {
    for (const name of ["src", "migrations", "package.json", "wrangler.toml", "tsconfig.json"]) {
      cpSync(join(ROOT, name), join(this.folder, name), { recursive: true });
    }
    for (const name of ["node_modules", "tools"]) symlinkSync(join(ROOT, name), join(this.folder, name));
  }

  run(...npmArgs: readonly string[]): Script {
    const script = runNpm(npmArgs, this.folder);
    this.#scripts.push(script);
    return script;
  }

  /** Runs a line as a person would paste it; answers what it printed. */
  paste(line: string): string {
    const pasted = spawnSync("sh", ["-c", line], {
      cwd: this.folder,
      encoding: "utf8",
      env: { ...process.env, PATH: `${this.#curlFolder()}${delimiter}${process.env.PATH}` },
    });
    if (pasted.status !== 0 || pasted.stderr !== "") throw new Error(`${line}\n${pasted.stderr}`);
    return pasted.stdout;
  }

  async remove(): Promise<void> {
    for (const script of this.#scripts) await script.signalAll("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** All that pasted lines gave curl as arguments, which everybody on a machine can read. */
  curlArguments(): string {
    return readFileSync(join(this.#curlFolder(), "arguments"), "utf8");
  }

  /** First on the PATH: notes the arguments, then runs curl, or a stand-in where a machine has none. */
  #curlFolder(): string {
    const folder = join(this.folder, "bin");
    mkdirSync(folder, { recursive: true });
    const places = (process.env.PATH ?? "").split(delimiter).map((place) => join(place, "curl"));
    const standIn = join(folder, "stand-in.cjs");
    writeFileSync(standIn, CURL);
    const curl = places.find((place) => existsSync(place)) ?? `${process.execPath}' '${standIn}`;
    const noting = `#!/bin/sh\nprintf '%s\\n' "$@" >>'${join(folder, "arguments")}'\nexec '${curl}' "$@"\n`;
    writeFileSync(join(folder, "curl"), noting);
    chmodSync(join(folder, "curl"), 0o755);
    return folder;
  }
}

/** As much of curl as the pasted lines use. */
const CURL = `
const { parseArgs } = require("node:util");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: "boolean", short: "s" },
    error: { type: "boolean", short: "S" },
    header: { type: "string", short: "H", multiple: true },
    data: { type: "string", short: "d" },
    write: { type: "string", short: "w", default: "" },
  },
});
const { readFileSync } = require("node:fs");
const lines = (values.header ?? []).map((line) => (line === "@-" ? readFileSync(0, "utf8").trim() : line));
const headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2));
fetch(positionals[0], { method: values.data === undefined ? "GET" : "POST", headers, body: values.data })
  .then(async (answer) => console.log(await answer.text()));
`;

function runNpm(args: readonly string[], cwd: string): Script {
  // What npm and Vitest tell the processes that run these tests is not for another project's.
  const ours = /^npm_|^INIT_CWD$|^VITEST|^NODE_ENV$|^WRANGLER_LOG$/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  const child = spawn("npm", args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const pid = child.pid ?? 0;
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const closed = once(child, "close") as Promise<[number | null]>;
  const ended = async () => (await closed)[0];

  async function until(pattern: RegExp): Promise<string> {
    const startedAt = Date.now();
    while (!pattern.test(text)) {
      const isOver = child.exitCode !== null || Date.now() - startedAt > PRINTED_WITHIN_MS;
      if (isOver) throw new Error(`npm ${args.join(" ")} did not print ${pattern}, but:\n${text}`);
      await delay(50);
    }
    return text;
  }

  async function untilAllAreGone(): Promise<void> {
    const startedAt = Date.now();
    while (signalGroup(pid, 0)) {
      if (Date.now() - startedAt > GONE_WITHIN_MS)
        throw new Error(`npm ${args.join(" ")} left processes behind`);
      await delay(50);
    }
  }

  async function signalAll(signal: NodeJS.Signals): Promise<void> {
    signalGroup(pid, signal);
    await untilAllAreGone();
  }

  async function signalNpm(signal: NodeJS.Signals): Promise<void> {
    child.kill(signal);
    await untilAllAreGone();
  }

  return { child, printed: () => text, until, signalAll, signalNpm, ended };
}

/** Whether there is anybody left in a process group to signal. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}
