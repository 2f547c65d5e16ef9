/**
 * `npm run bench -- --profile "create"`: where the service's isolate spends its time in one operation. The coordinators
 * run in the same isolate, so the profile has them too. It is written as a .cpuprofile, which Chrome and VS Code open.
 */

import type { Callers } from "./comparisons.ts";
import { withDevtools } from "./devtools.ts";
import type { Generator } from "./generator.ts";
import type { OperationName } from "./operations.ts";

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

/** `inspector`: what miniflare's `getInspectorURL()` says, with the worker's name as its path. */
export function profile(inspector: URL, generator: Generator, operation: OperationName, callers: Callers) {
  return withDevtools(inspector, async (devtools): Promise<Profiled> => {
    // Callbacks need runs, so creates come first.
    if (operation === "callback") await generator.run({ operation: "create", callers, forMs: FOR_MS });
    else await generator.run({ operation, callers, forMs: WARM_UP_MS });
    await devtools("Profiler.enable");
    await devtools("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
    await devtools("Profiler.start");
    const { answers } = await generator.run({ operation, callers, forMs: FOR_MS });
    return { ...((await devtools("Profiler.stop")) as Pick<Profiled, "profile">), answers };
  });
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
