/** An object of the archive while it is made: lines of text, compressed as they come. It is put as one buffer. */

/** An object that is larger ends. It must fit into the Worker's memory several times. */
const MAX_BYTES = 8_000_000;
/** Text that compresses well would take the time of an invocation before it takes its memory. */
const TEXT_MAX_BYTES = 64_000_000;

const READ_BYTES = 256 * 1024;

export class ArchivedObject {
  readonly #gzip = new CompressionStream("gzip");
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #encoder = new TextEncoder();
  readonly #chunks: Uint8Array[] = [];
  readonly #isRead: Promise<void>;
  #bytes = 0;
  #textBytes = 0;

  constructor() {
    this.#writer = this.#gzip.writable.getWriter();
    this.#isRead = this.#read();
    // An error is thrown by `add` or `end`.
    this.#isRead.catch(() => {});
  }

  /** Whether no more runs should be added. */
  get isFull(): boolean {
    return this.#bytes >= MAX_BYTES || this.#textBytes >= TEXT_MAX_BYTES;
  }

  async add(line: string): Promise<void> {
    const text = this.#encoder.encode(`${line}\n`);
    this.#textBytes += text.byteLength;
    await this.#writer.write(text);
  }

  async end(): Promise<Uint8Array<ArrayBuffer>> {
    await Promise.all([this.#writer.close(), this.#isRead]);
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.byteLength;
    }
    return whole;
  }

  /** By large buffers: each read takes a turn of the event loop, and a default one has 4 KB. */
  async #read(): Promise<void> {
    const reader = this.#gzip.readable.getReader({ mode: "byob" });
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(READ_BYTES));
      if (value !== undefined) {
        // A copy, because the rest of its buffer would stay in memory.
        this.#chunks.push(value.slice());
        this.#bytes += value.byteLength;
      }
      if (done) return;
    }
  }
}
