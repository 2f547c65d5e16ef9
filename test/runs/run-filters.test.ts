/** Two pages of one query become one, which loses and repeats nothing. */

import fc from "fast-check";
import { expect, it } from "vitest";
import { mergedPage, type Order, type Page } from "../../src/runs/run-filters.ts";

interface Source {
  readonly ids: readonly string[];
  /** How many of its runs a page has at most. */
  readonly fits: number;
}

const two = fc
  .uniqueArray(fc.stringMatching(/^[0-9a-f]{3}$/), { maxLength: 25 })
  .chain((ids) => fc.tuple(fc.constant(ids), fc.infiniteStream(fc.boolean())))
  .map(([ids, coins]) => {
    const isIn = new Map(ids.map((id) => [id, coins.next().value === true]));
    return [ids.filter((id) => isIn.get(id)), ids.filter((id) => !isIn.get(id))] as const;
  });

/** The page of a source after `cursor`, as long as it fits. */
function pageOf({ ids, fits }: Source, cursor: string | null, order: Order): Page<{ id: string }> {
  const sorted = inOrder(ids, order);
  const left = sorted.filter((id) => cursor === null || (order === "oldest" ? id > cursor : id < cursor));
  const items = left.slice(0, fits).map((id) => ({ id }));
  return { items, endsAt: left.length > fits ? (items.at(-1)?.id ?? null) : null };
}

function inOrder(ids: readonly string[], order: Order): string[] {
  return order === "oldest" ? ids.toSorted() : ids.toSorted().reverse();
}

it("shows each run of both sources once and in order, over as many pages as it takes", () => {
  const small = fc.integer({ min: 1, max: 6 });
  const order = fc.constantFrom<Order>("newest", "oldest");
  fc.assert(
    fc.property(two, small, small, small, order, ([a, b], fitsA, fitsB, limit, order) => {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const [ofA, ofB] = [
          { ids: a, fits: fitsA },
          { ids: b, fits: fitsB },
        ].map((source) => pageOf(source, cursor, order)) as [Page<{ id: string }>, Page<{ id: string }>];
        const page: Page<{ id: string }> = mergedPage(ofA, ofB, { order, limit });
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.endsAt;
      } while (cursor !== null);
      expect(seen).toEqual(inOrder([...a, ...b], order));
    }),
  );
});
