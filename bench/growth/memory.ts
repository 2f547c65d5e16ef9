/** What the isolate holds when its service has been asked for this and that. */

import { readdirSync, readFileSync } from "node:fs";
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
  const socket = new WebSocket(inspector.href);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error(`no inspector at ${inspector}`)));
  });
  const ask = (id: number, method: string) =>
    new Promise<Record<string, number>>((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        const answer = JSON.parse(String(data)) as { id?: number; result?: Record<string, number> };
        if (answer.id === id) resolve(answer.result ?? {});
      });
      socket.send(JSON.stringify({ id, method }));
    });
  await ask(1, "HeapProfiler.collectGarbage");
  const { usedSize = Number.NaN, backingStorageSize = 0 } = await ask(2, "Runtime.getHeapUsage");
  socket.close();
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
