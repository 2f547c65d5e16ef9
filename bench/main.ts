/** `npm run bench`: compares the service with the platform's own limits and with peers, and prints ratios. */

import { build } from "./build.ts";
import { bulkWritesTable } from "./bulk-writes.ts";
import { measureChosen } from "./chosen.ts";
import { readFlags, readSizes } from "./flags.ts";
import { gapTable } from "./gap.ts";
import { growthTables, measureGrowth, WHOLE } from "./growth/growth.ts";
import { judgeGrowth, judgeMemory, judgeRatios } from "./judge.ts";
import { measureMemory, memoryTable } from "./memory.ts";
import { drawPlot } from "./plot.ts";
import { toTable } from "./table.ts";
import { progress, tell } from "./tell.ts";
import { measureTrial } from "./trial.ts";
import { writesTable } from "./writes.ts";

const flags = readFlags();
const { databases, requests, runs } = flags;
const plan = { ...WHOLE, databases, rounds: flags.rounds ?? WHOLE.rounds };
const sizes = flags.alone === "growth" ? readSizes(runs, plan.originals * databases) : [];
if (!flags.built) {
  progress("building");
  // A profile has the names of the source.
  await build({ readable: flags.profiled.length > 0 });
}
if (flags.alone === "trial") await tryAll();
else if (flags.alone === "growth") await grow();
else if (flags.alone === "memory") await weigh();
else await measureChosen(flags);

async function tryAll(): Promise<void> {
  const trial = await measureTrial(progress);
  const { result, missing, ...others } = trial;
  drawPlot(flags.plot, result);
  const tables = [
    ...[...missing, toTable(result), writesTable(trial.writes), bulkWritesTable(trial.bulkWrites)],
    ...[gapTable(trial.gaps), growthTables(trial.growth), memoryTable(trial.memory)],
  ];
  tell(flags, tables, "trial.json", { ...result, missing, ...others });
  judgeRatios(result);
  judgeGrowth(trial.growth);
  judgeMemory(trial.memory);
}

async function grow(): Promise<void> {
  const growth = await measureGrowth(sizes, plan, progress);
  tell(flags, [growthTables(growth)], "growth.json", growth);
  judgeGrowth(growth);
}

async function weigh(): Promise<void> {
  const memory = await measureMemory(requests, progress);
  tell(flags, [memoryTable(memory)], "memory.json", { memory });
  judgeMemory(memory);
}
