/** The flags of `npm run bench`. A wrong one ends the process before anything is built or measured. */
import { parseArgs } from "node:util";
import { OPERATIONS, type OperationName } from "./load/operations.ts";
import { CALLERS, type Callers } from "./rates/comparisons.ts";
import { type Plan, QUICK, WHOLE } from "./rates/measure.ts";

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

const USAGE = `npm run bench                              all, in about 24 minutes
npm run bench -- --quick                   the same with fewer and shorter rounds, in about 3 minutes
npm run bench -- --only create             only what is compared with this operation
npm run bench -- --only writes             only the rows written for a run, and the batches
npm run bench -- --only bulk               only the rows written by bulk operations
npm run bench -- --only gap                only the time from a report to the next run of a group
npm run bench -- --only databases          an environment in another database beside one in the first
npm run bench -- --profile create          where the time of an operation goes, as a .cpuprofile
                 --callers 64              how many callers then (1, 16 or 64)
npm run bench -- --rounds 1 --ms 100       how many rounds, and how long each operation runs in one
npm run bench -- --growth                  what a million runs change, beside 10 thousand
                 --runs 10000,100000       other numbers of runs
                 --databases 4             in four databases
npm run bench -- --memory                  what workerd holds after 200 thousand requests, in about 20 minutes
                 --requests 20000          after another number of requests
npm run bench -- --trial                   as little as possible of all of these, to try the bench itself

--only and --profile take lists, and work together: --only create,writes --profile create,"get, open run"
compares what is in --only and profiles what is in --profile. Each may also be given several times.

--built                                    measures what the last bench has built
--json FILE, --plot FILE                   where the result goes as JSON and as an SVG

Operations: ${Object.keys(OPERATIONS).join("; ")}`;

/** `unknown`: the first part of a list that is no name. */
type NameList<T> = { readonly names: readonly T[] } | { readonly unknown: string };

/**
 * Reads lists of names that are separated by commas, although names have commas themselves. `texts`: one for each time
 * that a flag was given. Of two names that begin alike, the longer one wins.
 */
export function readNames<T extends string>(texts: readonly string[], known: readonly T[]): NameList<T> {
  const names = new Set<T>();
  for (const text of texts) {
    const parts = text.split(",").map((part) => part.trim());
    while (parts.length > 0) {
      const candidates = parts.map((_, i) => ({ length: i + 1, text: parts.slice(0, i + 1).join(", ") }));
      const found = candidates.toReversed().find((candidate) => known.some((name) => name === candidate.text));
      const name = known.find((each) => each === found?.text);
      if (found === undefined || name === undefined) return { unknown: parts[0] ?? "" };
      names.add(name);
      parts.splice(0, found.length);
    }
  }
  return { names: [...names] };
}
