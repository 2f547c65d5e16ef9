/** Merges two pages of one query that have no run in common. PURE. */

import type { Order } from "./run-filters.ts";

/** `endsAt`: the id up to which the page has every run of its source; null if it has all. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly endsAt: string | null;
}

/** Both pages are in the order of the query. */
export function mergedPage<T extends { readonly id: string }>(
  a: Page<T>,
  b: Page<T>,
  { order, limit }: { readonly order?: Order | undefined; readonly limit: number },
): Page<T> {
  const isBefore = (one: string, other: string) => (order === "oldest" ? one < other : one > other);
  // Behind the end of one page, that page can lack runs that come before those of the other one.
  const end = a.endsAt === null || (b.endsAt !== null && isBefore(b.endsAt, a.endsAt)) ? b.endsAt : a.endsAt;
  const items: T[] = [];
  let [i, j] = [0, 0];
  for (;;) {
    const [one, other] = [a.items[i], b.items[j]];
    const isOne = other === undefined || (one !== undefined && isBefore(one.id, other.id));
    const next = isOne ? one : other;
    if (next === undefined || (end !== null && isBefore(end, next.id))) return { items, endsAt: end };
    if (items.length === limit) return { items, endsAt: items.at(-1)?.id ?? null };
    items.push(next);
    if (isOne) i++;
    else j++;
  }
}
