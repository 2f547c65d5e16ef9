/** `npm run bench`: compares the service with the platform's own limits and a peer, in one run, and prints ratios. */

import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../src/dev/wrangler.ts";
import { build } from "./build.ts";
import { type BulkWrites, bulkWritesTable, measureBulkWrites } from "./bulk-writes.ts";
import { CALLERS } from "./comparisons.ts";
import { databasesTable, measureDatabases } from "./databases.ts";
import { type Gap, gapTable, measureGaps, QUICK as QUICK_GAP, WHOLE as WHOLE_GAP } from "./gap.ts";
import { withLoad } from "./generator.ts";
import {
  type Growth,
  growingStatements,
  growthTables,
  measureGrowth,
  WHOLE as WHOLE_GROWTH,
} from "./growth/growth.ts";
import { type Plan, QUICK, WHOLE } from "./measure.ts";
import { isBounded, type Memory, measureMemory, memoryTable } from "./memory.ts";
import { OPERATIONS, type OperationName } from "./operations.ts";
import { toSvg } from "./plot.ts";
import { hottest, profile } from "./profile.ts";
import { measureRatios } from "./ratios.ts";
import type { Result } from "./result.ts";
import { toTable } from "./table.ts";
import { measureTrial } from "./trial.ts";
import { measureWrites, type Writes, writesTable } from "./writes.ts";

const startedAt = new Date();
const USAGE = `npm run bench                              all, in about 17 minutes
npm run bench -- --quick                   the same with fewer and shorter rounds, in about 3 minutes
npm run bench -- --only create             only what is compared with this operation
npm run bench -- --only writes             only the rows written for a run, and the flights
npm run bench -- --only bulk               only the rows written by bulk operations
npm run bench -- --only gap                only the time from a report to the next run of a group
npm run bench -- --only databases          an environment in another database beside one in the first
npm run bench -- --profile create          where the time of one operation goes, as a .cpuprofile
                 --callers 64              how many callers then (1, 16 or 64)
npm run bench -- --rounds 1 --ms 100       how many rounds, and how long each operation runs in one
npm run bench -- --growth                  what a million runs change, beside 10 thousand
                 --runs 10000,100000       other numbers of runs
                 --databases 4             in four databases
npm run bench -- --memory                  what workerd holds after 200 thousand requests, in about 20 minutes
                 --requests 20000          after another number of requests
npm run bench -- --trial                   as little as possible of all of these, to try the bench itself

--built                                    measures what the last bench has built
--json FILE, --plot FILE                   where the result goes as JSON and as an SVG

Operations: ${Object.keys(OPERATIONS).join("; ")}`;

const FOLDER = join(ROOT, ".wrangler", "bench");
const { values: flags } = parseArgs({
  options: {
    help: { type: "boolean", short: "h" },
    quick: { type: "boolean", default: false },
    trial: { type: "boolean", default: false },
    only: { type: "string" },
    profile: { type: "string" },
    callers: { type: "string", default: "16" },
    rounds: { type: "string" },
    ms: { type: "string" },
    growth: { type: "boolean", default: false },
    runs: { type: "string" },
    databases: { type: "string" },
    memory: { type: "boolean", default: false },
    requests: { type: "string" },
    built: { type: "boolean", default: false },
    json: { type: "string" },
    plot: { type: "string" },
  },
});

if (flags.help) {
  console.log(USAGE);
  process.exit();
}
if (!flags.built) {
  progress("building");
  await build({ readable: flags.profile !== undefined });
}
if (flags.profile !== undefined) await profileOne(operationOf(flags.profile));
else if (flags.trial) await tryAll();
else if (flags.growth) await grow();
else if (flags.memory) await weigh();
else if (flags.only === "writes") await countWrites();
else if (flags.only === "bulk") await countBulkWrites();
else if (flags.only === "gap") await timeGaps();
else if (flags.only === "databases") await compareDatabases();
else await compare();

async function grow(): Promise<void> {
  const databases = numberOf(flags.databases, 1);
  if (databases > 4) refuse(`--databases takes 1 to 4.\n\n${USAGE}`);
  const sizes = sizesOf(flags.runs ?? "10000,1000000", WHOLE_GROWTH.originals * databases);
  const plan = { ...WHOLE_GROWTH, databases, rounds: numberOf(flags.rounds, WHOLE_GROWTH.rounds) };
  const growth = await measureGrowth(sizes, plan, progress);
  tell(growthTables(growth), "growth.json", growth);
  judgeGrowth(growth);
}

function judgeGrowth(growth: Growth): void {
  for (const sentence of growingStatements(growth)) {
    fail(`A statement reads more rows if there are more runs: ${sentence}`);
  }
}

async function weigh(): Promise<void> {
  const memory = await measureMemory(numberOf(flags.requests, 200_000), progress);
  tell(memoryTable(memory), "memory.json", { memory });
  judgeMemory(memory);
}

function judgeMemory(memory: readonly Memory[]): void {
  if (!isBounded(memory)) fail("The service's heap still grew in the second half of the requests.");
}

async function countWrites(): Promise<void> {
  const writes = await measureWrites(flightsForMs(), false, progress);
  tell(writesTable(writes), "writes.json", { writes });
}

async function countBulkWrites(): Promise<void> {
  const bulkWrites = await measureBulkWrites(false, progress);
  tell(bulkWritesTable(bulkWrites), "bulk-writes.json", { bulkWrites });
}

async function timeGaps(): Promise<void> {
  const gaps = await measureGaps(flags.quick ? QUICK_GAP : WHOLE_GAP, progress);
  tell(gapTable(gaps), "gap.json", { gaps });
}

/** Tables on the terminal, everything as JSON in a file. */
function tell(tables: string, file: string, measured: object): void {
  progress("");
  const json = flags.json ?? join(FOLDER, file);
  const tookSeconds = Math.round((Date.now() - startedAt.getTime()) / 1000);
  write(json, `${JSON.stringify({ startedAt, tookSeconds, machine: machine(), ...measured }, null, 2)}\n`);
  console.log(`${tables}\n\n${machine()}. Took ${tookSeconds} s. The same as JSON: ${json}`);
}

/** The machine that this ran on, because absolute numbers belong to one machine. */
function machine(): string {
  const [cores, memory] = [cpus(), Math.round(totalmem() / 2 ** 30)];
  const model = cores[0]?.model.trim() ?? "unknown processor";
  return `${cores.length} cores of ${model}, ${memory} GiB, ${platform()} ${arch()}, Node ${process.version}`;
}

function fail(sentence: string): void {
  console.error(sentence);
  process.exitCode = 1;
}

function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}

/** The operation of this name. Exits with the list of operations if there is none. */
function operationOf(name: string): OperationName {
  if (Object.hasOwn(OPERATIONS, name)) return name as OperationName;
  return refuse(`There is no operation "${name}". Use one of those below.\n\n${USAGE}`);
}

function numberOf(flag: string | undefined, usual: number): number {
  const n = Number(flag ?? usual);
  if (Number.isInteger(n) && n > 0) return n;
  return refuse(`"${flag}" is not a whole number over 0.\n\n${USAGE}`);
}

/** At least two numbers of runs, the smallest first. Exits with a message if the text is wrong. */
function sizesOf(text: string, originals: number): number[] {
  const sizes = text.split(",").map(Number);
  const isSize = (runs: number) => runs >= 4 * originals && runs % originals === 0;
  if (sizes.length >= 2 && sizes.every(isSize)) return sizes.toSorted((a, b) => a - b);
  return refuse(`--runs takes at least two multiples of ${originals} from ${4 * originals}: 10000,1000000`);
}

function flightsForMs(): number {
  return flags.quick || flags.ms !== undefined ? 1500 : 10_000;
}

async function compareDatabases(): Promise<void> {
  const measured = await measureDatabases(planOf(null), false, progress);
  tell(databasesTable(measured), "databases.json", measured);
  judgeRatios(measured.result);
}

function planOf(only: OperationName | null): Plan {
  const usual = flags.quick ? QUICK : WHOLE;
  const forMs = numberOf(flags.ms, usual.forMs);
  const warmUpMs = Math.min(usual.warmUpMs, forMs);
  return { ...usual, rounds: numberOf(flags.rounds, usual.rounds), forMs, warmUpMs, only };
}

async function compare(): Promise<void> {
  const only = flags.only === undefined ? null : operationOf(flags.only);
  const plan = planOf(only);
  const logged: string[] = [];
  const writes = only === null ? await measureWrites(flightsForMs(), false, progress) : null;
  const bulkWrites = only === null ? await measureBulkWrites(false, progress) : null;
  const gaps = only === null ? await measureGaps(flags.quick ? QUICK_GAP : WHOLE_GAP, progress) : null;
  progress("making runs to read");
  const onLog = (line: string) => logged.push(line);
  const result = await withLoad({ onLog }, (_, generator) =>
    measureRatios(generator, plan, logged, progress),
  );
  const tables = ratioTables(result, writes, bulkWrites, gaps);
  tell(tables, "result.json", { plan, ...result, writes, bulkWrites, gaps });
  judgeRatios(result);
}

/** Also makes the picture, if there is to be one. */
function ratioTables(
  result: Result,
  writes: Writes | null,
  bulkWrites: BulkWrites | null,
  gaps: readonly Gap[] | null,
): string {
  if (flags.plot !== undefined) {
    write(flags.plot, toSvg(result, `${startedAt.toISOString().slice(0, 10)}, ${machine()}`));
  }
  const more = [
    writes && writesTable(writes),
    bulkWrites && bulkWritesTable(bulkWrites),
    gaps && gapTable(gaps),
  ];
  return [toTable(result), ...more].filter((table) => table !== null).join("\n\n");
}

function judgeRatios({ failures, rows }: Result): void {
  if (failures === 0) return;
  const wrong = rows.find(({ firstFailure }) => firstFailure !== null);
  fail(`${failures} responses were wrong, so there are no ratios. The first: ${wrong?.firstFailure}`);
}

async function tryAll(): Promise<void> {
  const { result, writes, bulkWrites, gaps, growth, memory } = await measureTrial(progress);
  const ratios = ratioTables(result, writes, bulkWrites, gaps);
  const tables = [ratios, growthTables(growth), memoryTable(memory)];
  tell(tables.join("\n\n"), "trial.json", { ...result, writes, bulkWrites, gaps, growth, memory });
  judgeRatios(result);
  judgeGrowth(growth);
  judgeMemory(memory);
}

async function profileOne(operation: OperationName): Promise<void> {
  const callers = CALLERS.find((n) => String(n) === flags.callers);
  if (callers === undefined) return refuse(`--callers takes ${CALLERS.join(", ")}`);
  progress(`profiling ${operation}`);
  const profiled = await withLoad({ inspected: true }, (site, generator) =>
    profile(site.inspector(OPERATIONS[operation].server), generator, operation, callers),
  );
  progress("");
  const file = join(FOLDER, `${operation.replaceAll(/\W+/g, "-")}.cpuprofile`);
  write(file, JSON.stringify(profiled.profile));
  console.log(
    `${hottest(profiled)}\n\nOf ${profiled.answers} responses, by function. The whole profile: ${file}`,
  );
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}
