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
  const direction = order === "oldest" ? 1 : -1;
  const compare = (one: string, other: string) => (one === other ? 0 : one < other ? -direction : direction);
  // Behind the end of one page, that page can lack runs that come before those of the other one.
  const [end = null] = [a.endsAt, b.endsAt].filter((id) => id !== null).sort(compare);
  const all = [...a.items, ...b.items].sort((one, other) => compare(one.id, other.id));
  const items = all.filter(({ id }) => end === null || compare(id, end) <= 0);
  const isMore = items.length > limit;
  return { items: items.slice(0, limit), endsAt: isMore ? (items[limit - 1]?.id ?? null) : end };
}
