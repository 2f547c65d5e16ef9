/**
 * Writes one object of the archive, in a Worker invocation of its own, so that compressing and the bucket delay no
 * caller of the coordinator. It decides nothing about runs, and it asks the coordinator before it writes.
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import { within } from "../../../base/time.ts";
import type { Env } from "../../../settings/env.ts";
import type { ArchiveAnswer, Archiver, ArchiveTry } from "../../archive-calls.ts";
import { callCoordinator } from "../../coordinator-client.ts";
import type { Coordinator } from "../../protocol.ts";
import { ArchivedObject } from "./archived-object.ts";

/** The timeout of the bucket. A write that finishes later is harmless, because each try writes the same runs. */
const PUT_MAX_MS = 20_000;

export class RunArchive extends WorkerEntrypoint<Env> implements Archiver {
  async write(archiveTry: ArchiveTry): Promise<ArchiveAnswer> {
    const { ARCHIVE } = this.env;
    if (ARCHIVE === undefined) return { type: "bucket_failed", error: "ARCHIVE is not bound" };
    let made: { readonly key: string; readonly body: Uint8Array<ArrayBuffer> } | null;
    try {
      made = await this.#make(archiveTry);
    } catch (error) {
      return { type: "failed", error: String(error) };
    }
    if (made === null) return { type: "not_written" };
    const { key, body } = made;
    try {
      await within(PUT_MAX_MS, ARCHIVE.put(key, body, { httpMetadata: { contentType: "application/gzip" } }));
    } catch (error) {
      return { type: "bucket_failed", error: String(error) };
    }
    return { type: "written" };
  }

  /** The object. Null if it must not be written. */
  async #make({ id, scope, isSealed }: ArchiveTry) {
    const hops = { coordinator: 0 };
    const ask = <T>(call: (coordinator: Coordinator) => Promise<T>) => callCoordinator(this.env, hops, scope, call);
    const object = new ArchivedObject();
    const ids: string[] = [];
    let count = 0;
    for (let isOver = false; !isOver; ) {
      const page = await ask((coordinator) => coordinator.archive.page(id, count));
      if (page === null) return null;
      isOver = page.length === 0;
      for (const run of page) {
        count++;
        if (run.line === null) continue;
        await object.add(run.line);
        ids.push(run.id);
        isOver = object.isFull && !isSealed;
        if (isOver) break;
      }
    }
    const [body, hash] = await Promise.all([object.end(), hashOf(ids)]);
    const key = await ask((coordinator) => coordinator.archive.seal(id, count, hash));
    return key === null ? null : { key, body };
  }
}

/** 128 bits, so that no two objects have one key. */
async function hashOf(ids: readonly string[]): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(ids.join("\n")));
  return new Uint8Array(digest).subarray(0, 16).toHex();
}
