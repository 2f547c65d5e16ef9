/** Builds what is measured, and measures in the mode that the flags have. */

import { bulkWritesTable } from "./bulk-writes.ts";
import { measureChosen } from "./chosen.ts";
import { type Flags, readSizes } from "./flags.ts";
import { gapTable } from "./gap.ts";
import { growthTables, measureGrowth, type Plan, WHOLE } from "./growth/growth.ts";
import { measureMemory, memoryTable } from "./isolate/memory.ts";
import { drawPlot } from "./report/plot.ts";
import { toTable } from "./report/table.ts";
import { judgeGrowth, judgeMemory, judgeRatios, progress, showResult } from "./report/tell.ts";
import { build } from "./servers/build.ts";
import { measureTrial } from "./trial.ts";
import { writesTable } from "./writes.ts";

export async function run(flags: Flags): Promise<void> {
  const { databases, runs } = flags;
  const plan = { ...WHOLE, databases, rounds: flags.rounds ?? WHOLE.rounds };
  const sizes = flags.alone === "growth" ? readSizes(runs, plan.originals * databases) : [];
  if (!flags.built) {
    progress("building");
    // A profile has the names of the source.
    await build({ readable: flags.profiled.length > 0 });
  }
  if (flags.alone === "trial") return tryAll(flags);
  if (flags.alone === "growth") return grow(flags, plan, sizes);
  if (flags.alone === "memory") return weigh(flags);
  return measureChosen(flags);
}

async function tryAll(flags: Flags): Promise<void> {
  const trial = await measureTrial(progress);
  const { result, ...others } = trial;
  drawPlot(flags.plot, result);
  const tables = [
    toTable(result),
    writesTable(trial.writes),
    bulkWritesTable(trial.bulkWrites),
    gapTable(trial.gaps),
    growthTables(trial.growth),
    memoryTable(trial.memory),
  ];
  showResult(flags, tables, "trial.json", { ...result, ...others });
  judgeRatios(result);
  judgeGrowth(trial.growth);
  judgeMemory(trial.memory);
}

async function grow(flags: Flags, plan: Plan, sizes: readonly number[]): Promise<void> {
  const growth = await measureGrowth(sizes, plan, progress);
  showResult(flags, [growthTables(growth)], "growth.json", growth);
  judgeGrowth(growth);
}

async function weigh(flags: Flags): Promise<void> {
  const memory = await measureMemory(flags.requests, progress);
  showResult(flags, [memoryTable(memory)], "memory.json", { memory });
  judgeMemory(memory);
}
