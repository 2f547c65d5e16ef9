/** What `GET …/metrics` says, as samples. */

import { expect, vi } from "vitest";
import { ask } from "../requests.ts";

export const metricsPath = (path: string) => path.replace(/action-runs$/, "metrics");

/** The samples of a response, by name and labels. */
export function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

/** Those that are not 0. `name`: what they begin with. */
export function nonZero(samples: Map<string, number>, name: string): Record<string, number> {
  return Object.fromEntries([...samples].filter(([key, n]) => key.startsWith(name) && n !== 0));
}

/** Asks when no earlier text is shared any more. The clock must stand still. */
export async function scrape(path: string): Promise<Map<string, number>> {
  vi.setSystemTime(Date.now() + 10_000);
  const { status, body } = await ask<string>("GET", metricsPath(path));
  expect([status, body]).toEqual([200, expect.any(String)]);
  return samplesOf(body);
}
