/** The bench's workerd does not outlive the bench, however the bench ends. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";
import { QUICK_FILES } from "../server/quick-files.ts";
import { until } from "../server/until.ts";

const folder = mkdtempSync(join(QUICK_FILES, "action-runs-bench-runtime-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A bench that starts a workerd, and measures for ever. */
const BENCH = `
  import { startRuntime } from "./bench/runtime.ts";
  const script = "export default { fetch: () => new Response() }";
  const { pids } = await startRuntime(process.argv[1], { workers: [{ name: "w", modules: true, script }] });
  console.log(pids.join());
  setInterval(() => {}, 1000);`;

it("ends when the bench is killed", async () => {
  const args = ["--no-warnings", "--input-type=module", "--eval", BENCH, folder];
  const bench = execFile(process.execPath, args, { cwd: ROOT });
  const [pid] = await once(createInterface(bench.stdout ?? process.stdin), "line");
  expect(isAlive(Number(pid))).toBe(true);
  bench.kill("SIGKILL");
  await until("workerd has ended", () => !isAlive(Number(pid)));
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
