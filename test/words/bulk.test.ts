/** What a bulk operation says of itself, in the console and on the command line. */
import { describe, expect, it } from "vitest";
import { changeableText, endedText, wouldStartText } from "../../src/words/bulk.ts";

const NONE = { pending: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };

describe("before it begins", () => {
  it.each([
    [
      "those that have ended",
      "cancel",
      { pending: 30, running: 8, failed: 2 },
      40,
      "38 can be cancelled, 2 have ended",
    ],
    ["those that are open", "retry", { failed: 60, running: 1 }, 61, "60 can be retried, 1 has not ended"],
    ["those that are gone", "retry", { failed: 2 }, 3, "2 can be retried, 1 not found"],
    ["no others if there may be more", "cancel", { running: 1 }, { atLeast: 9 }, "1 can be cancelled"],
  ] as const)("it tells %s", (_, kind, byStatus, matched, text) => {
    expect(changeableText({ matched, byStatus: { ...NONE, ...byStatus } }, kind)).toBe(text);
  });

  it("writes numbers for people, or as scripts read them", () => {
    const preview = { matched: 1200, byStatus: { ...NONE, failed: 1200 } };
    expect(changeableText(preview, "retry")).toBe("1,200 can be retried");
    expect(changeableText(preview, "retry", String)).toBe("1200 can be retried");
  });

  it("it tells which runs a cancel would let start", () => {
    expect(wouldStartText({ wouldStart: 0 })).toBeNull();
    expect(wouldStartText({ wouldStart: 1 })).toBe("1 waiting run would start, because the cancel frees slots");
  });
});

describe("after a cancel", () => {
  const counts = { matched: 40, accepted: 38, skipped: 2, failed: 0, remaining: 0 };

  it("it tells how the runs have ended, the most first, and how many are open", () => {
    const ended = { succeeded: 2, failed: 0, cancelled: 30 };
    expect(endedText({ ended, counts })).toBe("30 cancelled, 2 succeeded, 6 still open");
  });

  it("it tells nothing while it is under way, or if it accepted no run", () => {
    expect(endedText({ ended: null, counts })).toBeNull();
    const ended = { succeeded: 0, failed: 0, cancelled: 0 };
    expect(endedText({ ended, counts: { ...counts, accepted: 0 } })).toBeNull();
  });
});
