/** `npm run bench`: the service beside the platform's own limits and a peer, in one run, as ratios. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../src/dev/wrangler.ts";
import { startGenerator } from "./generator.ts";
import { machine } from "./machine.ts";
import { type HopCount, measure, QUICK, WHOLE } from "./measure.ts";
import { toResult } from "./result.ts";
import { makeSeeds } from "./seeds.ts";
import { build, open } from "./site.ts";
import { toTable } from "./table.ts";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string", default: join(ROOT, ".wrangler", "bench", "result.json") },
  },
});

const progress = (text: string) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
};
const hops: HopCount = { requests: 0, d1: 0, coordinator: 0 };

const startedAt = new Date();
progress("building");
await build();
const site = await open({ onLog: countHops });
const generator = startGenerator();
try {
  progress("making runs to read");
  generator.setUp({ origins: site.origins, seeds: await makeSeeds(site) });
  const plan = { ...(flags.quick ? QUICK : WHOLE), only: flags.only ?? null };
  const result = toResult(await measure(generator, plan, hops, progress));
  progress("");
  const told = { startedAt, tookMs: Date.now() - startedAt.getTime(), machine: machine(), plan, ...result };
  mkdirSync(dirname(flags.json), { recursive: true });
  writeFileSync(flags.json, `${JSON.stringify(told, null, 2)}\n`);
  console.log(toTable(result));
  console.log(`\n${told.machine}. Took ${Math.round(told.tookMs / 1000)} s. The same as JSON: ${flags.json}`);
  if (result.failures > 0) {
    const wrong = result.rows.find(({ firstFailure }) => firstFailure !== null);
    console.error(
      `${result.failures} answers were wrong, so no ratio is told. The first: ${wrong?.firstFailure}`,
    );
    process.exitCode = 1;
  }
} finally {
  generator.stop();
  await site.stop();
}

function countHops(line: string): void {
  if (!line.includes('"event":"request"')) return;
  const { d1, coordinator } = JSON.parse(line) as { d1: number; coordinator: number };
  hops.requests++;
  hops.d1 += d1;
  hops.coordinator += coordinator;
}
