/** A D1 that has read, and whose answer stays under way until the test lets it come. */

import { env } from "cloudflare:workers";
import { vi } from "vitest";

export interface HeldRead {
  readonly db: D1Database;
  /** Resolves when D1 has read for the first time. */
  readonly hasRead: Promise<void>;
  /** Lets the answer come, and all later ones at once. */
  readonly release: () => void;
}

export function heldRead(): HeldRead {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { promise: hasRead, resolve: tell } = Promise.withResolvers<void>();
  const db = {
    prepare: (sql: string) => ({
      bind: (...values: unknown[]) => ({
        first: async () => {
          const row = await env.DB.prepare(sql)
            .bind(...values)
            .first();
          tell();
          await held;
          return row;
        },
      }),
    }),
  } as unknown as D1Database;
  return { db, hasRead, release };
}

/** The longest that a lookup waits for D1 before it uses an outage copy. */
const PATIENCE_MS = 1000;

/** Starts a lookup. `endPatience` makes the time pass that it waits for D1. */
export function withPatience<T>(look: () => Promise<T>): {
  readonly looking: Promise<T>;
  readonly endPatience: () => void;
} {
  const timers = vi.spyOn(globalThis, "setTimeout");
  try {
    const looking = look();
    const timer = timers.mock.calls.find(([, ms]) => ms === PATIENCE_MS);
    if (timer === undefined) throw new Error("the lookup has no outage copy to fall back to");
    return { looking, endPatience: timer[0] };
  } finally {
    timers.mockRestore();
  }
}
