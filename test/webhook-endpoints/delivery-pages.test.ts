import { expect, it } from "vitest";
import type { Message, MessagePage, MessagePosition } from "../../src/runs/message.ts";
import { type MergedPage, mergedPage } from "../../src/webhook-endpoints/delivery-pages.ts";

type Named = Pick<Message, "runId" | "kind" | "state">;

/** A coordinator that looks at `rows` rows for a page, as the journal does. */
function pageOf(all: readonly Named[], before: MessagePosition | null, limit: number, rows: number) {
  const after = all.filter(({ runId }) => before === null || runId < before.runId).toReversed();
  const looked = after.slice(0, rows);
  const wanted = looked.filter(({ state }) => state === "failed");
  const shown = wanted.slice(0, limit);
  const isCut = wanted.length > shown.length;
  const last = isCut ? shown.at(-1) : looked.at(-1);
  const isLonger = isCut || looked.length === rows;
  return { messages: shown, nextBefore: isLonger ? (last ?? null) : null } as unknown as MessagePage;
}

it.each([1, 2, 3, 7, 50])("pages of %i messages have each message once, newest run first", (limit) => {
  // A fixed sequence that looks random, so that failures repeat.
  let seed = 7 * limit;
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  for (let story = 0; story < 200; story++) {
    const coordinators: Named[][] = Array.from({ length: 4 }, () => []);
    for (let n = 0; n < 60; n++) {
      const state = random(3) === 0 ? "failed" : "delivered";
      coordinators[random(4)]?.push({ runId: `run-${100 + n}`, kind: "ended", state });
    }
    const wanted = coordinators.flat().filter(({ state }) => state === "failed");
    const seen: string[] = [];
    let before: MessagePosition | null = null;
    for (let pages = 0; pages < 200; pages++) {
      const from: MessagePosition | null = before;
      const merged: MergedPage<Named> = mergedPage(
        coordinators.map((all) => pageOf(all, from, limit, 5)),
        limit,
      );
      expect(merged.messages.length).toBeLessThanOrEqual(limit);
      seen.push(...merged.messages.map(({ runId }) => runId));
      before = merged.nextBefore;
      if (before === null) break;
    }
    expect(seen).toEqual(
      wanted
        .map(({ runId }) => runId)
        .toSorted()
        .toReversed(),
    );
  }
});
