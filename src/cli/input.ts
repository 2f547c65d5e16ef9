/** Reads values from text, a file or stdin, and asks for answers on the terminal. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { type JsonType, parseExact, parseTyped } from "../words/typed-json.ts";
import { CommandFailed, UsageError } from "./exit.ts";
import { plain } from "./output.ts";

type Json = Record<string, unknown>;

/** A value's text: the value itself, the file for `@file`, stdin for `@-`. Throws UsageError if it can't be read. */
export async function readText(value: string, flag: string): Promise<string> {
  if (!value.startsWith("@")) return value;
  if (value === "@-") return readStdin(flag);
  try {
    return readFileSync(value.slice(1), "utf8");
  } catch (fault) {
    throw new UsageError(
      `${flag}: can't read ${value.slice(1)} (${(fault as NodeJS.ErrnoException).code}). Check the path.`,
    );
  }
}

/** A JSON object, if `isExact` with numbers that the service would keep. Throws UsageError for anything else. */
export async function readObject(value: string, flag: string, { isExact = false } = {}): Promise<Json> {
  const text = await readText(value, flag);
  const wrong = new UsageError(`${flag}: give a JSON object, @file or @- for stdin.`);
  const parsed = parseJson(text, wrong);
  if (!isObject(parsed)) throw wrong;
  if (isExact) refuseInexact(text, flag);
  return parsed;
}

export async function readJson(value: string, flag: string): Promise<unknown> {
  return parseJson(await readText(value, flag), new UsageError(`${flag}: give JSON, @file or @- for stdin.`));
}

/** Throws `wrong`, because the message of JSON.parse quotes the text, which may hold a secret. */
function parseJson(text: string, wrong: UsageError): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong;
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuseInexact(text: string, flag: string): void {
  const parsed = parseExact(text);
  if ("problem" in parsed) throw new UsageError(`${flag}: ${parsed.problem}`);
}

/** The type that the value of `name=text` must have; null if it is text. */
export type TypeOf = (name: string) => JsonType | null;

/** Throws UsageError for what is no member, is not of its type, or is a number that the service would not keep. */
export function readMembers(pairs: readonly string[], flag: string, typeOf: TypeOf = () => null): Json {
  return Object.fromEntries(pairs.map((pair) => readMember(pair, flag, typeOf)));
}

function readMember(pair: string, flag: string, typeOf: TypeOf): [string, unknown] {
  const [, name, colon, text = ""] = /^([^=:]+)(:?)=(.*)$/s.exec(pair) ?? [];
  if (name === undefined) throw new UsageError(`${flag}: give name=text, or name:=json.`);
  if (colon === "") {
    const parsed = parseTyped(text, typeOf(name) ?? "string");
    if ("value" in parsed) return [name, parsed.value];
    throw new UsageError(
      `${flag}: the action's schema says what ${plain(name)} is. ${parsed.problem} For another value, use ${plain(name)}:=json.`,
    );
  }
  const wrong = new UsageError(`${flag}: the value of ${name}:= is not JSON. For text, use ${name}=.`);
  const value = parseJson(text, wrong);
  refuseInexact(text, flag);
  return [name, value];
}

/** All of stdin. Throws UsageError if another option already read it. */
async function readStdin(flag: string): Promise<string> {
  if (process.stdin.readableEnded)
    throw new UsageError(`${flag}: only one option can read stdin. Use a file for the other.`);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

/** A token from stdin, without the line end. Throws UsageError if it is not a token. */
export async function readToken(flag: string): Promise<string> {
  return checkToken((await readStdin(flag)).trim(), flag);
}

/** The token, if a header can carry it. fetch would print a header that it refuses, token included. */
export function checkToken(token: string, from: string): string {
  if (token === "") throw new UsageError(`${from}: the token is missing.`);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new UsageError(`${from}: this is not a token. Enter it as it was shown.`);
  return token;
}

interface Asking {
  readonly isSecret?: boolean;
  readonly usual?: string;
  /** What it means that no answer comes. */
  readonly otherwise?: string;
  /** Called for Ctrl-C. Default: the program exits. */
  readonly onInterrupt?: () => void;
  readonly signal?: AbortSignal;
}

/** Throws UsageError if nobody can answer a question of this command. `instead`: what a script uses. */
export function requireTerminal(command: string, instead: string): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return;
  throw new UsageError(`\`${command}\` asks first, but there is no terminal. In a script, use ${instead}.`);
}

/** Throws CommandFailed with the sentence `otherwise` unless the user says yes. */
export async function requireYes(question: string, otherwise: string): Promise<void> {
  if (!(await isConfirmed(question, { otherwise }))) throw new CommandFailed(otherwise);
}

export async function isConfirmed(question: string, asking: Asking): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} (y/N)`, asking));
}

/** Asks on the terminal, and hides a secret answer. Writes to stderr, because stdout is for the result. */
export async function ask(
  question: string,
  {
    isSecret = false,
    usual = "",
    otherwise = "Nothing was saved.",
    onInterrupt = () => process.exit(130),
    signal,
  }: Asking = {},
): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = isSecret ? nowhere : process.stderr;
  const prompt = usual === "" ? `${question}: ` : `${question} [${plain(usual)}]: `;
  const asking = createInterface({ input: process.stdin, output, terminal: true });
  // Print the question only now: createInterface has switched off the terminal's echo, which would show an early
  // answer.
  if (isSecret) process.stderr.write(prompt);
  asking.on("SIGINT", onInterrupt);
  const end = () => Promise.reject(new CommandFailed(`The input ended before the last question. ${otherwise}`));
  // Ctrl-D rejects the question. If the terminal is gone, the question never settles, but `close` still comes.
  const closed = once(asking, "close").then(end);
  const takeBack = () => asking.close();
  signal?.addEventListener("abort", takeBack);
  try {
    const answer = await Promise.race([asking.question(isSecret ? "" : prompt).catch(end), closed]);
    return answer.trim() || usual;
  } finally {
    signal?.removeEventListener("abort", takeBack);
    closed.catch(() => {});
    asking.close();
    if (isSecret) process.stderr.write("\n");
  }
}
