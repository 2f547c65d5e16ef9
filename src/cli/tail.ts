/** Keeps the end of a command's output, for the report. PURE. */

import { stripVTControlCharacters } from "node:util";
import { masked } from "./mask.ts";

const TAIL_BYTES = 4096;
/** Kept before the tail, so that a secret that begins there is recognised and removed. */
const SPARE_BYTES = 4096;
const LAST_LINE_CHARACTERS = 500;

export class Tail {
  #kept: Buffer = Buffer.alloc(0);
  #pushed = 0;

  /** All bytes so far. */
  get pushed(): number {
    return this.#pushed;
  }

  push(chunk: Buffer): void {
    this.#pushed += chunk.length;
    const all = Buffer.concat([this.#kept, chunk.subarray(-TAIL_BYTES - SPARE_BYTES)]);
    this.#kept = all.subarray(-TAIL_BYTES - SPARE_BYTES);
  }

  /** At most 4 KiB of well-formed text without colours and without `secrets`, as far as `masked` finds them. */
  text(secrets: readonly string[]): string {
    const from = startOfLast(TAIL_BYTES, this.#kept);
    // Colours first, because they could stand inside a secret.
    const spare = plain(this.#kept.subarray(0, from));
    const text = Buffer.from(masked(plain(this.#kept), secrets, spare.length), "utf8");
    return text.subarray(startOfLast(TAIL_BYTES, text)).toString("utf8");
  }
}

function plain(bytes: Buffer): string {
  return stripVTControlCharacters(bytes.toString("utf8")).replaceAll("\0", "");
}

/** Where the last `count` bytes begin, but not in the middle of a character. */
function startOfLast(count: number, bytes: Buffer): number {
  let from = Math.max(0, bytes.length - count);
  while (from > 0 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  return from;
}

/** The last line that is not blank, cut to 500 characters; empty if there is none. */
export function lastLine(text: string): string {
  const line = text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .findLast((line) => line !== "");
  return (line ?? "").slice(0, LAST_LINE_CHARACTERS).toWellFormed();
}
