/** D1 is restored to before a change of an action's concurrency limit. */

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { later } from "../support/clock.ts";
import { MINUTE_MS } from "../support/direct.ts";
import { ask, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { decide, detailsOf, startGated, storeGated } from "../support/runs/gated.ts";

const TABLES = ["definitions", "deleted_definitions", "definition_versions"] as const;
type Row = Record<string, unknown>;

/** What D1 has of the definitions of an environment. Call the result to restore it. */
async function backUp(scope: string): Promise<() => Promise<void>> {
  const saved = new Map<string, Row[]>();
  for (const table of TABLES) {
    const select = env.DB.prepare(`SELECT * FROM ${table} WHERE scope = ?`).bind(scope);
    saved.set(table, (await select.all<Row>()).results);
  }
  return async () => {
    for (const table of TABLES) {
      await env.DB.prepare(`DELETE FROM ${table} WHERE scope = ?`).bind(scope).run();
      for (const row of saved.get(table) ?? []) {
        const names = Object.keys(row);
        const values = Object.values(row).map((value) => (Array.isArray(value) ? new Uint8Array(value) : value));
        const marks = names.map(() => "?").join();
        await env.DB.prepare(`INSERT INTO ${table} (${names.join()}) VALUES (${marks})`)
          .bind(...values)
          .run();
      }
    }
  };
}

async function startSome(path: string, count: number) {
  const runs = [];
  for (let n = 0; n < count; n++) runs.push((await startGated(path)).body);
  return runs;
}

/** How many of three runs start at once. */
async function started(path: string): Promise<number> {
  const runs = await startSome(path, 3);
  const now = await Promise.all(runs.map(({ id }) => detailsOf(path, id)));
  for (const { id } of runs) await decide(path, id, "cancel");
  return now.filter(({ details }) => details.waiting === null).length;
}

/** An action whose limit was 1 at the restored moment, and 3 until the restore. */
async function restored({ isResynced }: { readonly isResynced: boolean }): Promise<string> {
  const path = newRunsPath();
  await storeGated(path, { concurrency: { group: "prod", limit: 1 } });
  const restore = await backUp(scopeOfPath(path));
  const first = (await startGated(path)).body;
  await storeGated(path, { concurrency: { group: "prod", limit: 3 } });
  const second = (await startGated(path)).body;
  for (const { id } of [first, second]) await decide(path, id, "cancel");
  await restore();
  if (isResynced) await ask("POST", path.replace(/action-runs$/, "resync"), {});
  return path;
}

it("the limit that is stored again counts at once", async () => {
  const path = await restored({ isResynced: false });
  later(31_000);
  await storeGated(path, { concurrency: { group: "prod", limit: 1 } });
  expect(await started(path)).toBe(1);
  await storeGated(path, { concurrency: { group: "prod", limit: 1 }, waitTimeout: 60 });
  expect(await started(path)).toBe(1);
});

it("the limit that the restore brought back counts after a resync, when no isolate remembers the other one", async () => {
  const path = await restored({ isResynced: true });
  later(31_000);
  expect(await started(path)).toBe(1);
});

it("without a resync, the limit that the restore brought back counts 15 minutes after the one that it took back was stored", async () => {
  const path = await restored({ isResynced: false });
  later(16 * MINUTE_MS);
  expect(await started(path)).toBe(1);
});

it("a run of the version that the restore took back keeps the limit of that version", async () => {
  const path = newRunsPath();
  await storeGated(path, { concurrency: { group: "prod", limit: 1 } });
  const restore = await backUp(scopeOfPath(path));
  await storeGated(path, { concurrency: { group: "prod", limit: 3 } });
  const [first, , , queued] = await startSome(path, 4);
  await restore();
  await ask("POST", path.replace(/action-runs$/, "resync"), {});
  later(31_000);
  // From now on, the coordinator knows the limit of the older version.
  await startSome(path, 1);
  const isWaiting = async () => (await detailsOf(path, queued?.id ?? "")).details.waiting !== null;
  expect(await isWaiting()).toBe(true);
  await decide(path, first?.id ?? "", "cancel");
  expect(await isWaiting()).toBe(false);
});
