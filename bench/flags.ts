/** The flags of `npm run bench`. A wrong one ends the process before anything is built or measured. */

import { parseArgs } from "node:util";
import { CALLERS, type Callers } from "./comparisons.ts";
import { type Plan, QUICK, WHOLE } from "./measure.ts";
import { readNames } from "./name-list.ts";
import { OPERATIONS, type OperationName } from "./operations.ts";
import { USAGE } from "./usage.ts";

/** What `--only` takes besides operations. */
const PARTS = ["writes", "bulk", "gap", "databases"] as const;
export type Part = (typeof PARTS)[number];

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  quick: { type: "boolean", default: false },
  trial: { type: "boolean", default: false },
  only: { type: "string", multiple: true },
  profile: { type: "string", multiple: true },
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
} as const;

export interface Flags {
  readonly built: boolean;
  readonly quick: boolean;
  readonly json: string | undefined;
  readonly plot: string | undefined;
  /** Each stands alone. */
  readonly alone: "trial" | "growth" | "memory" | null;
  /** What is counted or compared besides operations. */
  readonly parts: readonly Part[];
  /** The operations that are compared, maybe none; null: all. */
  readonly compared: readonly OperationName[] | null;
  readonly plan: Plan;
  readonly profiled: readonly OperationName[];
  /** At how many callers operations are profiled. */
  readonly callers: Callers;
  readonly rounds: number | null;
  readonly batchesForMs: number;
  readonly databases: number;
  /** Numbers of runs, as a text. */
  readonly runs: string;
  readonly requests: number;
}

export function readFlags(): Flags {
  const flags = parsed();
  if (flags.help) {
    console.log(USAGE);
    process.exit();
  }
  const names = Object.keys(OPERATIONS) as OperationName[];
  const only = listed("--only", flags.only, [...PARTS, ...names]);
  const profiled = listed("--profile", flags.profile, names);
  const alone = (["trial", "growth", "memory"] as const).filter((name) => flags[name]);
  if (alone.length + (only.length + profiled.length > 0 ? 1 : 0) > 1)
    refuse(`--${alone[0]} stands alone. Leave out the other flags that say what is measured.`);
  const callers = CALLERS.find((n) => String(n) === flags.callers);
  if (callers === undefined) return refuse(`--callers takes ${CALLERS.join(", ")}.`);
  const databases = numberOf("--databases", flags.databases, 1);
  if (databases > 4) refuse("--databases takes 1 to 4.");
  const compared = only.filter((name): name is OperationName => names.some((each) => each === name));
  const isWhole = only.length === 0 && profiled.length === 0;
  const usual = flags.quick ? QUICK : WHOLE;
  const forMs = numberOf("--ms", flags.ms, usual.forMs);
  const rounds = numberOf("--rounds", flags.rounds, usual.rounds);
  const plan = { ...usual, rounds, forMs, warmUpMs: Math.min(usual.warmUpMs, forMs) };
  return {
    built: flags.built,
    quick: flags.quick,
    json: flags.json,
    plot: flags.plot,
    alone: alone[0] ?? null,
    parts: isWhole ? ["writes", "bulk", "gap"] : PARTS.filter((part) => only.includes(part)),
    compared: isWhole ? null : compared,
    plan,
    profiled,
    callers,
    databases,
    rounds: flags.rounds === undefined ? null : rounds,
    batchesForMs: flags.quick || flags.ms !== undefined ? 1500 : 10_000,
    runs: flags.runs ?? "10000,1000000",
    requests: numberOf("--requests", flags.requests, 200_000),
  };
}

/** At least two numbers of runs, the smallest first. `originals`: each number is a multiple of them. */
export function readSizes(text: string, originals: number): number[] {
  const sizes = text.split(",").map(Number);
  const isSize = (runs: number) => runs >= 4 * originals && runs % originals === 0;
  if (sizes.length >= 2 && sizes.every(isSize)) return sizes.toSorted((a, b) => a - b);
  return refuse(`--runs takes at least two multiples of ${originals} from ${4 * originals}: 10000,1000000.`);
}

function parsed() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function listed<T extends string>(flag: string, texts: readonly string[] = [], known: readonly T[]): readonly T[] {
  const read = readNames(texts, known);
  if ("names" in read) return read.names;
  const others = known.filter((name) => !Object.hasOwn(OPERATIONS, name));
  const more = others.length > 0 ? `, ${others.join(", ")}` : "";
  return refuse(`${flag} does not know "${read.unknown}". It takes the operations below${more}.`);
}

function numberOf(flag: string, text: string | undefined, usual: number): number {
  const n = Number(text ?? usual);
  if (Number.isInteger(n) && n > 0) return n;
  return refuse(`${flag} takes a whole number over 0, not "${text}".`);
}

function refuse(sentence: string): never {
  console.error(`${sentence}\n\n${USAGE}`);
  process.exit(2);
}
