/** What the isolate holds when its service has been asked for this and that. */

import { readdirSync, readFileSync } from "node:fs";
import { connect } from "../devtools.ts";
import type { Standing } from "./place.ts";

export interface Memory {
  readonly runs: number;
  /** Of the isolate with Worker and objects: used by its heap, and by buffers beside it, after a collection. */
  readonly heapBytes: number;
  /** What workerd's process holds, D1 and page caches included; null where it can't be told. */
  readonly residentBytes: number | null;
}

/** Of the one place that is open, with its inspector. */
export async function memoryOf({ place, inspector }: Standing): Promise<Memory> {
  if (inspector === null) throw new Error("the place was opened without its inspector");
  const devtools = await connect(inspector);
  await devtools("HeapProfiler.collectGarbage");
  const usage = (await devtools("Runtime.getHeapUsage")) as Readonly<Record<string, number>>;
  const { usedSize = Number.NaN, backingStorageSize = 0 } = usage;
  devtools.close();
  return { runs: place.runs, heapBytes: usedSize + backingStorageSize, residentBytes: residentBytes() };
}

/** Of the one workerd that this process has started; Linux tells. */
function residentBytes(): number | null {
  try {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    for (const pid of pids) {
      const status = statusOf(pid);
      if (!status.includes(`PPid:\t${process.pid}\n`) || !/^Name:\tworkerd/.test(status)) continue;
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    }
  } catch {
    // Not Linux.
  }
  return null;
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    // It has ended meanwhile.
    return "";
  }
}
