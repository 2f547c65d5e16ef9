/**
 * Server-Sent Events as the HTML standard parses them: bytes in, frames out. What a stream broke off in the middle of
 * is no frame. `id` and `event` are left unread, for each event's JSON holds its own number and type.
 */

/** Holds up no well-made event; keeps a stream that never ends its line from filling the memory. */
const FRAME_MAX_CHARACTERS = 1024 * 1024;

export interface Frame {
  /** The event's text; null for a frame that is none. */
  readonly data: string | null;
  /** A sign of life. */
  readonly isComment: boolean;
  /** How long a client is told to wait before it comes back. */
  readonly retryMs: number | null;
}

export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void> {
  let frame = new FrameParts();
  for await (const line of readLines(chunks)) {
    if (line !== "") {
      frame.add(line);
      continue;
    }
    const whole = frame.toFrame();
    frame = new FrameParts();
    if (whole !== null) yield whole;
  }
}

class FrameParts {
  readonly #data: string[] = [];
  #characters = 0;
  #isComment = false;
  #retryMs: number | null = null;

  add(line: string): void {
    this.#characters += line.length;
    if (this.#characters > FRAME_MAX_CHARACTERS) throw new Error("an event of the stream is too long");
    const [, name = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === "") this.#isComment = true;
    else if (name === "data") this.#data.push(value);
    else if (name === "retry" && /^[0-9]{1,9}$/.test(value)) this.#retryMs = Number(value);
  }

  toFrame(): Frame | null {
    const text = this.#data.join("\n");
    const data = text === "" ? null : text;
    if (data === null && !this.#isComment && this.#retryMs === null) return null;
    return { data, isComment: this.#isComment, retryMs: this.#retryMs };
  }
}

/** Lines that ended: by LF, CR LF or CR, wherever the chunks were cut. */
async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  let isAfterCr = false;
  for await (const chunk of chunks) {
    let text = decoder.decode(chunk, { stream: true });
    if (text === "") continue;
    // The other half of a line end that was already taken for one.
    if (isAfterCr && text.startsWith("\n")) text = text.slice(1);
    isAfterCr = text.endsWith("\r");
    const lines = `${rest}${text}`.split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    if (rest.length > FRAME_MAX_CHARACTERS) throw new Error("a line of the stream is too long");
    yield* lines;
  }
}
