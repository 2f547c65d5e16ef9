/** When the console tries again and polls. */

import { describe, expect, it } from "vitest";
import { ActionRunsError } from "../../src/client/index.ts";
import { pollInMs, retryInMs } from "../../src/console/ui/load.tsx";

const refusal = (status: number | null, retryAfterMs: number | null = null) =>
  new ActionRunsError("No.", { status, code: "x", retryAfterMs });

describe("a read that failed", () => {
  it.each([
    ["no response", refusal(null), 2000],
    ["503", refusal(503), 2000],
    ["503 with Retry-After", refusal(503, 7000), 9000],
    ["429", refusal(429), 2000],
    ["a proxy's 502", refusal(502), 2000],
    ["400", refusal(400), null],
    ["404", refusal(404), null],
    ["a bug", new Error("x"), null],
  ])("after %s is tried again only if that may help", (_, error, ms) => {
    expect(retryInMs(error, 1, 1)).toBe(ms);
  });

  it("waits longer each time, up to a minute, and not everybody as long", () => {
    expect([1, 2, 3, 20].map((failed) => retryInMs(refusal(503), failed, 1))).toEqual([2000, 4000, 8000, 60_000]);
    expect(retryInMs(refusal(503), 1, 0)).toBe(1000);
  });
});

it("polls are up to a tenth early or late", () => {
  expect([0, 0.5, 1].map((random) => pollInMs(5000, random))).toEqual([4500, 5000, 5500]);
});
