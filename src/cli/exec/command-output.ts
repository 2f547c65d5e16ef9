/** What a report needs of a command's output: its end, and the line that says why the command failed. */

import { stripVTControlCharacters } from "node:util";
import { withoutColours } from "../../base/visible-text.ts";
import { beginOfSecret, masked } from "./secrets.ts";

const ERROR_LINE_CHARACTERS = 500;
const NOTHING: Buffer = Buffer.alloc(0);

export class CommandOutput {
  readonly #secrets: readonly string[];
  readonly #tail: Tail;
  readonly #isLog: boolean;
  #head = NOTHING;
  readonly #lines = { stdout: new FailureLine(), stderr: new FailureLine() };
  /** Lines that are not at their end. One stream must not cut a secret in the line of the other. */
  readonly #begun = { stdout: NOTHING, stderr: NOTHING };
  pushed = 0;
  /** The stream that was the first to name a failure. */
  #failed: FailureLine | null = null;

  /** `secrets`: hidden in all that it returns. `isLog`: whether the report has as much of the output as it can. */
  constructor(secrets: readonly string[], { isLog = false } = {}) {
    this.#secrets = secrets;
    this.#tail = new Tail(isLog ? LOG_TAIL_BYTES : TAIL_BYTES);
    this.#isLog = isLog;
  }

  push(name: "stdout" | "stderr", chunk: Buffer): void {
    this.pushed += chunk.length;
    const all = Buffer.concat([this.#begun[name], chunk]);
    const lineEnd = lastLineEnd(all) + 1;
    const whole = all.length - lineEnd < LINE_MAX_BYTES ? lineEnd : all.length;
    this.#begun[name] = Buffer.from(all.subarray(whole));
    this.#keep(name, all.subarray(0, whole));
  }

  /** Call this after the last chunk. The end of stdout and stderr: their lines, as they came. */
  tail(): string {
    this.#end();
    return this.#tail.text(this.#secrets);
  }

  /** The beginning and the end of a log; all of it if they meet. Call this after the last chunk. */
  log(): string {
    this.#end();
    const head = this.#head;
    const tail = this.#tail.bytes;
    const missing = this.pushed - head.length - tail.length;
    if (missing <= 0)
      return masked(plainBytes(Buffer.concat([head.subarray(0, this.pushed - tail.length), tail])), this.#secrets);
    const to = startOfLast(Math.max(head.length - LOG_HEAD_BYTES, 0), head);
    const shown = plainBytes(head.subarray(0, to));
    return `${masked(plainBytes(head), this.#secrets, 0, shown.length)}\n… ${this.pushed - LOG_HEAD_BYTES - LOG_TAIL_BYTES} bytes left out …\n${this.tail()}`;
  }

  /** `bytes`: whole lines, or a part of one that is too long. */
  #keep(name: "stdout" | "stderr", bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#tail.push(bytes);
    const room = LOG_HEAD_BYTES + SPARE_BYTES - this.#head.length;
    if (this.#isLog && room > 0) this.#head = Buffer.concat([this.#head, bytes.subarray(0, room)]);
    const lines = this.#lines[name];
    if (this.#failed !== null && this.#failed !== lines) return;
    lines.push(bytes);
    if (lines.isFound) this.#failed = lines;
  }

  /** Lines without an end are whole now. */
  #end(): void {
    for (const name of ["stdout", "stderr"] as const) {
      this.#keep(name, this.#begun[name]);
      this.#begun[name] = NOTHING;
    }
  }

  /** Whole lines for people: half a line may hold half a secret, and so may lines whose next one is to come. */
  newestLines(): string {
    const whole = wholeLines(this.#tail.text(this.#secrets, TAIL_BYTES));
    const lines = wholeLines(whole.slice(0, beginOfSecret(whole, this.#secrets)));
    const bytes = Buffer.from(lines, "utf8");
    const from = startOfLast(TAIL_MAX_BYTES, bytes);
    const newest = bytes.subarray(from).toString("utf8");
    // A line that was cut is left out if another one follows soon.
    const isCut = from > 0 || this.#tail.pushed > TAIL_BYTES;
    const end = isCut ? newest.slice(0, TAIL_MAX_BYTES / 8).search(/[\r\n]/) : -1;
    return end < 0 ? newest : newest.slice(end).replace(/^(?:\r\n|\r|\n)/, "");
  }

  /** Call this after the last chunk. One line of at most 500 characters; empty if there was no output. */
  errorLine(): string {
    this.#end();
    const line = this.#failed?.text(this.#secrets) ?? lastLine(this.tail());
    return line.trim().slice(0, ERROR_LINE_CHARACTERS).toWellFormed();
  }
}

/** A longer line is judged by its beginning. */
const LINE_MAX_BYTES = 4096;
/** Kept around what is shown, so that a secret is recognised of which only a part is there. */
const SPARE_BYTES = 4096;

const WORDS = ["error", "fatal", "failed", "failure", "exception", "panic", "traceback"];
/** Most lines have none of the words, so they need no further look. */
const HAS_ONE = new RegExp(WORDS.join("|"), "i");
const WORD = /[\p{L}\p{N}_]+/gu;
/** Between the parts of `TypeError` and of `OSError`, because programs name their errors so. */
const PARTS = /(?<=[^A-Z])(?=[A-Z])|(?=[A-Z][a-z])/;
/** `0 failed` and `no error` are good news. */
const DENIALS = ["0", "no"];

/** Whether a line names a failure. Linear in the line's length: each character belongs to one word. PURE. */
export function namesFailure(line: string): boolean {
  if (!HAS_ONE.test(line)) return false;
  let before = "";
  for (const [word] of withoutColours(line).matchAll(WORD)) {
    const part = word.split(PARTS).at(-1) ?? "";
    if (WORDS.includes(part.toLowerCase()) && !DENIALS.includes(before)) return true;
    before = word.toLowerCase();
  }
  return false;
}

/** Finds the first line of one stream that names a failure. The work for each byte is bounded. */
class FailureLine {
  /** The end of what came before. */
  #before = NOTHING;
  /** Whether the next bytes go on with a line whose beginning was judged. */
  #isWithinLine = false;
  /** The line that names a failure, with what stands around it. */
  #found: { readonly before: Buffer; readonly line: Buffer; after: Buffer } | null = null;

  get isFound(): boolean {
    return this.#found !== null;
  }

  push(bytes: Buffer): void {
    if (this.#found !== null) {
      const { after } = this.#found;
      this.#found.after = Buffer.concat([after, bytes.subarray(0, SPARE_BYTES - after.length)]);
      return;
    }
    // A character for each byte.
    const text = bytes.toString("latin1");
    const all = Buffer.concat([this.#before, bytes]);
    const lines = HAS_ONE.test(text) ? text.matchAll(/[^\r\n]+/g) : [];
    for (const { index, 0: line } of lines) {
      if (index > 0 || !this.#isWithinLine) this.#judge(all, this.#before.length + index, line.length);
      if (this.isFound) return;
    }
    this.#isWithinLine = !/[\r\n]$/.test(text);
    this.#before = Buffer.from(all.subarray(-SPARE_BYTES));
  }

  /** The line without colours, and without `secrets` as far as `masked` finds them; null if there is none. */
  text(secrets: readonly string[]): string | null {
    if (this.#found === null) return null;
    const { before, line, after } = this.#found;
    const spare = plainBytes(before);
    const shown = masked(plainBytes(Buffer.concat([before, line, after])), secrets, spare.length);
    // If the line's end was in a secret, more is shown, but nothing of the secret.
    return shown.split(/[\r\n]/, 1)[0] ?? "";
  }

  #judge(all: Buffer, start: number, length: number): void {
    const to = start + Math.min(length, LINE_MAX_BYTES);
    const line = all.subarray(start, to);
    if (!namesFailure(line.toString("utf8"))) return;
    const before = all.subarray(Math.max(start - SPARE_BYTES, 0), start);
    this.#found = { before, line, after: all.subarray(to, to + SPARE_BYTES) };
  }
}

function wholeLines(text: string): string {
  return text.slice(0, Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r")) + 1);
}

function lastLineEnd(bytes: Buffer): number {
  return Math.max(bytes.lastIndexOf("\n"), bytes.lastIndexOf("\r"));
}

const TAIL_BYTES = 16 * 1024;
/** What the service keeps of the tail of a heartbeat. */
export const TAIL_MAX_BYTES = 8 * 1024;
/** Together they fit into the output of a report, which has 256 KiB of JSON. */
const LOG_HEAD_BYTES = 64 * 1024;
const LOG_TAIL_BYTES = 160 * 1024;

/** Joining the chunks costs time for each byte that is kept, so many are joined at once. */
const CHUNKS_MAX = 1000;

export class Tail {
  readonly #maxBytes: number;
  #kept: Buffer = NOTHING;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  pushed = 0;

  constructor(maxBytes = TAIL_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** The last ones, with those around the text in which a secret can begin. */
  get bytes(): Buffer {
    if (this.#chunks.length > 0) {
      this.#kept = Buffer.concat([this.#kept, ...this.#chunks]).subarray(-this.#maxBytes - SPARE_BYTES);
      this.#chunks = [];
      this.#chunkBytes = 0;
    }
    return this.#kept;
  }

  push(chunk: Buffer): void {
    this.pushed += chunk.length;
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#chunkBytes > this.#maxBytes || this.#chunks.length > CHUNKS_MAX) this.#kept = Buffer.from(this.bytes);
  }

  /** At most `maxBytes` of well-formed text without colours and without `secrets`, as far as `masked` finds them. */
  text(secrets: readonly string[], maxBytes = this.#maxBytes): string {
    const kept = this.bytes.subarray(-maxBytes - SPARE_BYTES);
    const from = startOfLast(maxBytes, kept);
    // Colours first, because they could stand inside a secret.
    const spare = plainBytes(kept.subarray(0, from));
    const text = Buffer.from(masked(plainBytes(kept), secrets, spare.length), "utf8");
    return text.subarray(startOfLast(maxBytes, text)).toString("utf8");
  }
}

function plainBytes(bytes: Buffer): string {
  return stripVTControlCharacters(bytes.toString("utf8")).replaceAll("\0", "");
}

/** Where the last `count` bytes begin, but not in the middle of a character. */
function startOfLast(count: number, bytes: Buffer): number {
  let from = Math.max(0, bytes.length - count);
  while (from > 0 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  return from;
}

/** The last line that is not indented, because indented lines are details; or else the last one; or else empty. */
export function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return lines.findLast((line) => !/^\s/.test(line)) ?? lines.at(-1) ?? "";
}
