/**
 * `node bench/simulation/main.ts [--seed n]`: how large groups get and how long a create takes, by offered load. The
 * same seed prints the same, to the byte.
 */

import { parseArgs } from "node:util";
import { checks, describe, isMet } from "./checks.ts";
import {
  LOADS,
  MANY_ENVIRONMENTS,
  manyEnvironments,
  ONE_ENVIRONMENT,
  OUTAGE,
  type OutageCase,
  oneEnvironment,
  throughOutage,
} from "./scenarios.ts";
import { SAME_REGION, SETTINGS, SLOW_WRITES } from "./settings.ts";
import { table } from "./table.ts";

const ENVIRONMENTS = [
  { setting: SAME_REGION, counts: [10, 50, 100, 200, 240, 300, 500, 800] },
  { setting: SLOW_WRITES, counts: [10, 40, 48, 60, 100, 200, 400, 500] },
] as const;
const SHORT_OUTAGE: OutageCase = {
  createsPerSecond: 400,
  coordinators: 4,
  outage: { fromMs: 10_000, untilMs: 40_000 },
  tellFromMs: 0,
  endMs: 60_000,
};
const LONG_OUTAGE: OutageCase = {
  createsPerSecond: 350,
  coordinators: 1,
  outage: { fromMs: 10_000, untilMs: 170_000 },
  tellFromMs: 130_000,
  endMs: 190_000,
};

const { values } = parseArgs({ options: { seed: { type: "string", default: "1" } } });
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed)) throw new Error("--seed takes a whole number");
const say = (text: string) => process.stdout.write(`${text}\n`);

say(`seed ${seed}`);
const checked = await checks(seed);
for (const check of checked) say(describe(check));
if (!checked.every(isMet)) process.exitCode = 1;

for (const setting of SETTINGS) {
  say(`\n## One environment, four coordinators, one D1: ${setting.name}\n`);
  const rows = [];
  for (const load of LOADS) rows.push(await oneEnvironment(setting, load, seed));
  say(table(ONE_ENVIRONMENT, rows));
}
for (const { setting, counts } of ENVIRONMENTS) {
  say(`\n## Many environments of 4 creates/s each, one D1: ${setting.name}\n`);
  const rows = [];
  for (const count of counts) rows.push(await manyEnvironments(setting, count, seed));
  say(table(MANY_ENVIRONMENTS, rows));
}
for (const what of [SHORT_OUTAGE, LONG_OUTAGE]) {
  const { coordinators, createsPerSecond } = what;
  say(
    `\n## D1 fails for a while: coordinators ${coordinators}, ${createsPerSecond} creates/s, ${SAME_REGION.name}\n`,
  );
  say(table(OUTAGE, await throughOutage(what, seed)));
}
