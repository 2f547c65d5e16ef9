/** Waits until D1 shows what coordinators have written. */
import { setTimeout as delay } from "node:timers/promises";
import type { Site } from "./site.ts";

/** Runs that webhook endpoints hear of are purged a minute after their endpoint came, at the earliest. */
const REPLICATED_WITHIN_MS = 90_000;
const POLL_MS = 100;

/** How many runs of a project D1 must show. */
export interface Expected {
  readonly project: string;
  readonly status: "pending" | "succeeded";
  readonly runs: number;
}

/** Returns when D1 shows this for all of them. Throws after 90 s. */
export async function replicated(
  { databases }: Pick<Site, "databases">,
  expected: readonly Expected[],
  meanwhile: () => Promise<unknown> = () => delay(POLL_MS),
): Promise<void> {
  const until = performance.now() + REPLICATED_WITHIN_MS;
  for (const { project, status, runs } of expected) {
    const counts = databases.map((db) =>
      db.prepare("SELECT count(*) AS n FROM runs WHERE scope GLOB ? AND status = ?").bind(`bench/${project}/*`, status),
    );
    const count = async () => {
      const each = await Promise.all(counts.map((one) => one.first<{ n: number }>()));
      return each.reduce((sum, one) => sum + (one?.n ?? 0), 0);
    };
    while ((await count()) !== runs) {
      if (performance.now() > until) throw new Error(`D1 does not show ${runs} runs that are ${status}`);
      await meanwhile();
    }
  }
}

/**
 * Returns when D1 has this run. Changes of an environment are replicated in their order, so D1 then also has every
 * change before it. Throws after 90 s.
 */
export async function replicatedUpTo({ databases }: Pick<Site, "databases">, id: string): Promise<void> {
  const until = performance.now() + REPLICATED_WITHIN_MS;
  const selects = databases.map((db) => db.prepare("SELECT 1 FROM runs WHERE id = ?").bind(id));
  while ((await Promise.all(selects.map((select) => select.first()))).every((row) => row === null)) {
    if (performance.now() > until) throw new Error(`D1 does not show run ${id}`);
    await delay(POLL_MS);
  }
}
