/** Prints the demo: chapters, each request and response, and the result of each check. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { spawnChild } from "../children.ts";
import { EXAMPLE_ENVIRONMENT } from "../server.ts";
import { ROOT } from "../wrangler.ts";

export interface Request {
  readonly method: string;
  readonly url: string;
  readonly token: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface RunBody {
  readonly id: string;
  readonly actionName: string;
  readonly status: string;
  readonly code?: string;
  readonly callback?: { readonly url: string; readonly token: string };
}

export class Demo {
  #title = "";
  #checks = 0;
  readonly #failures: string[] = [];

  get checks(): number {
    return this.#checks;
  }

  get failures(): readonly string[] {
    return this.#failures;
  }

  chapter(name: string): void {
    this.#title = name;
    console.log(`\n── ${name} ──`);
  }

  check(sentence: string, holds: boolean): void {
    this.#checks++;
    console.log(`${holds ? "  ✓" : "  ✗ FAILED:"} ${sentence}`);
    if (!holds) this.#failures.push(`${this.#title}: ${sentence}`);
  }
}

export async function send<T>({ method, url, token, body, headers = {} }: Request): Promise<Answer<T>> {
  const text = body === undefined ? null : JSON.stringify(body);
  const sent = {
    Authorization: `Bearer ${token}`,
    ...headers,
    ...(text === null ? {} : { "Content-Type": "application/json" }),
  };
  console.log(`\n> ${method} ${path(url)}`);
  for (const [name, value] of Object.entries(sent)) console.log(`  ${name}: ${shorten(value)}`);
  if (text !== null) console.log(`  ${shorten(text)}`);
  const answer = await fetch(url, { method, headers: sent, body: text, redirect: "error" });
  const answered = await answer.text();
  console.log(`< ${answer.status} ${answer.statusText}`);
  for (const name of ["Location", "Link", "Idempotent-Replayed", "WWW-Authenticate"]) {
    const value = answer.headers.get(name);
    if (value !== null) console.log(`  ${name}: ${path(value)}`);
  }
  const parsed: T = JSON.parse(answered);
  console.log(indent(shorten(Array.isArray(parsed) ? summary(parsed) : JSON.stringify(parsed, null, 2))));
  return { status: answer.status, headers: answer.headers, body: parsed };
}

/** A list in short, because each run was shown in full when it was created. */
function summary(runs: readonly RunBody[]): string {
  const lines = runs.map(({ id, actionName, status }) => `  { ${id} ${actionName} ${status} … }`);
  return ["[", ...lines, "]"].join("\n");
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}

/** URLs without the origin, which is the same for all. */
function path(text: string): string {
  return text.replace(/http:\/\/localhost:\d+/, "");
}

/** Shortens tokens to their ends, so that they can be told apart but not used. */
export function shorten(text: string): string {
  return text
    .replace(/[0-9a-f-]{36}:\d{13}:[0-9a-f]{60}([0-9a-f]{4})/g, "…$1")
    .replace(/root_[0-9a-f]{60}/g, "root_…")
    .replace(/terr_[A-Za-z0-9_-]{43}/g, "terr_…")
    .replace(/whsec_[A-Za-z0-9+/=]+/g, "whsec_…");
}

/* SECTION: Runs the command line for the demo, as a person at a terminal does, and prints each command with its output. */

const MAIN = join(ROOT, "src", "cli", "main.ts");
/** A command that hangs is killed, so that the demo ends. */
const COMMAND_MAX_MS = 30_000;

export interface Ran {
  readonly code: number | null;
  /** stdout and stderr. */
  readonly printed: string;
}

/** A command that is still running. */
export interface Running {
  /** Resolves when all patterns match what it has printed, or when it has ended. */
  until(...patterns: readonly RegExp[]): Promise<void>;
  readonly ended: Promise<Ran>;
}

export interface CommandLine {
  /** Prints the command's output when it has ended. Lines of a command that `start` began wait until then. */
  run(...args: readonly string[]): Promise<Ran>;
  /** Prints each line as it comes. */
  start(...args: readonly string[]): Running;
}

/** `folder`: where the commands find files. `token`: never on a command line, as the documents advise. */
export function commandLine(origin: string, token: string, folder: string): CommandLine {
  const env = {
    ...withoutSettings(process.env),
    ACTION_RUNS_URL: origin,
    ACTION_RUNS_TOKEN: token,
    ACTION_RUNS_ORG: EXAMPLE_ENVIRONMENT.org,
    ACTION_RUNS_PROJECT: EXAMPLE_ENVIRONMENT.project,
    ACTION_RUNS_ENV: EXAMPLE_ENVIRONMENT.env,
  };
  let held: string[] | null = null;
  const say = (line: string) => {
    if (held === null) console.log(line);
    else held.push(line);
  };
  const begin = (args: readonly string[], show: (line: string) => void): Running => {
    console.log(`\n$ action-runs ${args.map(quoted).join(" ")}`);
    // At a terminal text is the default. Here stdout is a pipe.
    const child = spawnChild(process.execPath, [MAIN, ...args, "--no-json"], {
      cwd: folder,
      env,
      timeout: COMMAND_MAX_MS,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return follow(child, show);
  };
  return {
    start: (...args) => begin(args, (line) => say(indented(line))),
    run: async (...args) => {
      const others: string[] = [];
      held = others;
      const ran = await begin(args, () => {}).ended;
      held = null;
      console.log(indented(ran.printed.trimEnd()));
      for (const line of others) console.log(line);
      return ran;
    },
  };
}

function follow(child: ChildProcess, show: (line: string) => void): Running {
  let printed = "";
  let onLine = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream as Readable }).on("line", (line) => {
      printed += `${line}\n`;
      show(line);
      onLine();
    });
  }
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, printed }));
  const matching = (patterns: readonly RegExp[]) =>
    new Promise<void>((resolve) => {
      onLine = () => {
        if (patterns.every((pattern) => pattern.test(printed))) resolve();
      };
      onLine();
    });
  return {
    ended,
    until: async (...patterns) => {
      await Promise.race([matching(patterns), ended]);
    },
  };
}

/** Without the settings of this machine, because the demo must not depend on them. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(ACTION_RUNS|CALLBACK)_|^https?_proxy$/i.test(name)),
  );
}

function indented(text: string): string {
  return shorten(text).replace(/^(?=.)/gm, "  ");
}

function quoted(arg: string): string {
  return /^[\w@:=./-]+$/.test(arg) ? arg : `'${arg}'`;
}
