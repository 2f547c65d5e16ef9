/**
 * `npm run bench -- --profile "create"`: where the service's isolate spends its time in one operation. The coordinators
 * run in the same isolate, so they are in it too. Written as a .cpuprofile, which Chrome and VS Code open.
 */

import type { Callers } from "./comparisons.ts";
import { connect } from "./devtools.ts";
import type { Generator } from "./generator.ts";
import type { OperationName } from "./operations.ts";

const FOR_MS = 5000;
const WARM_UP_MS = 2000;
const SHOWN = 25;
const SAMPLE_EVERY_US = 100;

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

export interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface Profiled {
  readonly profile: Profile;
  readonly answers: number;
}

/** `inspector`: what miniflare's `getInspectorURL()` says, with the worker's name as its path. */
export async function profile(
  inspector: URL,
  generator: Generator,
  operation: OperationName,
  callers: Callers,
): Promise<Profiled> {
  const devtools = await connect(inspector);
  try {
    // A callback has something to report on only after creates.
    const before: OperationName = operation === "callback" ? "create" : operation;
    await generator.run({
      operation: before,
      callers,
      forMs: WARM_UP_MS + (before === operation ? 0 : FOR_MS),
    });
    await devtools("Profiler.enable");
    await devtools("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
    await devtools("Profiler.start");
    const { answers } = await generator.run({ operation, callers, forMs: FOR_MS });
    const { profile } = (await devtools("Profiler.stop")) as { profile: Profile };
    return { profile, answers };
  } finally {
    devtools.close();
  }
}

/** The functions that took longest by themselves, in microseconds for each answer. */
export function hottest({ profile, answers }: Profiled): string {
  const selfUs = new Map<number, number>();
  profile.samples.forEach((id, i) => {
    selfUs.set(id, (selfUs.get(id) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  const byFunction = new Map<string, number>();
  for (const { id, callFrame } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const name = `${functionName || "(anonymous)"} ${url.slice(url.lastIndexOf("/") + 1)}:${lineNumber + 1}`;
    byFunction.set(name, (byFunction.get(name) ?? 0) + (selfUs.get(id) ?? 0));
  }
  const lines = [...byFunction].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  return lines.map(([name, us]) => `${(us / answers).toFixed(1).padStart(8)} us  ${name}`).join("\n");
}
