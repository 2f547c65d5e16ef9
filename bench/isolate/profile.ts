/**
 * `npm run bench -- --profile "create"`: where the service's isolate spends its time in one operation. The coordinators
 * run in the same isolate, so the profile has them too. It is written as a .cpuprofile, which Chrome and VS Code open.
 */

import { OPERATIONS, type OperationName } from "../load/operations.ts";
import { type Callers, DATABASES, USUAL } from "../rates/comparisons.ts";
import { type Loaded, withLoad } from "../servers/loaded.ts";
import { withDevtools } from "./devtools.ts";

const FOR_MS = 5000;
const WARM_UP_MS = 2000;
const SHOWN = 25;
const SAMPLE_EVERY_US = 100;

type CallFrame = { readonly functionName: string; readonly url: string; readonly lineNumber: number };

interface Profiled {
  readonly profile: {
    readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
    readonly samples: readonly number[];
    readonly timeDeltas: readonly number[];
  };
  readonly answers: number;
}

/** On servers with an inspector, one operation after another. */
export async function profileAll(
  operations: readonly OperationName[],
  callers: Callers,
  onProgress: (text: string) => void,
): Promise<readonly (Profiled & { readonly operation: OperationName })[]> {
  const servers = new Set(operations.map((operation) => OPERATIONS[operation].server));
  const peers = [...servers].filter((name) => name !== "service");
  const isAway = operations.some((operation) => DATABASES.groups.flat(2).includes(operation));
  return withLoad({ inspected: true, peers, databases: isAway ? 4 : 1 }, async (loaded) => {
    const profiles = [];
    for (const operation of operations) {
      onProgress(`profiling ${operation}`);
      profiles.push({ operation, ...(await profile(loaded, operation, callers)) });
    }
    return profiles;
  });
}

/** Throws if the operation's server can't be profiled. */
function profile(
  { servers, generator }: Pick<Loaded, "servers" | "generator">,
  operation: OperationName,
  callers: Callers,
): Promise<Profiled> {
  const { server } = OPERATIONS[operation];
  const inspector = servers.get(server)?.inspector;
  if (!inspector) throw new Error(`${operation} can't be profiled, because ${server} has no inspector.`);
  return withDevtools(inspector, async (devtools) => {
    const before = makersOf(operation);
    for (const maker of before) await generator.run({ operation: maker, callers, forMs: FOR_MS });
    // Warming up would use the runs that it reports on.
    if (before.length === 0) await generator.run({ operation, callers, forMs: WARM_UP_MS });
    await devtools("Profiler.enable");
    await devtools("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
    await devtools("Profiler.start");
    const { answers } = await generator.run({ operation, callers, forMs: FOR_MS });
    return { ...((await devtools("Profiler.stop")) as Pick<Profiled, "profile">), answers };
  });
}

/** The operations that make the runs which this one reports on. */
function makersOf(operation: OperationName): readonly OperationName[] {
  const rows = [...USUAL.groups, ...DATABASES.groups].flat();
  const row = rows.find((names) => names.includes(operation)) ?? [];
  return row.slice(0, row.indexOf(operation));
}

/** The functions with the most time of their own, in microseconds for each response. */
export function hottest({ profile, answers }: Profiled): string {
  const names = new Map<number, string>();
  for (const { id, callFrame } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const file = url.slice(url.lastIndexOf("/") + 1);
    names.set(id, `${functionName || "(anonymous)"} ${file}:${lineNumber + 1}`);
  }
  const byFunction = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    const name = names.get(id) ?? "";
    byFunction.set(name, (byFunction.get(name) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  const lines = [...byFunction].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  return lines.map(([name, us]) => `${(us / answers).toFixed(1).padStart(8)} us  ${name}`).join("\n");
}
