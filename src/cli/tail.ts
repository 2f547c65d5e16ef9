/** Keeps the end of a command's output, for the report. PURE. */

import { stripVTControlCharacters } from "node:util";

const TAIL_BYTES = 4096;
/** Kept before the tail, so that a secret that begins there is recognised and removed. */
const SPARE_BYTES = 512;
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

  /** At most 4 KiB of well-formed text without colours and without `secrets`. */
  text(secrets: readonly string[]): string {
    let text = this.#kept.toString("utf8");
    for (const secret of secrets) if (secret !== "") text = text.replaceAll(secret, "***");
    text = stripVTControlCharacters(text).replaceAll("\0", "");
    const bytes = Buffer.from(text, "utf8");
    if (bytes.length <= TAIL_BYTES) return text;
    let from = bytes.length - TAIL_BYTES;
    // Don't begin in the middle of a character.
    while (((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
    return bytes.subarray(from).toString("utf8");
  }
}

/** The last line that is not blank, cut to 500 characters; empty if there is none. */
export function lastLine(text: string): string {
  const line = text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .findLast((line) => line !== "");
  return (line ?? "").slice(0, LAST_LINE_CHARACTERS).toWellFormed();
}
