const WORKERS = 8;

/** Does the work for all items, eight at a time. */
export async function forAll<T, R>(items: Iterable<T>, work: (item: T) => Promise<R>): Promise<R[]> {
  const queue = [...items].entries();
  const done: R[] = [];
  await Promise.all(
    Array.from({ length: WORKERS }, async () => {
      for (const [n, item] of queue) done[n] = await work(item);
    }),
  );
  return done;
}
