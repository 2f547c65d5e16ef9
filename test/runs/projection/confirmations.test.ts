/** The journal notes what D1 confirmed along with later changes, and never fails a change because of it. */

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { alarmIn, coordinator, createAged, direct, journal, until } from "../../support/direct.ts";
import { newRunsPath, rowOf, scopeOfPath } from "../../support/requests.ts";
import { fillJournal } from "../../support/rows-in-journal.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** The longest string that Cloudflare binds in an object's SQL. The local runtime takes longer ones. */
const BOUND_MAX = 2_000_000;

type Exec = (this: SqlStorage, query: string, ...bindings: unknown[]) => unknown;

/** Has every object's SQL refuse a statement, as the platform might. Objects and tests share an isolate. */
async function refuseSql(
  path: string,
  refuses: (query: string, bindings: unknown[]) => boolean,
): Promise<void> {
  await runInDurableObject(coordinator(path, 0), (_instance, { storage }) => {
    const prototype: { exec: Exec } = Object.getPrototypeOf(storage.sql);
    const { exec } = prototype;
    vi.spyOn(prototype, "exec").mockImplementation(function (this: SqlStorage, query, ...bindings) {
      if (refuses(query, bindings)) throw new Error("SQLITE_TOOBIG: string or blob too big");
      return exec.call(this, query, ...bindings);
    });
  });
}

async function rows(path: string): Promise<number> {
  const query = "SELECT count(*) AS n FROM runs WHERE scope = ?";
  return (await env.DB.prepare(query).bind(scopeOfPath(path)).first<number>("n")) ?? 0;
}

async function unconfirmed(path: string): Promise<number> {
  return (await journal(path, 0, "SELECT id FROM runs WHERE landed_version < version")).length;
}

it("a change lands after 50 000 others were confirmed, with no string longer than the platform takes", async () => {
  const path = newRunsPath();
  await fillJournal(path, 0, { rows: 50_000, landed: false });
  await evictDurableObject(coordinator(path, 0));
  let longest = 0;
  await refuseSql(path, (_query, bindings) => {
    const lengths = bindings.map((value) => (typeof value === "string" ? value.length : 0));
    longest = Math.max(longest, ...lengths);
    return Math.max(0, ...lengths) > BOUND_MAX;
  });
  await direct(path, 0).poke();
  await alarmIn(20_000, coordinator(path, 0));
  await until(async () => (await rows(path)) === 50_000, 60_000);
  const id = await createAged(path);
  await until(async () => (await rowOf(id)) !== null);
  expect(longest).toBeLessThan(100_000);
  await createAged(path);
  await alarmIn(20_000, coordinator(path, 0));
  expect(await unconfirmed(path)).toBe(0);
}, 90_000);

it("a change lands although earlier confirmations can't be noted, and a later change notes them", async () => {
  const path = newRunsPath();
  const first = await createAged(path);
  let refused = 0;
  await refuseSql(path, (query) => /SET landed_version = max/.test(query) && refused++ < 2);
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const second = await createAged(path);
  expect(refused).toBe(1);
  expect(await rowOf(second)).toMatchObject({ version: 1 });
  expect(logged.mock.calls.join()).toContain("confirm_failed");
  await createAged(path);
  expect(refused).toBe(2);
  const landed = "SELECT landed_version AS n FROM runs WHERE id IN (?, ?)";
  expect(await journal(path, 0, landed, first, second)).toEqual([{ n: 0 }, { n: 0 }]);
  await createAged(path);
  expect(await journal(path, 0, landed, first, second)).toEqual([{ n: 1 }, { n: 1 }]);
});
