/**
 * `npm run mutants`: plants each fault of faults.ts in the working tree, runs the tests that must notice it, and takes it
 * out again. Names of faults as arguments choose some; `--list` only says whether each can be planted. Exits with 1 if a
 * fault lived, or could not be planted because its text has changed.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { collect, ROOT } from "../../src/dev/wrangler.ts";
import { projectsOf } from "../room/room.ts";
import { FAULTS, type Fault, planted } from "./faults.ts";

/** A fault that makes a test hang is noticed too. */
const RUN_MAX_MS = 600_000;

const { values, positionals } = parseArgs({
  options: { list: { type: "boolean", default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !FAULTS.some((fault) => fault.name === name));
if (unknown.length > 0) throw new Error(`There is no fault ${unknown.join(", ")} in test/mutants/faults.ts.`);
const chosen = FAULTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
const lived: string[] = [];
const unplanted: string[] = [];
for (const fault of chosen) {
  const place = placeOf(fault);
  if (place === null) {
    unplanted.push(fault.name);
    console.log(`can't be planted: ${fault.name}`);
  } else if (!values.list) {
    const startedAt = Date.now();
    const verdict = (await isNoticed(fault, place)) ? "noticed" : "LIVED";
    if (verdict === "LIVED") lived.push(fault.name);
    console.log(`${verdict} after ${Math.round((Date.now() - startedAt) / 1000)} s: ${fault.name}`);
  }
}
if (unplanted.length > 0)
  console.error(`Their text has changed, so adapt test/mutants/faults.ts: ${unplanted.join(", ")}`);
if (lived.length > 0) console.error(`No test noticed these faults: ${lived.join(", ")}`);
else if (unplanted.length === 0)
  console.log(values.list ? "All can be planted." : `All ${chosen.length} faults were noticed.`);
process.exitCode = lived.length + unplanted.length > 0 ? 1 : 0;

interface Place {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/** Null if the text is not there, or more than once. */
function placeOf(fault: Fault): Place | null {
  const places = sources(join(ROOT, fault.room)).flatMap((file) => {
    const before = readFileSync(file, "utf8");
    return planted(before, fault).map((after) => ({ file, before, after }));
  });
  return places.length === 1 ? (places[0] ?? null) : null;
}

function sources(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return names.filter((name) => /\.tsx?$/.test(name)).map((name) => join(path, name));
}

async function isNoticed({ tests }: Fault, { file, before, after }: Place): Promise<boolean> {
  const restore = () => writeFileSync(file, before);
  const interrupted = () => process.exit(130);
  process.on("exit", restore);
  process.on("SIGINT", interrupted);
  process.on("SIGTERM", interrupted);
  writeFileSync(file, after);
  try {
    const projects = projectsOf(tests).flatMap((name) => ["--project", name]);
    const run = spawn(process.execPath, [vitest, "run", "--bail", "1", ...projects, ...tests], {
      cwd: ROOT,
      timeout: RUN_MAX_MS,
      env: { ...process.env, CI: "true", NO_COLOR: "1" },
    });
    const printed = collect(run);
    const [code] = await once(run, "close");
    if (code !== 0 && /No test files found/.test(printed()))
      throw new Error(`No test has the names ${tests.join(", ")}.`);
    return code !== 0;
  } finally {
    restore();
    process.off("exit", restore);
    process.off("SIGINT", interrupted);
    process.off("SIGTERM", interrupted);
  }
}
