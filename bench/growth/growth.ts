/**
 * `npm run bench -- --growth`: what becomes of everything as runs grow from ten thousand to a million, in one
 * environment and spread over a hundred. Places of all sizes stand open at once and are asked in turn. Takes some
 * 4 GB of the folder for temporary files while it runs.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onStopSignal } from "../../src/dev/wrangler.ts";
import { type Busy, measureBusy } from "./busy.ts";
import { type Clerks, startClerks } from "./clerks.ts";
import type { Cold } from "./cold.ts";
import { measureDue } from "./dues.ts";
import { type Footprint, footprints } from "./footprint.ts";
import { type Growing, growing } from "./growing.ts";
import type { Memory } from "./memory.ts";
import {
  dueAtOnce,
  measureMemory,
  measureOperations,
  measureStarts,
  type Progress,
  rowsReadAt,
} from "./phases.ts";
import { type Filled, makePlaces } from "./places.ts";
import type { Series } from "./rounds.ts";
import type { Statement } from "./statements.ts";

/** Of a run that is in a D1 with its journal, and in another without; and what is written beside them on the way. */
const DISK_BYTES_PER_RUN = 4000;

export interface Growth {
  readonly sizes: readonly number[];
  /** For each operation: what was measured in one environment at each size, and spread over a hundred. */
  readonly operations: readonly { readonly one: readonly Series[]; readonly spread: readonly Series[] }[];
  readonly statements: readonly Growing[];
  readonly footprints: readonly Footprint[];
  readonly memory: readonly Memory[];
  readonly cold: Cold;
  readonly busy: Busy;
}

/** Throws where any answer is wrong. `sizes`: numbers of runs, from 2000 on. */
export async function growth(sizes: readonly number[], onProgress: Progress): Promise<Growth> {
  expectRoom(sizes);
  const folder = mkdtempSync(join(tmpdir(), "action-runs-growth-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  onStopSignal(() => process.exit(1));
  const clerks = startClerks();
  try {
    onProgress("filling the places");
    const places = await makePlaces(folder, sizes, clerks);
    // What the kernel still has to write would be written while it is measured.
    execFileSync("sync");
    return await measureGrowth(places, clerks, onProgress);
  } finally {
    clerks.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function expectRoom(sizes: readonly number[]): void {
  const { bavail, bsize } = statfsSync(tmpdir());
  const needed = sizes.reduce((sum, runs) => sum + runs, 0) * DISK_BYTES_PER_RUN;
  if (bavail * bsize >= needed) return;
  throw new Error(`${tmpdir()} has too little room: ${Math.ceil(needed / 1e9)} GB are needed`);
}

async function measureGrowth(
  places: readonly Filled[],
  clerks: Clerks,
  onProgress: Progress,
): Promise<Growth> {
  const inOne = places.filter(({ layout }) => layout === "one").toSorted((a, b) => a.runs - b.runs);
  const [smallest, largest] = [inOne[0], inOne.at(-1)];
  if (smallest === undefined || largest === undefined) throw new Error("there is nothing to measure");
  onProgress("bytes");
  const bytes = footprints(smallest, largest);
  onProgress("statements");
  // One at a time, for they are timed.
  const statements: Statement[][] = [];
  for (const place of inOne) statements.push(await clerks.statements(place));
  const rowsRead = [];
  for (const [i, place] of inOne.entries()) rowsRead.push(await rowsReadAt(place, statements[i] ?? []));
  const series = await measureOperations(places, clerks, onProgress);
  onProgress("starts");
  const cold = await measureStarts(largest);
  onProgress("memory");
  const memory = await measureMemory(inOne, clerks);
  for (const due of ["alarm", "retention"] as const) {
    onProgress(due);
    series.push(await measureDue(due, places, clerks));
  }
  onProgress("retention while callbacks come");
  const busy = await measureBusy(largest, dueAtOnce("busy", largest), clerks);
  return {
    sizes: inOne.map(({ runs }) => runs),
    operations: series.map((of) => ({
      one: of.filter(({ layout }) => layout === "one"),
      spread: of.filter(({ layout }) => layout === "spread"),
    })),
    statements: growing(statements, rowsRead),
    footprints: bytes,
    memory,
    cold,
    busy,
  };
}
