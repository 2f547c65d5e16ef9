/**
 * Finds the first line of a command's output that names a failure, while the output streams by. The work for each byte
 * is bounded, whatever the command prints.
 */

import { masked } from "./mask.ts";
import { withoutColours } from "./output.ts";
import { plainBytes } from "./tail.ts";

/** A longer line is judged by its beginning. */
const LINE_MAX_BYTES = 4096;
/** Kept on both sides of the line, so that a secret is recognised of which the line has only a part. */
const SPARE_BYTES = 4096;
const LF = 0x0a;
const CR = 0x0d;

const WORDS = ["error", "fatal", "failed", "failure", "exception", "panic", "traceback"];
/** Most lines have none of the words, so they need no further look. */
const HAS_ONE = new RegExp(WORDS.join("|"), "i");
const WORD = /[\p{L}\p{N}_]+/gu;
/** `0 failed` and `no error` are good news. */
const DENIALS = ["0", "no"];

/** Whether a line names a failure. Linear in the line's length: each character belongs to one word. PURE. */
export function namesFailure(line: string): boolean {
  if (!HAS_ONE.test(line)) return false;
  let before = "";
  for (const [word] of withoutColours(line).matchAll(WORD)) {
    if (WORDS.includes(lastPart(word)) && !DENIALS.includes(before)) return true;
    before = word.toLowerCase();
  }
  return false;
}

/** `error` of `TypeError` and of `OSError`, because programs name their errors so. In lower case. */
function lastPart(word: string): string {
  for (let at = word.length - 1; at > 0; at--) {
    const isFirst = isUpper(word[at]) && (!isUpper(word[at - 1]) || isLower(word[at + 1]));
    if (isFirst) return word.slice(at).toLowerCase();
  }
  return word.toLowerCase();
}

function isUpper(character = ""): boolean {
  return character >= "A" && character <= "Z";
}

function isLower(character = ""): boolean {
  return character >= "a" && character <= "z";
}

/** The line that names a failure, with what stands around it. */
interface Found {
  readonly before: Buffer;
  readonly line: Buffer;
  after: Buffer;
}

/** The lines of stdout or of stderr. Each stream needs its own, because their lines come in pieces. */
export class FailureLine {
  /** The current line, after what came before it. */
  #kept: Buffer = Buffer.alloc(0);
  /** Where the current line begins in `#kept`. */
  #start = 0;
  /** Whether the current line is too long, and its beginning names no failure. */
  #isSkipped = false;
  #found: Found | null = null;

  get isFound(): boolean {
    return this.#found !== null;
  }

  push(chunk: Buffer): void {
    if (this.#found !== null) {
      const { after } = this.#found;
      this.#found.after = Buffer.concat([after, chunk.subarray(0, SPARE_BYTES - after.length)]);
      return;
    }
    const all = Buffer.concat([this.#kept, chunk]);
    let start = this.#start;
    // Most of the output has none of the words. Then only its last line can still get one.
    const first = HAS_ONE.test(all.toString("latin1")) ? this.#kept.length : lastLineEnd(all);
    for (let at = Math.max(first, this.#kept.length); at < all.length; at++) {
      if (all[at] !== LF && all[at] !== CR) continue;
      if (!this.#isSkipped) this.#judge(all, start, at);
      if (this.isFound) return;
      this.#isSkipped = false;
      start = at + 1;
    }
    if (!this.#isSkipped && all.length - start >= LINE_MAX_BYTES) {
      this.#judge(all, start, all.length);
      this.#isSkipped = true;
    }
    if (this.#isSkipped) start = all.length;
    const from = Math.max(start - SPARE_BYTES, 0);
    this.#kept = Buffer.from(all.subarray(from));
    this.#start = start - from;
  }

  /** Judges a last line without a line end. */
  end(): void {
    if (this.#found === null && !this.#isSkipped) this.#judge(this.#kept, this.#start, this.#kept.length);
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

  #judge(all: Buffer, start: number, end: number): void {
    const to = Math.min(end, start + LINE_MAX_BYTES);
    const line = all.subarray(start, to);
    if (!namesFailure(line.toString("utf8"))) return;
    const before = all.subarray(Math.max(start - SPARE_BYTES, 0), start);
    this.#found = { before, line, after: all.subarray(to, to + SPARE_BYTES) };
  }
}

/** -1 if there is none. */
function lastLineEnd(bytes: Buffer): number {
  return Math.max(bytes.lastIndexOf(LF), bytes.lastIndexOf(CR));
}
