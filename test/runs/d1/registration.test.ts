/** How often a coordinator tells the sweep when to look at it. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { Registration } from "../../../src/runs/d1/control-database.ts";
import { alarmIn, coordinator, createAged, DAY_MS, MINUTE_MS, restart, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { newRunsPath, scopeOfPath } from "../../support/requests.ts";
import { NO_KEEPER } from "../../support/rows.ts";

const SCOPE = "acme/shop/registration";

function registrationOf(nextDueAt: (now: number) => number): Registration {
  return new Registration(env.DB, SCOPE, { nextDueAt, keeper: NO_KEEPER, isOwed: false });
}

/** The instants that batches each second would register, in minutes from the first batch. */
function registered(minutes: number, nextDueAt: (now: number) => number): number[] {
  const registration = registrationOf(nextDueAt);
  const written: number[] = [];
  for (let now = DAY_MS; now < DAY_MS + minutes * MINUTE_MS; now += 1000) {
    const wanted = registration.wanted(now);
    if (wanted === null) continue;
    written.push((wanted.dueAt - DAY_MS) / MINUTE_MS);
    registration.registered(wanted);
  }
  return written;
}

describe("a busy coordinator registers", () => {
  it("about every ten minutes, if nothing is due", () => {
    expect(registered(40, () => Number.POSITIVE_INFINITY)).toEqual([10, 20.5, 31, 41.5]);
  });

  it("once for each sooner due", () => {
    const first = (now: number) => (now < DAY_MS + MINUTE_MS ? DAY_MS + 5 * MINUTE_MS : DAY_MS + 3 * MINUTE_MS);
    expect(registered(3, first)).toEqual([5, 3]);
  });

  it("twice a minute at most, if something is always due", () => {
    const written = registered(10, () => 1);
    expect(written.length).toBeLessThanOrEqual(20);
    expect(written.slice(0, 3)).toEqual([0, 0.5, 1]);
  });
});

it("after the clock stepped back, the next batch registers an instant of the new time", () => {
  const registration = registrationOf(() => Number.POSITIVE_INFINITY);
  registration.registered(registration.wanted(DAY_MS) ?? { dueAt: 0, home: null });
  expect(registration.wanted(DAY_MS + 1000)).toBeNull();
  expect(registration.wanted(DAY_MS - 60 * MINUTE_MS)).toMatchObject({ dueAt: DAY_MS - 50 * MINUTE_MS });
});

async function dueAt(path: string): Promise<number | null> {
  return env.DB.prepare("SELECT due_at FROM coordinators WHERE scope = ?")
    .bind(scopeOfPath(path))
    .first<number>("due_at");
}

describe("a coordinator with a change each minute for half an hour", () => {
  it.each([{ restarted: false }, { restarted: true }])(
    "writes its registration three times; restarted after each: $restarted",
    async ({ restarted }) => {
      const path = newRunsPath();
      const seen = new Set<number | null>();
      // A day ahead, so that no alarm rings.
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
      for (let n = 0; n < 30; n++) {
        await createAged(path);
        seen.add(await dueAt(path));
        if (restarted) await restart(path);
        vi.setSystemTime(Date.now() + MINUTE_MS);
      }
      expect(seen.size).toBe(3);
    },
  );
});

it("a registration that D1 refused is tried again with the next batch", async () => {
  const path = newRunsPath();
  faults.writes = { refuse: (_, sql) => sql.startsWith("INSERT INTO coordinators") };
  const lines = vi.spyOn(console, "error").mockImplementation(() => {});
  await createAged(path);
  await until(async () => lines.mock.calls.length > 0);
  expect(await dueAt(path)).toBeNull();
  faults.writes = null;
  // D1 refused the batch for its content, so the run is quarantined for 5 s.
  await alarmIn(6000, coordinator(path));
  await until(async () => (await dueAt(path)) !== null);
  lines.mockRestore();
});

it("an instant that is passed or later than needed is replaced, a sooner one stays", async () => {
  const path = newRunsPath();
  const set = (at: number) =>
    env.DB.prepare("UPDATE coordinators SET due_at = ? WHERE scope = ?").bind(at, scopeOfPath(path)).run();
  await createAged(path);
  for (const [at, stays] of [
    [Date.now() - 1, false],
    [Date.now() + 5 * MINUTE_MS, true],
    [Date.now() + 60 * MINUTE_MS, false],
  ] as const) {
    await set(at);
    await restart(path);
    await createAged(path);
    expect((await dueAt(path)) === at).toBe(stays);
  }
});
