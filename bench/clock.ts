/** The clocks of the bench: the machine's, and the processor time of process trees. Only Linux tells the latter, by /proc. */

import { readdirSync, readFileSync } from "node:fs";

/** The machine's monotonic clock in ms. All processes share it, so they can compare their instants. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Nanoseconds that each process of these trees has had so far, by its id. Null if the system does not tell. A thread
 * that has ended is missing, and so is a child that has ended.
 */
type CpuTimes = ReadonlyMap<number, number>;

export function cpuTimes(roots: readonly number[]): CpuTimes | null {
  const times = new Map<number, number>();
  try {
    for (const root of roots) add(root, times);
  } catch {
    return null;
  }
  return times.size === 0 ? null : times;
}

/** Microseconds that were used between the two. Null if one of them is. */
export function usedUs(before: CpuTimes | null, after: CpuTimes | null): number | null {
  if (before === null || after === null) return null;
  const used = [...after].reduce((sum, [pid, ns]) => sum + ns - (before.get(pid) ?? 0), 0);
  return used / 1000;
}

/** Throws if the root has ended, or if there is no /proc. */
function add(pid: number, times: Map<number, number>): void {
  let ns = 0;
  const children: number[] = [];
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    ns += Number(read(`${folder}/schedstat`).split(" ")[0]);
    children.push(...read(`${folder}/children`).split(" ").filter(Boolean).map(Number));
  }
  times.set(pid, ns);
  for (const child of children) {
    try {
      add(child, times);
    } catch {
      // The child has ended meanwhile.
    }
  }
}

/** Empty if the thread has ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}
