/** The journal's mark of what has landed: after an eviction, what may not have landed lands again, and nothing else. */

import { evictDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Journal } from "../../../src/runs/journal/journal.ts";
import { FLIGHT_MAX_MS } from "../../../src/runs/projection/flights.ts";
import { alarmIn, change, coordinator, createAged, DAY_MS, HOUR_MS, journal, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { landed } from "../../support/landed.ts";
import { newRunsPath, rowOf, scopeOfPath } from "../../support/requests.ts";
import { CONTENT, OUTAGE, withHeldFlights } from "./held-flights.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it(
  "a run that D1 refuses lands after an eviction, although the journal could not list it at once",
  withHeldFlights(async ({ commit, evict, flight, flights, write, storage, idOf }) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    write("a", 1);
    await until(async () => flights.length === 1);
    storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON runs_aside BEGIN SELECT RAISE(FAIL, 'full'); END");
    flight(0).fail(CONTENT);
    await until(async () => commit.aside.size === 1 || commit.unlanded.isAnyWaiting);
    storage.sql.exec("DROP TRIGGER full");
    commit.noteLanded();
    expect(
      evict()
        .journal.landingIn(0)
        .unlanded()
        .map(({ id }) => id),
    ).toEqual([idOf("a")]);
  }),
);

/** The environment's runs that fly to D1 from now on, as `id@version`. */
function noteFlown(path: string): string[] {
  const flown: string[] = [];
  faults.writes = {
    refuse: (bound) => {
      if (!bound.endsWith(scopeOfPath(path))) return false;
      for (const [, id, version] of bound.matchAll(/\["([0-9a-f-]{36})",(\d+),/g)) flown.push(`${id}@${version}`);
      return false;
    },
  };
  return flown;
}

async function mark(path: string): Promise<number> {
  const [row] = await journal<{ at: number }>(
    path,
    "SELECT value ->> 'landedSeq' AS at FROM marks WHERE name = 'replica:0'",
  );
  return row?.at ?? 0;
}

/** Runs that landed, and that the alarm noted. */
async function createNoted(path: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await createAged(path));
  await landed(path);
  await alarmIn(0, coordinator(path));
  expect(await mark(path)).toBeGreaterThanOrEqual(count);
  return ids;
}

/** Lets the alarm of a new instance ring, and waits until the instance has nothing left to land. */
async function evictAndRepair(path: string): Promise<void> {
  await evictDurableObject(coordinator(path));
  await alarmIn(61_000, coordinator(path));
  await landed(path);
}

// A day ahead, so that no alarm rings unless a test rings it.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
});

describe("after an eviction", () => {
  it("exactly what had not landed lands", async () => {
    const path = newRunsPath();
    const [first = ""] = await createNoted(path, 3);
    faults.writes = "down";
    const created = await createAged(path);
    await change(path, first, { type: "started" });
    const flown = noteFlown(path);
    await evictAndRepair(path);
    await until(async () => (await rowOf(created)) !== null);
    expect(flown.sort()).toEqual([`${created}@1`, `${first}@2`].sort());
  });

  it("what landed lands again if no alarm had noted it, and once an alarm has, nothing does", async () => {
    const path = newRunsPath();
    await createNoted(path, 2);
    const id = await createAged(path);
    await landed(path);
    expect(await rowOf(id)).not.toBeNull();
    const flown = noteFlown(path);
    await evictAndRepair(path);
    expect(flown).toEqual([`${id}@1`]);
    await alarmIn(61_000, coordinator(path));
    await evictAndRepair(path);
    expect(flown).toHaveLength(1);
  });

  it("an object without anything to land and to note rests until its next deadline", async () => {
    const path = newRunsPath();
    await createNoted(path, 2);
    expect(await journal(path, "SELECT name FROM marks WHERE name = 'repair_at'")).toEqual([]);
  });

  it("a run that D1 refused is still known, though its number is below the mark, and is tried again", async () => {
    const path = newRunsPath();
    vi.spyOn(console, "error").mockImplementation(() => {});
    faults.writes = { refuse: (bound) => bound.includes("poison") };
    const refused = await createAged(path, { actionName: "poison" });
    await until(async () => (await journal(path, "SELECT run_id FROM runs_aside")).length === 1);
    const others = [await createAged(path), await createAged(path)];
    await until(async () => (await rowOf(others[1] ?? "")) !== null);
    await alarmIn(0, coordinator(path));
    expect(await mark(path)).toBe(3);
    const flown = noteFlown(path);
    await evictAndRepair(path);
    await until(async () => (await rowOf(refused)) !== null);
    expect(flown).toEqual([`${refused}@1`]);
    await until(async () => (await journal(path, "SELECT run_id FROM runs_aside")).length === 0);
    await evictAndRepair(path);
    expect(flown).toHaveLength(1);
  });

  it("a run that D1 refused twice over two instances is refused still, and holds up nothing", async () => {
    const path = newRunsPath();
    vi.spyOn(console, "error").mockImplementation(() => {});
    faults.writes = { refuse: (bound) => bound.includes("poison") };
    const refused = await createAged(path, { actionName: "poison" });
    for (let instance = 0; instance < 2; instance++) {
      const other = await createAged(path);
      await until(async () => (await rowOf(other)) !== null);
      await evictDurableObject(coordinator(path));
      await alarmIn(61_000, coordinator(path));
    }
    expect(await rowOf(refused)).toBeNull();
    expect(await journal(path, "SELECT run_id FROM runs_aside")).toEqual([{ run_id: refused }]);
  });

  it("a clock that stepped back does not hide what was written after that", async () => {
    const path = newRunsPath();
    const [first = ""] = await createNoted(path, 2);
    vi.setSystemTime(Date.now() - HOUR_MS);
    faults.writes = "down";
    const created = await createAged(path, { deadlineAt: Date.now() + DAY_MS });
    await change(path, first, { type: "started" });
    const flown = noteFlown(path);
    await evictAndRepair(path);
    await until(async () => (await rowOf(created)) !== null);
    expect(flown.sort()).toEqual([`${created}@1`, `${first}@2`].sort());
  });

  it(
    "a change lands that was written before one of a run that landed again, if their flight failed",
    withHeldFlights(async ({ commit, evict, flight, flights, journal, write, idOf }) => {
      for (const name of ["a", "b"]) write(name, 1);
      await until(async () => flights.length === 1);
      flight(0).land();
      await until(async () => commit.unlanded.size === 0);
      commit.noteLanded();
      commit.landAgain(journal.landingIn(0).between("", "g", 1));
      await until(async () => flights.length === 2);
      const [again, other] = flight(1).rows[0] === "a@1" ? ["a", "b"] : ["b", "a"];
      write(other, 2);
      write(again, 2);
      flight(1).fail(OUTAGE);
      await until(async () => commit.unlanded.isAnyChangeWaiting && !commit.unlanded.isAgain(idOf(again)));
      commit.noteLanded();
      const known = evict()
        .journal.landingIn(0)
        .unlanded()
        .map(({ id }) => id);
      expect(known).toEqual([idOf(other), idOf(again)]);
    }),
  );

  it(
    "a version lands that D1 refused, although an older one came late",
    withHeldFlights(async ({ commit, evict, flight, flights, write, idOf }) => {
      vi.useFakeTimers();
      const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
      write("a", 1);
      await pass(FLIGHT_MAX_MS);
      write("a", 2);
      commit.landNow();
      await pass(0);
      flight(1).fail(CONTENT);
      await pass(0);
      flight(0).land();
      await pass(0);
      commit.noteLanded();
      expect(evict().journal.landingIn(0).unlanded()).toMatchObject([{ id: idOf("a"), version: 2 }]);
      await pass(5000);
      commit.landNow();
      await pass(0);
      expect(flights.at(-1)?.rows).toEqual(["a@2"]);
    }),
  );

  it(
    "numbers go on after the run with the highest one was purged",
    withHeldFlights(async ({ commit, journal: first, evict, flight, flights, write, idOf }) => {
      write("a", 1);
      write("b", 1);
      await until(async () => flights.length === 1);
      flight(0).land();
      await until(async () => commit.unlanded.size === 0);
      commit.noteLanded();
      expect(first.landingIn(0).landedSeq).toBe(2);
      first.forget([idOf("b")]);
      commit.forget([idOf("b")]);
      const second = evict();
      write("c", 1, "{}", { instance: second });
      expect(second.commit.unlanded.firstSeq).toBe(3);
      expect(evict().journal.landingIn(0).unlanded()).toMatchObject([{ id: idOf("c"), seq: 3 }]);
    }),
  );
});

const SEED = 20260131;
const NAMES = ["a", "b", "c", "d"] as const;

/** `lose`: a flight commits and its answer is lost. */
type Step =
  | { readonly what: "write"; readonly name: (typeof NAMES)[number] }
  | { readonly what: "land" | "refuse" | "fail" | "lose"; readonly nth: number }
  | { readonly what: "pass"; readonly ms: number }
  | { readonly what: "repair" | "note" | "evict" };

const nth = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant("write"), name: fc.constantFrom(...NAMES) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("land"), nth }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom("refuse", "fail", "lose"), nth }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("pass"), ms: fc.constantFrom(1, 50, 2500, 10_000) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom("repair", "note", "evict") }) },
) as fc.Arbitrary<Step>;

type Shore = Parameters<Parameters<typeof withHeldFlights>[0]>[0];

/** Plays a story, and after each step holds the journal against what D1 has. */
async function play({ evict, write, flights, idOf, storage, ...first }: Shore, steps: readonly Step[]) {
  const written = new Map<string, number>();
  const inD1 = new Map<string, number>();
  const over = new Set<object>();
  let instance: ReturnType<typeof evict> = first;
  /** How many flights left before the last eviction. They may still land, but nobody hears of it. */
  let forgotten = 0;

  function end(what: "land" | "refuse" | "fail" | "lose", nth: number): void {
    const flight = flights.filter((some) => !over.has(some))[nth];
    if (flight === undefined) return;
    over.add(flight);
    for (const row of what === "land" || what === "lose" ? flight.rows : []) {
      const [name = "", version = ""] = row.split("@");
      inD1.set(name, Math.max(inD1.get(name) ?? 0, Number(version)));
    }
    if (flights.indexOf(flight) < forgotten) return;
    if (what === "land") flight.land();
    else flight.fail(what === "refuse" ? CONTENT : OUTAGE);
  }

  async function take(now: Step): Promise<void> {
    if (now.what === "write") {
      const version = (written.get(now.name) ?? 0) + 1;
      written.set(now.name, version);
      write(now.name, version, "{}", { instance });
    } else if (now.what === "pass") await vi.advanceTimersByTimeAsync(now.ms);
    else if (now.what === "note") instance.commit.noteLanded();
    else if (now.what === "evict") {
      vi.clearAllTimers();
      forgotten = flights.length;
      instance = evict();
    } else if ("nth" in now) end(now.what, now.nth);
    else instance.commit.landNow();
    await vi.advanceTimersByTimeAsync(0);
  }

  function check(): void {
    const next = new Journal(storage, first.journal.scope).landingIn(0);
    const wouldLand = new Set(next.unlanded().map(({ id }) => id));
    for (const [name, version] of written) {
      if ((inD1.get(name) ?? 0) >= version) continue;
      expect(wouldLand.has(idOf(name))).toBe(true);
      const query = `
        SELECT change_seq AS seq, id IN (SELECT run_id FROM runs_aside) AS isRefused FROM runs WHERE id = ?`;
      const { seq, isRefused } = storage.sql.exec<{ seq: number; isRefused: number }>(query, idOf(name)).one();
      if (isRefused === 0) expect(next.landedSeq).toBeLessThan(seq);
    }
  }

  for (const now of steps) {
    await take(now);
    check();
  }
  // They belong to this story's object.
  vi.clearAllTimers();
}

it("the mark never passes a run that has not landed, whatever lands, fails, is refused, comes late, or is evicted", async () => {
  vi.useRealTimers();
  vi.useFakeTimers();
  const stories = fc.array(step, { minLength: 10, maxLength: 40 });
  const tell = (steps: readonly Step[]) => withHeldFlights((held) => play(held, steps))();
  await fc.assert(fc.asyncProperty(stories, tell), { seed: SEED, numRuns: 20 });
});
