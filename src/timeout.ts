/** Bounds how long a caller waits for work that may hang. The work itself goes on. */

export class Timeout extends Error {}

/** The result of `work`. Throws what it throws, or Timeout after `maxMs`. */
export async function within<T>(maxMs: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Timeout(`no answer within ${maxMs} ms`)), maxMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
