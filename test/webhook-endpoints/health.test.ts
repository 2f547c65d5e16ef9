import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS } from "../../src/base/time.ts";
import type { EndpointHealth } from "../../src/runs/telling.ts";
import { hasFailedForDays } from "../../src/webhook-endpoints/health.ts";

const NOW = 100 * DAY_MS + HOUR_MS;

/** Instants in days before NOW. */
function health(failingSince: number | null, failedDays: number[], succeededAt: number | null = null) {
  const at = (days: number | null) => (days === null ? null : NOW - days * DAY_MS);
  const days = failedDays.map((day) => 100 - day);
  return {
    version: 2,
    failures: 9,
    failingSince: at(failingSince),
    failedDays: days,
    succeededAt: at(succeededAt),
  };
}

describe("an endpoint has failed for days", () => {
  it.each<[string, (EndpointHealth | null)[], boolean]>([
    [
      "if one coordinator failed for five days on three of them",
      [health(5, [5, 4, 0]), null, null, null],
      true,
    ],
    [
      "also if the days are those of three coordinators",
      [health(5, [5]), health(4, [4]), health(0, [0])],
      true,
    ],
    ["also if it worked before", [health(5, [5, 4, 3], 5.5), health(1, [1], 9)], true],
    ["but not for less than five days", [health(4.99, [4, 3, 2]), null], false],
    ["nor on only two days", [health(9, [9, 8]), health(8, [8])], false],
    ["nor if another coordinator has succeeded since", [health(9, [9, 8, 7]), health(null, [], 4)], false],
    [
      "nor if another may have succeeded since, because a success is noted once a day",
      [health(9, [9, 8, 7]), health(null, [], 5.5)],
      false,
    ],
    [
      "nor if another succeeded up to a failure of yesterday",
      [health(9, [9, 8, 7]), health(1, [1], 1.5)],
      false,
    ],
    [
      "whatever another version did",
      [health(6, [6, 5, 4]), { ...health(null, [], 1), version: 1 }, { ...health(9, [9, 8, 7]), version: 3 }],
      true,
    ],
    ["but not if only another version did", [{ ...health(6, [6, 5, 4]), version: 1 }, null], false],
    ["nor if nobody knows anything", [null, null], false],
  ])("%s", (_, healths, expected) => {
    expect(hasFailedForDays(healths, 2, NOW)).toBe(expected);
  });
});
