/** What requests cost: the round trips that the log tells of, and the calls that reached D1. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, vi } from "vitest";
import { coordinator } from "../direct.ts";
import { faults } from "../faults.ts";
import { replicated } from "../replicated.ts";
import { newRunsPath } from "../requests.ts";

export interface Hops {
  readonly status: number;
  readonly d1: number;
  readonly coordinator: number;
}

let lines: Hops[] = [];
let seconds = 0;

/** Watches until the test ends. Each test is in a second of its own, because a second has few lines. */
export function watchHops(): void {
  const now = Date.now.bind(Date);
  const ahead = ++seconds * 1000;
  vi.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  vi.spyOn(console, "log").mockImplementation((text: unknown) => {
    const line = JSON.parse(String(text));
    if (line.event !== "request") return;
    const { status, d1, coordinator } = line;
    lines.push({ status, d1, coordinator });
  });
}

/** What the log says of the requests that `go` makes, and how often D1 was called meanwhile. */
export async function hopsOf(go: () => Promise<unknown>): Promise<{ lines: Hops[]; calls: number }> {
  lines = [];
  const before = faults.calls;
  await go();
  return { lines, calls: faults.calls - before };
}

/**
 * Watches hops in each test of a file. Returns paths for the tests. When a test ends, its paths are replicated, because
 * later batches would count for the next test.
 */
export function hopPaths(): (path?: string) => string {
  const used: string[] = [];
  beforeEach(watchHops);
  afterEach(async () => {
    for (const path of used.splice(0)) {
      await replicated(path);
      // What the alarm has noted as replicated is never written again.
      await runDurableObjectAlarm(coordinator(path));
    }
  });
  return (path = newRunsPath()) => {
    used.push(path);
    return path;
  };
}
