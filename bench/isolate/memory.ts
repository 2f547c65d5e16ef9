/**
 * `npm run bench -- --memory`: the memory of workerd after many requests to the service, and for comparison after as
 * many to a bare hello and as many naive creates. The heap is measured after a collection, so it shows what is still
 * referenced. The resident size is the whole process: three isolates, D1, the objects' SQLite, and what the allocator
 * keeps.
 */

import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Generator, Job } from "../load/generator.ts";
import { markdown } from "../report/table.ts";
import { withLoad } from "../servers/loaded.ts";
import type { Server, ServerName } from "../servers/server.ts";
import { type Devtools, withDevtools } from "./devtools.ts";

interface Series {
  readonly operation: Job["operation"];
  readonly server: ServerName;
}

export const SERIES: readonly Series[] = [
  { operation: "hello", server: "limits" },
  { operation: "object write + D1 upsert", server: "limits" },
  { operation: "mixed", server: "service" },
];
const CALLERS = 16;
const POINTS = 10;
/** After this rest, the last alarm has rung and no timer of a request is left. A short run does not rest. */
const REST_MAX_MS = 10_000;
const POLL_MS = 20;
const MIB = 2 ** 20;
/**
 * The most that the service's heap may grow in the second half of the requests. The isolate remembers an ended run that
 * was read for a minute, and a fast machine sends all requests in less.
 */
const HEAP_GROWTH_MAX_BYTES = 4 * MIB;

interface Sample {
  readonly requests: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

export interface Memory {
  readonly operation: Job["operation"];
  /** The first sample is taken before any request, the last one after a rest. */
  readonly samples: readonly Sample[];
}

/** Weighs each series at servers that have not worked before. Throws if a response is wrong. */
export async function measureMemory(requests: number, onProgress: (text: string) => void): Promise<Memory[]> {
  const all: Memory[] = [];
  for (const series of SERIES) {
    const weighed = withLoad({ inspected: true, peers: ["limits"] }, ({ servers, generator }) =>
      weigh(series, servers, generator, requests, onProgress),
    );
    all.push(await weighed);
  }
  return all;
}

/** `servers`: they were opened with `inspected`. */
export async function weigh(
  { operation, server: name }: Series,
  servers: ReadonlyMap<ServerName, Server>,
  generator: Generator,
  requests: number,
  onProgress: (text: string) => void,
): Promise<Memory> {
  const server = servers.get(name);
  if (!server?.inspector) throw new Error(`the memory of ${name} can't be measured`);
  const samples = await withDevtools(server.inspector, async (devtools) => {
    const measureAt = (n: number) => sample(devtools, server, n);
    const samples = [await measureAt(0)];
    for (let point = 1; point <= POINTS; point++) {
      onProgress(`${operation}: ${point} of ${POINTS}`);
      const most = Math.ceil(requests / POINTS);
      const job = { operation, callers: CALLERS, forMs: Number.POSITIVE_INFINITY, most };
      const { failures, firstFailure } = await generator.run(job);
      if (failures > 0) throw new Error(`${failures} answers were wrong. The first: ${firstFailure}`);
      samples.push(await measureAt(point * most));
    }
    await delay(Math.min(REST_MAX_MS, requests));
    return [...samples, await measureAt(requests)];
  });
  return { operation, samples };
}

export function memoryTable(all: readonly Memory[]): string {
  const head = ["requests", ...all.flatMap(({ operation }) => [`${operation}: heap MiB`, "resident MiB"])];
  const lines = (all[0]?.samples ?? []).map(({ requests }, i) => [
    i === POINTS + 1 ? "after a rest" : String(requests),
    ...all.flatMap(({ samples }) => [mib(samples[i]?.heapBytes), mib(samples[i]?.residentBytes)]),
  ]);
  return markdown([head, ...lines]);
}

/** Whether the service's heap stopped growing. */
export function isBounded(all: readonly Memory[]): boolean {
  const samples = all.find(({ operation }) => operation === "mixed")?.samples ?? [];
  const [middle, last] = [samples[POINTS / 2], samples.at(-1)];
  if (middle === undefined || last === undefined) return false;
  return last.heapBytes - middle.heapBytes <= HEAP_GROWTH_MAX_BYTES;
}

async function sample(devtools: Devtools, { origin, pids }: Server, requests: number): Promise<Sample> {
  const collected = devtools("HeapProfiler.collectGarbage").then(() => true);
  // An idle isolate collects only when a request wakes it.
  while (!(await Promise.race([collected, delay(POLL_MS, false)]))) await (await fetch(origin)).text();
  const usage = (await devtools("Runtime.getHeapUsage")) as Readonly<Record<string, number>>;
  const { usedSize = Number.NaN, backingStorageSize = 0 } = usage;
  return { requests, heapBytes: usedSize + backingStorageSize, residentBytes: residentBytes(pids) };
}

/** The resident size of these processes. NaN on systems other than Linux. */
function residentBytes(pids: readonly number[]): number {
  try {
    const sizes = pids.map((pid) => {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    });
    return sizes.reduce((sum, bytes) => sum + bytes);
  } catch {
    return Number.NaN;
  }
}

function mib(bytes = Number.NaN): string {
  return (bytes / MIB).toFixed(1);
}
