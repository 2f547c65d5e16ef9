/**
 * Parses Server-Sent Events as the HTML standard says: bytes in, frames out. A frame that breaks off is dropped. The
 * fields `id` and `event` are ignored, because each event's JSON holds its number and type.
 */

/** Far more than an event needs. Without a limit, a line that never ends would fill the memory. */
const FRAME_MAX_CHARACTERS = 1024 * 1024;

export interface Frame {
  /** The event's text; null if the frame has no event. */
  readonly data: string | null;
  /** A comment shows that the connection is alive. */
  readonly isComment: boolean;
  /** How long the server asks to wait before a reconnect. */
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

/** Complete lines, ended by LF, CR LF or CR, wherever the chunks are cut. */
async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  let isAfterCr = false;
  for await (const chunk of chunks) {
    let text = decoder.decode(chunk, { stream: true });
    if (text === "") continue;
    // The second half of a CR LF that was cut in two.
    if (isAfterCr && text.startsWith("\n")) text = text.slice(1);
    isAfterCr = text.endsWith("\r");
    const lines = `${rest}${text}`.split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    if (rest.length > FRAME_MAX_CHARACTERS) throw new Error("a line of the stream is too long");
    yield* lines;
  }
}
