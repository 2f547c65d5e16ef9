/** The runtimes of this machine in which users may run the package. */

import { execFileSync } from "node:child_process";
import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";

export interface Runtime {
  /** Such as "node v22.23.3". */
  readonly name: string;
  /** The program and its options. A script and its arguments follow. */
  readonly start: readonly [program: string, ...options: string[]];
}

/** What `npm install` gives a user a choice of. Deno asks before each access, unless `-A` allows all. */
const PROGRAMS: readonly (readonly [program: string, ...options: string[]])[] = [
  ["node"],
  ["bun"],
  ["deno", "run", "-A"],
];

/** In these the package must work. */
const WANTED = ["node 22", "node 24", "bun", "deno"];
/** The oldest that package.json allows. */
const NODE_LEAST = 22;

/**
 * Each `node` from Node 22 on, `bun` and `deno` of this machine's PATH, and the Node of the tests. To try another one, put its folder
 * into PATH. A sentence says which are missing.
 */
export function runtimes(): readonly Runtime[] {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = new Map<string, Runtime>([nameAndStart([process.execPath])]);
  for (const [program, ...options] of PROGRAMS) {
    const files = folders.map((folder) => join(folder, program)).filter(isExecutable);
    for (const file of new Set(files.map((path) => realpathSync(path)))) {
      const [name, runtime] = nameAndStart([file, ...options], program);
      if (Number(/^node (\d+)/.exec(name)?.[1] ?? NODE_LEAST) < NODE_LEAST) continue;
      found.set(name, found.get(name) ?? runtime);
    }
  }
  const missing = WANTED.filter((wanted) => ![...found.keys()].some((name) => name.startsWith(wanted)));
  if (missing.length > 0) {
    process.stderr.write(`The package is not tried in ${missing.join(", ")}, because PATH does not have them.\n`);
  }
  return [...found.values()];
}

function nameAndStart(start: Runtime["start"], program = "node"): [name: string, runtime: Runtime] {
  const [, version] = /(\d+\.\d+\.\d+)/.exec(execFileSync(start[0], ["--version"], { encoding: "utf8" })) ?? [];
  const name = `${program} ${version}`;
  return [name, { name, start }];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
