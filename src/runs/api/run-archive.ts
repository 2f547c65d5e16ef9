/** Writes an object of the archive in an invocation of its own, so that the bucket delays no call of the coordinator. */
import { WorkerEntrypoint } from "cloudflare:workers";
import { sha256Hex } from "../../base/json.ts";
import { logFailure } from "../../base/log.ts";
import { within } from "../../base/time.ts";
import type { Env } from "../../settings/env.ts";
import { type ArchiveAnswer, type Archiver, type ArchiveTry, type Coordinator, callCoordinator } from "../protocol.ts";

/** The timeout of the bucket. A write that finishes later is harmless, because each try writes the same runs. */
const PUT_MAX_MS = 20_000;

export class RunArchive extends WorkerEntrypoint<Env> implements Archiver {
  async write(archiveTry: ArchiveTry): Promise<ArchiveAnswer> {
    const { ARCHIVE } = this.env;
    if (ARCHIVE === undefined) return { type: "failed", error: "ARCHIVE is not bound" };
    try {
      const made = await this.#make(archiveTry);
      if (made === null) return { type: "not_written" };
      const { key, body } = made;
      await within(PUT_MAX_MS, ARCHIVE.put(key, body, { httpMetadata: { contentType: "application/gzip" } }));
      return { type: "written" };
    } catch (error) {
      return { type: "failed", error: String(error) };
    }
  }

  /** The object. Null if it must not be written. */
  async #make({ id, scope, isSealed }: ArchiveTry) {
    const hops = { coordinator: 0 };
    const ask = <T>(call: (coordinator: Coordinator) => Promise<T>) => callCoordinator(this.env, hops, scope, call);
    const object = new ArchivedObject();
    const ids: string[] = [];
    for (let isOver = false; !isOver; ) {
      const page = await ask(({ archive }) => archive.page(id, ids.length));
      if (page === null) return null;
      isOver = page.length === 0;
      for (const { id: runId, line } of page) {
        await object.add(line);
        ids.push(runId);
        isOver = object.isFull && !isSealed;
        if (isOver) break;
      }
    }
    const [body, hash] = await Promise.all([object.end(), sha256Hex(ids.join("\n"))]);
    // 128 bits, so that no two objects have one key.
    const key = await ask(({ archive }) => archive.seal(id, ids.length, hash.slice(0, 32)));
    return key === null ? null : { key, body };
  }
}

/** An object that is larger ends. It must fit into the Worker's memory several times. */
const MAX_BYTES = 8_000_000;
/** Text that compresses well would take the time of an invocation before it takes its memory. */
const TEXT_MAX_BYTES = 64_000_000;

const READ_BYTES = 256 * 1024;

/** An object of the archive while it is made: lines of text, compressed as they come. It is put as one buffer. */
class ArchivedObject {
  readonly #gzip = new CompressionStream("gzip");
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #encoder = new TextEncoder();
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  readonly #isRead: Promise<void>;
  #bytes = 0;
  #textBytes = 0;

  constructor() {
    this.#writer = this.#gzip.writable.getWriter();
    this.#isRead = this.#read();
    // An error is thrown by `add` or `end`.
    this.#isRead.catch(() => {});
  }

  get isFull(): boolean {
    return this.#bytes >= MAX_BYTES || this.#textBytes >= TEXT_MAX_BYTES;
  }

  async add(line: string): Promise<void> {
    const text = this.#encoder.encode(`${line}\n`);
    this.#textBytes += text.byteLength;
    await this.#writer.write(text);
  }

  async end(): Promise<ArrayBuffer> {
    await Promise.all([this.#writer.close(), this.#isRead]);
    return new Blob(this.#chunks).arrayBuffer();
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

const ANSWER_MAX_MS = 5000;
/** No object has this key, because each key goes on behind it. */
const NO_OBJECT = "v1/";

/** Null if none is bound. The cron asks, because a readiness check must not cost an operation each. Never throws. */
export async function archiveStatus({ ARCHIVE }: Pick<Env, "ARCHIVE">): Promise<"ready" | "not_answering" | null> {
  if (ARCHIVE === undefined) return null;
  try {
    await within(ANSWER_MAX_MS, ARCHIVE.head(NO_OBJECT));
    return "ready";
  } catch (error) {
    logFailure("archive_not_answering", error, {});
    return "not_answering";
  }
}
