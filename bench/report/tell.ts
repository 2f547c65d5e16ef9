/** Shows the result: tables on the terminal, everything as JSON in a file, and code 1 if something is wrong. */
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { ROOT } from "../../src/dev/wrangler.ts";
import type { Flags } from "../flags.ts";
import { type Growth, growingStatements } from "../growth/growth.ts";
import { isBounded, type Memory } from "../isolate/memory.ts";
import type { Result } from "./result.ts";

const FOLDER = join(ROOT, ".wrangler", "bench");
const startedAt = new Date();

/** `file`: the name of the JSON's file, unless the flags have another. */
export function showResult(
  { json }: Pick<Flags, "json">,
  tables: readonly string[],
  file: string,
  measured: object,
): void {
  progress("");
  const path = json ?? join(FOLDER, file);
  const tookSeconds = Math.round((Date.now() - startedAt.getTime()) / 1000);
  write(path, `${JSON.stringify({ startedAt, tookSeconds, machine: machine(), ...measured }, null, 2)}\n`);
  console.log(`${tables.join("\n\n")}\n\n${machine()}. Took ${tookSeconds} s. The same as JSON: ${path}`);
}

/** Writes a file beside the JSON, and returns its path. */
export function keep(file: string, text: string): string {
  const path = join(FOLDER, file);
  write(path, text);
  return path;
}

export function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** The day and the machine of this run, because absolute numbers belong to one machine. */
export function caption(): string {
  return `${startedAt.toISOString().slice(0, 10)}, ${machine()}`;
}

function machine(): string {
  const [cores, memory] = [cpus(), Math.round(totalmem() / 2 ** 30)];
  const model = cores[0]?.model.trim() ?? "unknown processor";
  return `${cores.length} cores of ${model}, ${memory} GiB, ${platform()} ${arch()}, Node ${process.version}`;
}

/** The bench goes on, and ends with code 1. */
export function fail(sentence: string): void {
  console.error(sentence);
  process.exitCode = 1;
}

export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

export function judgeRatios({ failures, rows, brokenOff }: Result): void {
  if (brokenOff !== null) fail(`The bench broke off, because ${brokenOff}. The tables have what was measured before.`);
  if (failures === 0) return;
  const wrong = rows.find(({ firstFailure }) => firstFailure !== null);
  fail(`${failures} responses were wrong, so their rows have no ratio. The first: ${wrong?.firstFailure}`);
}

export function judgeGrowth(growth: Growth): void {
  for (const sentence of growingStatements(growth))
    fail(`A statement reads more rows if there are more runs: ${sentence}`);
}

export function judgeMemory(memory: readonly Memory[]): void {
  if (!isBounded(memory)) fail("The service's heap still grew in the second half of the requests.");
}
