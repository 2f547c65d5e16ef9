import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS } from "../../src/base/time.ts";
import type { EndpointHealth } from "../../src/runs/endpoint-deliveries.ts";
import { hasFailedForDays } from "../../src/webhook-endpoints/disabling.ts";

const NOW = 100 * DAY_MS + HOUR_MS;

/** Instants in days before NOW. */
function health(failingSince: number | null, failedDays: number[], succeededAt: number | null = null) {
  const at = (days: number | null) => (days === null ? null : NOW - days * DAY_MS);
  const days = failedDays.map((day) => 100 - day);
  return { version: 2, failures: 9, failingSince: at(failingSince), failedDays: days, succeededAt: at(succeededAt) };
}

describe("an endpoint has failed for days", () => {
  it.each<[string, EndpointHealth, boolean]>([
    ["if it failed for five days on three of them", health(5, [5, 4, 0]), true],
    ["also if it worked before", health(5, [5, 4, 3], 5.5), true],
    ["but not for less than five days", health(4.99, [4, 3, 2]), false],
    ["nor on only two days", health(9, [9, 8]), false],
    ["nor if it works", health(null, [], 9), false],
  ])("%s", (_, known, expected) => {
    expect(hasFailedForDays(known, NOW)).toBe(expected);
  });
});
