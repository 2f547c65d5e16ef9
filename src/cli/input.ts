/** What people and programs hand in beside flags: JSON as text or file, stdin, and a token typed unseen. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { CommandFailed, UsageError } from "./exit.ts";

type Json = Record<string, unknown>;

/** The text of a value: as it is, of a file after `@`, of stdin for `@-`. Throws UsageError where there is no such file. */
export async function readText(value: string, flag: string): Promise<string> {
  if (!value.startsWith("@")) return value;
  if (value === "@-") return readStdin(flag);
  try {
    return readFileSync(value.slice(1), "utf8");
  } catch (fault) {
    throw new UsageError(
      `${flag}: ${value.slice(1)} can't be read (${(fault as NodeJS.ErrnoException).code}).`,
    );
  }
}

/** A JSON object from `readText`. Throws UsageError for anything else. */
export async function readObject(value: string, flag: string): Promise<Json> {
  const text = await readText(value, flag);
  const wrong = new UsageError(`${flag}: give a JSON object, @file or @- for stdin.`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // What JSON.parse says quotes the text, which may hold a secret.
    throw wrong;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw wrong;
  return parsed as Json;
}

/** Members of an object from `name=text` and `name:=json`. Throws UsageError for what is neither. */
export function readMembers(pairs: readonly string[], flag: string): Json {
  return Object.fromEntries(pairs.map((pair) => readMember(pair, flag)));
}

function readMember(pair: string, flag: string): [string, unknown] {
  const [, name, colon, text = ""] = /^([^=:]+)(:?)=(.*)$/s.exec(pair) ?? [];
  if (name === undefined) throw new UsageError(`${flag}: give name=text, or name:=json.`);
  if (colon === "") return [name, text];
  try {
    return [name, JSON.parse(text)];
  } catch {
    throw new UsageError(`${flag}: what follows ${name}:= is no JSON.`);
  }
}

/** All of stdin. Throws UsageError where something else has read it. */
export async function readStdin(flag: string): Promise<string> {
  if (process.stdin.readableEnded) throw new UsageError(`${flag}: stdin can be read for one thing only.`);
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

/** A token from stdin, without the line's end. Throws UsageError where it can't be one. */
export async function readToken(flag: string): Promise<string> {
  return checkToken((await readStdin(flag)).trim(), flag);
}

/** The token itself, if a header can carry it. Nobody else may say so, for their message would quote it. */
export function checkToken(token: string, from: string): string {
  if (token === "") throw new UsageError(`${from}: no token came.`);
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new UsageError(`${from}: this is no token; give it as it was shown.`);
  return token;
}

/** Asks on the terminal; what is typed is not shown where it is secret. stdout stays clean for the result. */
export async function ask(question: string, { isSecret = false, usual = "" } = {}): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = isSecret ? nowhere : process.stderr;
  const prompt = usual === "" ? `${question}: ` : `${question} [${usual}]: `;
  const asking = createInterface({ input: process.stdin, output, terminal: true });
  // Only now: before, the terminal itself shows what is typed, or pasted, as soon as it is asked for.
  if (isSecret) process.stderr.write(prompt);
  asking.on("SIGINT", () => process.exit(130));
  const end = () =>
    Promise.reject(new CommandFailed("The input ended before all was answered. Nothing is kept."));
  // Where the terminal is gone, the question itself is never answered, nor does it fail; Ctrl-D fails it.
  const closed = once(asking, "close").then(end);
  try {
    const answer = await Promise.race([asking.question(isSecret ? "" : prompt).catch(end), closed]);
    return answer.trim() || usual;
  } finally {
    closed.catch(() => {});
    asking.close();
    if (isSecret) process.stderr.write("\n");
  }
}
