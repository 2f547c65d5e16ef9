/** Keeps the end of a command's output, for the report. PURE. */

import { stripVTControlCharacters } from "node:util";
import { masked } from "./mask.ts";

const TAIL_BYTES = 16 * 1024;
/** Kept before the tail, so that a secret that begins there is recognised and removed. */
const SPARE_BYTES = 4096;

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

  /** At most 16 KiB of well-formed text without colours and without `secrets`, as far as `masked` finds them. */
  text(secrets: readonly string[]): string {
    const from = startOfLast(TAIL_BYTES, this.#kept);
    // Colours first, because they could stand inside a secret.
    const spare = plainBytes(this.#kept.subarray(0, from));
    const text = Buffer.from(masked(plainBytes(this.#kept), secrets, spare.length), "utf8");
    return text.subarray(startOfLast(TAIL_BYTES, text)).toString("utf8");
  }
}

/** The text of bytes, without colours. */
export function plainBytes(bytes: Buffer): string {
  return stripVTControlCharacters(bytes.toString("utf8")).replaceAll("\0", "");
}

/** Where the last `count` bytes begin, but not in the middle of a character. */
function startOfLast(count: number, bytes: Buffer): number {
  let from = Math.max(0, bytes.length - count);
  while (from > 0 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  return from;
}

/**
 * The last line that is not indented, because indented lines are details of the line before them. If all are indented,
 * the last one. Empty if there is none.
 */
export function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return lines.findLast((line) => !/^\s/.test(line)) ?? lines.at(-1) ?? "";
}
