/**
 * Looks for the parameters and the schema whose check takes the most CPU: `npm run bench:validation`. It tries random
 * ones within the limits, then variants of the worst so far, and prints the worst. A validation may take 100 ms at
 * most: if one takes longer, its work has too few steps (`src/json-schema/step-budget.ts`).
 *
 *   -- --seconds 120   how long it looks
 *   -- --seed 7        tries the same again
 */

import { parseArgs } from "node:util";
import { INPUTS_MAX_BYTES, utf8Bytes, VALIDATION_MAX_STEPS } from "../src/base/limits.ts";
import { type CheckedSchema, checkSchema } from "../src/json-schema/check-schema.ts";
import { validate } from "../src/json-schema/validate.ts";
import { Chance } from "./validation/chance.ts";
import { randomCase, type Trial, variant } from "./validation/trials.ts";

const SHOWN = 12;
const VARIANTS_OF = 6;
/** The first runs of a process also compile it. */
const WARM_UP = 40;

interface Measured {
  readonly trial: Trial;
  /** CPU of the first validation after the schema was checked, and of the best of three more. */
  readonly firstMs: number;
  readonly bestMs: number;
  readonly checkMs: number;
  readonly steps: number;
}

const { values: flags } = parseArgs({
  options: { seconds: { type: "string", default: "120" }, seed: { type: "string", default: "1" } },
});
const chance = new Chance(Number(flags.seed));
const endsAt = performance.now() + Number(flags.seconds) * 1000;
const worst: Measured[] = [];
let worstCheckMs = 0;
let tried = 0;

for (let i = 0; i < WARM_UP; i++) measure(randomCase(chance));
while (performance.now() < endsAt) {
  const parent = worst[chance.below(VARIANTS_OF)];
  const trial = parent !== undefined && chance.is(0.5) ? variant(parent.trial, chance) : randomCase(chance);
  const measured = measure(trial);
  if (measured === null) continue;
  tried++;
  worstCheckMs = Math.max(worstCheckMs, measured.checkMs);
  worst.push(measured);
  worst.sort((a, b) => b.bestMs - a.bestMs);
  worst.length = Math.min(worst.length, SHOWN);
}

console.log(`${tried} schemas tried. The longest check of a schema took ${worstCheckMs.toFixed(0)} ms.`);
console.log("first ms | best ms | ns a step | steps | schema and parameters");
for (const { trial, firstMs, bestMs, steps } of worst) {
  const nanoseconds = ((bestMs * 1e6) / steps).toFixed(0);
  const shown = `${cut(JSON.stringify(trial.subschema), 160)} ${cut(JSON.stringify(trial.parameters), 60)}`;
  console.log([firstMs.toFixed(0), bestMs.toFixed(0), nanoseconds, steps, shown].join(" | "));
}

/** Null if a limit refuses the schema or the parameters. */
function measure(trial: Trial): Measured | null {
  if (utf8Bytes(JSON.stringify(trial.parameters)) > INPUTS_MAX_BYTES) return null;
  const startedAt = process.cpuUsage();
  const checked = checkSchema(trial.schema);
  const checkMs = msSinceOrLongAgo(startedAt);
  if (!checked.ok) return null;
  const [first, ...others] = [0, 1, 2, 3].map(() => validated(checked.value, trial.parameters));
  const best = Math.min(...others.map(({ ms }) => ms));
  return { trial, firstMs: first?.ms ?? 0, bestMs: best, checkMs, steps: first?.steps ?? 0 };
}

function validated(schema: CheckedSchema, parameters: unknown): { ms: number; steps: number } {
  const budget = { left: VALIDATION_MAX_STEPS };
  const startedAt = process.cpuUsage();
  validate(schema, parameters, budget);
  return { ms: msSinceOrLongAgo(startedAt), steps: VALIDATION_MAX_STEPS - budget.left };
}

function msSinceOrLongAgo(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length})`;
}
