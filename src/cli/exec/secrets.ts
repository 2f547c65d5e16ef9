/** Secrets that a command of `exec` must not get, and no report may show. */
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";

/** The tokens, the proof, and options whose JSON can contain secrets. Ignores case, because Windows does. */
const SECRET = /^(?:CALLBACK_TOKEN|ACTION_RUNS_TOKEN|ACTION_RUNS_ID_TOKEN|ACTION_RUNS_\w+_(?:BODY|TRIGGER))$/i;

export function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !SECRET.test(name)));
}

/**
 * Removes the secret variables from this process. Call this after the settings are read. Linux shows the environment
 * with which a process was started to every process of the same user (`/proc/PID/environ`), so the values are
 * overwritten there too, if Linux lets a process write its own memory. Other systems still show the values.
 */
export function hideSecrets(): void {
  // Node would open its debugger, to which every process of this machine may connect.
  process.on("SIGUSR1", () => {});
  for (const name of Object.keys(process.env)) if (SECRET.test(name)) delete process.env[name];
  if (process.platform !== "linux") return;
  try {
    eraseAtStart();
  } catch {
    // The documents say that the values can stay readable.
  }
}

/** Where the kernel keeps the environment of this process: fields 50 and 51 of proc_pid_stat(5). */
function startEnvironment(): readonly [from: number, to: number] {
  const stat = readFileSync("/proc/self/stat", "latin1");
  // The second field is the program's name in brackets. It may contain spaces and brackets.
  const afterName = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [Number(afterName[47]), Number(afterName[48])];
}

function eraseAtStart(): void {
  const [from, to] = startEnvironment();
  const memory = openSync("/proc/self/mem", "r+");
  try {
    const block = Buffer.alloc(to - from);
    const size = readSync(memory, block, 0, block.length, from);
    let at = 0;
    for (const entry of block.toString("latin1", 0, size).split("\0")) {
      const [name = ""] = entry.split("=", 1);
      const valueAt = at + name.length + 1;
      at += entry.length + 1;
      if (SECRET.test(name) && valueAt < at) {
        writeSync(memory, Buffer.alloc(at - valueAt), 0, at - valueAt, from + valueAt);
      }
    }
  } finally {
    closeSync(memory);
  }
}

const MASK = "***";
/** `base64` breaks its lines, and so do some logs. */
const LINE_BREAK = "(?:\\r?\\n)?";
/** The base64 of a very short secret could be part of any word. */
const BASE64_MIN_CHARACTERS = 8;

/**
 * `text` from `from` to `to`, without secrets, also percent-encoded, in base64, or broken into lines. One that only
 * begins or ends there is hidden too. Other forms are not found, such as a part of a secret, hex or compressed text.
 */
export function masked(text: string, secrets: readonly string[], from = 0, to = text.length): string {
  const places = formsOfAll(secrets)
    .flatMap((form) => [...placesOf(text, form)].filter(({ isWhole }) => isWhole))
    .sort((one, other) => one.index - other.index);
  let shown = "";
  let at = from;
  let maskedTo = 0;
  for (const { index, end } of places) {
    if (end <= at) continue;
    if (index >= to) break;
    // Two that overlap are one.
    if (index >= maskedTo) shown += text.slice(at, Math.max(at, index)) + MASK;
    at = end;
    maskedTo = end;
  }
  return shown + text.slice(at, Math.max(at, to));
}

/** A shorter beginning of a secret could be any word. */
const BEGUN_MIN_CHARACTERS = 8;

/** Where the end of a text begins that can be the beginning of a secret; otherwise the text's length. */
export function beginOfSecret(text: string, secrets: readonly string[]): number {
  const starts = formsOfAll(secrets).flatMap((form) => {
    for (const { index, end } of placesOf(text, form)) if (end === text.length) return index;
    return [];
  });
  return Math.min(text.length, ...starts);
}

/**
 * Where a text has a form as a whole, or its beginning at the end of the text. Character by character, because one
 * expression for a long secret, or for all its beginnings, would be too large.
 */
function* placesOf(text: string, form: readonly string[]) {
  const first = new RegExp(`(?=${form.slice(0, BEGUN_MIN_CHARACTERS).join(LINE_BREAK)})`, "gi");
  const starts = [...text.matchAll(first)];
  if (starts.length === 0) return;
  const steps = form.map((one) => new RegExp(one, "iy"));
  const lineBreak = new RegExp(LINE_BREAK, "y");
  for (const { index } of starts) {
    let at = index;
    let end = index;
    const fits = (step: RegExp) => {
      step.lastIndex = at;
      if (at === text.length || !step.test(text)) return false;
      end = step.lastIndex;
      lineBreak.lastIndex = end;
      lineBreak.test(text);
      at = Math.max(lineBreak.lastIndex, end);
      return true;
    };
    const missing = steps.findIndex((step) => !fits(step));
    if (missing === -1) yield { index, end, isWhole: true };
    else if (at === text.length) yield { index, end: at, isWhole: false };
  }
}

function formsOfAll(secrets: readonly string[]): readonly (readonly string[])[] {
  return secrets.filter((secret) => secret !== "").flatMap(formsOf);
}

/** The expressions of each form. They ignore case, because a program may change a secret's case. */
function formsOf(secret: string): readonly (readonly string[])[] {
  const bytes = Buffer.from(secret, "utf8");
  const characters = [...secret].map((character) => `(?:${literal(character)}|${percent(character)})`);
  const shifted = [0, 1, 2].map((shift) => base64At(bytes, shift));
  return [
    characters,
    ...shifted.filter((form) => form.length >= BASE64_MIN_CHARACTERS).map((form) => [...form].map(base64Character)),
  ];
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function percent(character: string): string {
  return Buffer.from(character, "utf8").toString("hex").replace(/../g, "%$&");
}

/** The base64 characters that depend on these bytes alone. `shift`: how many bytes of a group come before them. */
function base64At(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
  const end = shift + bytes.length;
  // A character has 6 bits. Characters at the edges also contain bits of the neighbours.
  return text.slice(Math.ceil((shift * 8) / 6), Math.floor((end * 8) / 6));
}

function base64Character(character: string): string {
  if (character === "+") return "[+-]";
  return character === "/" ? "[/_]" : character;
}
