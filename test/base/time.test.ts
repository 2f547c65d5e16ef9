import { describe, expect, it } from "vitest";
import { msSinceOrJustNow, msSinceOrLongAgo } from "../../src/base/time.ts";

describe("the time since an instant", () => {
  it.each([
    [1000, 1000, 0],
    [1000, 1250, 250],
  ])("at %i is at %i the difference", (at, now, ms) => {
    expect([msSinceOrLongAgo(at, now), msSinceOrJustNow(at, now)]).toEqual([ms, ms]);
  });

  it("that is ahead of the clock is long, or none, as the name says", () => {
    expect([msSinceOrLongAgo(1001, 1000), msSinceOrJustNow(1001, 1000)]).toEqual([Number.POSITIVE_INFINITY, 0]);
  });
});
