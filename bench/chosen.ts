/** What `--only` and `--profile` choose, or all, one after another. */

import { bulkWritesTable, measureBulkWrites } from "./bulk-writes.ts";
import { databasesTable, measureDatabases } from "./databases.ts";
import type { Flags, Part } from "./flags.ts";
import { gapTable, measureGaps, QUICK, WHOLE } from "./gap.ts";
import { hottest, profileAll } from "./isolate/profile.ts";
import { USUAL } from "./rates/comparisons.ts";
import { measureRatios, peersOf } from "./rates/ratios.ts";
import { drawPlot } from "./report/plot.ts";
import type { Result } from "./report/result.ts";
import { toTable } from "./report/table.ts";
import { judgeRatios, keep, progress, showResult } from "./report/tell.ts";
import { withLoad } from "./servers/loaded.ts";
import { measureWrites, writesTable } from "./writes.ts";

/** What was measured: tables, JSON by name, and results whose failures make the bench fail. */
interface Chosen {
  readonly tables: readonly string[];
  readonly json: object;
  readonly results?: readonly Result[];
}

export async function measureChosen(flags: Flags): Promise<void> {
  const all: Chosen[] = [];
  for (const part of flags.parts) all.push(await PARTS[part](flags));
  if (flags.compared === null || flags.compared.length > 0) all.push(await compare(flags));
  if (flags.profiled.length > 0) all.push(await profile(flags));
  const tables = all.flatMap((chosen) => chosen.tables);
  showResult(flags, tables, "result.json", Object.assign({}, ...all.map(({ json }) => json)));
  for (const result of all.flatMap(({ results = [] }) => results)) judgeRatios(result);
}

const PARTS: Readonly<Record<Part, (flags: Flags) => Promise<Chosen>>> = {
  async writes({ batchesForMs }) {
    const writes = await measureWrites(batchesForMs, false, progress);
    return { tables: [writesTable(writes)], json: { writes } };
  },
  async bulk() {
    const bulkWrites = await measureBulkWrites(false, progress);
    return { tables: [bulkWritesTable(bulkWrites)], json: { bulkWrites } };
  },
  async gap({ quick }) {
    const gaps = await measureGaps(quick ? QUICK : WHOLE, progress);
    return { tables: [gapTable(gaps)], json: { gaps } };
  },
  async databases({ plan }) {
    const databases = await measureDatabases(plan, false, progress);
    return { tables: [databasesTable(databases)], json: { databases }, results: [databases.result] };
  },
};

async function compare(flags: Flags): Promise<Chosen> {
  const plan = { ...flags.plan, only: flags.compared };
  const logged: string[] = [];
  const onLog = (line: string) => logged.push(line);
  progress("making runs to read");
  return withLoad({ onLog, peers: peersOf(USUAL, plan) }, async (loaded) => {
    const result = await measureRatios(loaded, plan, logged, progress, USUAL);
    drawPlot(flags.plot, result);
    return { tables: [toTable(result)], json: { plan, ...result }, results: [result] };
  });
}

/** On servers of their own, because an inspector may cost what is compared. */
async function profile({ profiled, callers }: Flags): Promise<Chosen> {
  const profiles = await profileAll(profiled, callers, progress);
  const files = profiles.map(({ operation, ...one }) => {
    const file = `${operation.replaceAll(/\W+/g, "-")}.cpuprofile`;
    return { operation, callers, answers: one.answers, file: keep(file, JSON.stringify(one.profile)), one };
  });
  const tables = files.map(
    ({ operation, answers, file, one }) =>
      `${operation}, ${callers} callers:\n${hottest(one)}\n\nOf ${answers} responses, by function. The whole profile: ${file}`,
  );
  return { tables, json: { profiles: files.map(({ one: _, ...listed }) => listed) } };
}
