/** The archive of an environment, and a bucket whose puts a test can watch, hold and refuse. */

import { env } from "cloudflare:workers";
import { beforeEach } from "vitest";
import { scopeOfPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";

/** `committed_then_silence`: the object is written, and nobody hears of it. */
export type BucketFault = "down" | "hang" | "committed_then_silence";

interface Bucket {
  fault: BucketFault | null;
  /** Keys that somebody has tried to write, in order. */
  puts: string[];
  /** Puts that hang, to be carried out late. */
  late: (() => Promise<unknown>)[];
}

/** One for the isolate, shared by the Worker and the tests. */
export const bucket: Bucket = { fault: null, puts: [], late: [] };

/** Call it once in a file. */
export function useBucket(): void {
  beforeEach(() => {
    Object.assign(bucket, { fault: null, puts: [], late: [] });
    changed.ARCHIVE = {
      head: (key: string) => (bucket.fault === null ? env.ARCHIVE.head(key) : refuse(bucket.fault)),
      put: async (key: string, body: Uint8Array, options: R2PutOptions) => {
        bucket.puts.push(key);
        const put = () => env.ARCHIVE.put(key, body, options);
        const { fault } = bucket;
        if (fault === "hang") bucket.late.push(put);
        if (fault === "committed_then_silence") await put();
        return fault === null ? put() : refuse(fault);
      },
    };
  });
}

function refuse(fault: BucketFault): Promise<never> {
  return fault === "down" ? Promise.reject(new Error("put: Internal Error (10001)")) : new Promise(() => {});
}

export interface ArchivedLine {
  readonly id: string;
  readonly status: string;
  readonly completedAt: string;
  readonly details: Record<string, unknown>;
  readonly timeline: readonly Record<string, unknown>[];
}

/** The lines of each object of the environment, by its key. */
export async function objectsOf(path: string): Promise<Map<string, ArchivedLine[]>> {
  const prefix = `v1/${scopeOfPath(path)}/`;
  const objects = new Map<string, ArchivedLine[]>();
  for (const { key } of (await env.ARCHIVE.list({ prefix })).objects) {
    const object = await env.ARCHIVE.get(key);
    if (object === null) throw new Error(`${key} is gone`);
    const gzip = new DecompressionStream("gzip");
    const text = await new Response(object.body.pipeThrough(gzip)).text();
    if (!text.endsWith("\n")) throw new Error(`${key} does not end with a line`);
    objects.set(
      key,
      text
        .slice(0, -1)
        .split("\n")
        .map((line) => JSON.parse(line)),
    );
  }
  return objects;
}

/** Ids of the archived runs, those of each object in its order. An id in two objects is there twice. */
export async function archivedIds(path: string): Promise<string[]> {
  return [...(await objectsOf(path)).values()].flat().map(({ id }) => id);
}
