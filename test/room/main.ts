/**
 * `npm run test:room`: runs the tests of what differs from the main branch, and those that a change anywhere can break.
 * With paths as arguments, it runs the tests of these instead: `npm run test:room -- src/runs/scheduling.ts`. It does not
 * take the place of `npm test`.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { relative } from "node:path";
import { ROOT } from "../../src/dev/wrangler.ts";
import { projectsOf, roomOf } from "./room.ts";

const git = (...args: readonly string[]) =>
  execFileSync("git", args, { cwd: ROOT, encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");

/** What differs from where this branch left the main branch, with what is not committed and what is new. */
function changedFiles(): readonly string[] {
  const [base = "HEAD"] = git("merge-base", "HEAD", "main");
  return [...git("diff", "--name-only", base), ...git("ls-files", "--others", "--exclude-standard")];
}

const named = process.argv.slice(2).map((path) => relative(ROOT, path));
const changed = named.length > 0 ? named : changedFiles();
const tests = git("ls-files", "--cached", "--others", "--exclude-standard", "test").filter((file) =>
  file.endsWith(".test.ts"),
);
const { files, everywhere, unmirrored } = roomOf(changed, tests);
console.log(`Changed: ${changed.join(", ") || "nothing"}`);
console.log(`Runs ${files.length} of ${tests.length} test files: ${foldersOf(files)}.`);
console.log(
  `Leaves out: ${foldersOf(tests.filter((file) => !files.includes(file)))}. \`npm test\` and \`npm run test:tools\` run them.`,
);
if (everywhere.length > 0) console.log(`Reaches every test, so also run \`npm test\`: ${everywhere.join(", ")}`);
if (unmirrored.length > 0) console.log(`No test mirrors: ${unmirrored.join(", ")}`);
const projects = projectsOf(files).flatMap((name) => ["--project", name]);
const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...projects, ...files], {
  cwd: ROOT,
  stdio: "inherit",
});
process.exitCode = status ?? 1;

/** Each folder with the number of its files. */
function foldersOf(paths: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].map(([folder, count]) => `${folder} (${count})`).join(", ") || "nothing";
}
