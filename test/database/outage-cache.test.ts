import { describe, expect, it, vi } from "vitest";
import { OutageCache } from "../../src/database/outage-cache.ts";
import { ApiError } from "../../src/http/errors.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const FRESH_MS = 30_000;
const OUTAGE_MS = 600_000;
const MISSING_MS = 5000;
/** The longest that a lookup waits for D1 before it uses an outage copy. */
const PATIENCE_MS = 1000;

/** Starts a lookup. `endPatience` makes the time pass that it waits for D1. */
function withPatience<T>(look: () => Promise<T>): { readonly looking: Promise<T>; readonly endPatience: () => void } {
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

interface Row {
  readonly name: string;
  readonly version: number;
}

/** A cache of rows that forgets them by their own names, as that of tokens does. */
function newCache(more: { readonly maxWeight?: number } = {}) {
  return new OutageCache<Row>({
    maxWeight: 100,
    weigh: ({ version }) => version,
    namesOf: (row) => (row === null ? [] : [row.name]),
    missingMs: MISSING_MS,
    ...more,
  });
}

const row = (version: number, name = "a"): Row => ({ name, version });

/** A cache that knows `row(1)`. */
async function knowing(more: { readonly maxWeight?: number } = {}) {
  const cache = newCache(more);
  await lookUp(cache, [row(1)]).looking;
  return cache;
}

/** Looks up `key`. `answers`: those of D1, one for each time that it is asked. */
function lookUp(
  cache: OutageCache<Row>,
  answers: readonly (Row | null | Error | Promise<Row | null>)[],
  { key = "k", now = NOW } = {},
) {
  const left = [...answers];
  const late: Promise<unknown>[] = [];
  const read = async () => {
    const answer = left.shift();
    if (answer === undefined) throw new Error("D1 was asked once too often");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const looking = cache.lookUp({ key, now, read }, (work) => late.push(work));
  return { looking, late, asked: () => answers.length - left.length };
}

/** An answer of D1 that comes when the test says so. */
function held() {
  return Promise.withResolvers<Row | null>();
}

/** A lookup whose first answer is held. */
function heldLookUp(cache: OutageCache<Row>, ...later: readonly (Row | null)[]) {
  const first = held();
  return { ...lookUp(cache, [first.promise, ...later]), answer: first.resolve };
}

/** A lookup that has an outage copy, and whose time ends when the test says so. */
async function impatient(cache: OutageCache<Row>, answers: Parameters<typeof lookUp>[1]) {
  const { looking, endPatience } = withPatience(async () => lookUp(cache, answers, { now: NOW + FRESH_MS }));
  return { ...(await looking), endPatience };
}

const DOWN = new ApiError("database_unavailable");

describe("what D1 answered", () => {
  it("is fresh for 30 s, an outage copy for 10 minutes, and then not known", async () => {
    const cache = newCache();
    expect(cache.recall("k", NOW)).toBeUndefined();
    await lookUp(cache, [row(1)]).looking;
    for (const [ms, recalled, hasCopy] of [
      [0, row(1), true],
      [FRESH_MS - 1, row(1), true],
      [FRESH_MS, undefined, true],
      [OUTAGE_MS - 1, undefined, true],
      [OUTAGE_MS, undefined, false],
    ] as const) {
      expect([ms, cache.recall("k", NOW + ms)]).toEqual([ms, recalled]);
      expect([ms, cache.hasOutageCopy("k", NOW + ms)]).toEqual([ms, hasCopy]);
    }
  });

  it("is asked for again if the clock has stepped back", async () => {
    const cache = await knowing();
    await lookUp(cache, [null], { key: "none" }).looking;
    expect(cache.recall("k", NOW - 1)).toBeUndefined();
    expect(cache.recall("none", NOW - 1)).toBeUndefined();
    expect(cache.hasOutageCopy("k", NOW - 1)).toBe(false);
    await lookUp(cache, [row(2)], { now: NOW - 1 }).looking;
    expect(cache.recall("k", NOW - 1)).toEqual(row(2));
  });

  it("counts over an older answer, also if the clock stepped back between the lookups", async () => {
    const cache = newCache();
    const first = held();
    const older = lookUp(cache, [first.promise]);
    await lookUp(cache, [row(2)], { now: NOW - 60_000 }).looking;
    first.resolve(row(1));
    expect(await older.looking).toEqual(row(1));
    expect(cache.recall("k", NOW - 60_000)).toEqual(row(2));
  });

  it("a missing row is remembered for 5 s, and replaces the value", async () => {
    const cache = await knowing();
    expect(await lookUp(cache, [null], { now: NOW + FRESH_MS }).looking).toBeNull();
    expect(cache.recall("k", NOW + FRESH_MS + MISSING_MS - 1)).toBeNull();
    expect(cache.recall("k", NOW + FRESH_MS + MISSING_MS)).toBeUndefined();
    expect(cache.hasOutageCopy("k", NOW + FRESH_MS)).toBe(false);
  });

  it("a missing row evicts no value", async () => {
    const cache = await knowing({ maxWeight: 1 });
    for (let n = 0; n < 2000; n++) await lookUp(cache, [null], { key: `guess-${n}` }).looking;
    expect(cache.recall("k", NOW)).toEqual(row(1));
  });

  it("that there is one ends that there was none, also when the value is evicted", async () => {
    const cache = newCache({ maxWeight: 1 });
    const first = held();
    const later = lookUp(cache, [null]);
    const latest = lookUp(cache, [first.promise]);
    await later.looking;
    first.resolve(row(1));
    await latest.looking;
    await lookUp(cache, [row(1)], { key: "other" }).looking;
    expect(cache.recall("k", NOW)).toBeUndefined();
  });

  it("is bounded by weight, and what D1 was asked for longest ago is evicted first", async () => {
    const cache = newCache({ maxWeight: 10 });
    for (const key of ["one", "two", "three"]) await lookUp(cache, [row(3, key)], { key }).looking;
    await lookUp(cache, [row(3, "one")], { key: "one" }).looking;
    await lookUp(cache, [row(4, "four")], { key: "four" }).looking;
    const known = ["one", "two", "three", "four"].filter((key) => cache.recall(key, NOW) !== undefined);
    expect(known).toEqual(["one", "three", "four"]);
    await lookUp(cache, [row(11, "too large")], { key: "five" }).looking;
    expect(cache.recall("five", NOW)).toBeUndefined();
  });
});

describe("while D1 does not answer", () => {
  it("the outage copy is used, and D1 is asked again after 5 s", async () => {
    const cache = await knowing();
    for (const since of [FRESH_MS, FRESH_MS + MISSING_MS]) {
      const now = NOW + since;
      expect(cache.recall("k", now)).toBeUndefined();
      expect(await lookUp(cache, [DOWN], { now }).looking).toEqual(row(1));
      expect(cache.recall("k", now + 4999)).toEqual(row(1));
    }
  });

  it("a key without an outage copy fails, and so does one that is ten minutes old", async () => {
    const cache = newCache();
    await expect(lookUp(cache, [DOWN]).looking).rejects.toBe(DOWN);
    await lookUp(cache, [row(1)]).looking;
    await lookUp(cache, [DOWN], { now: NOW + OUTAGE_MS - 1 }).looking;
    await expect(lookUp(cache, [DOWN], { now: NOW + OUTAGE_MS }).looking).rejects.toBe(DOWN);
  });

  it("a late answer still counts", async () => {
    const cache = await knowing();
    const { promise, resolve } = held();
    const now = NOW + FRESH_MS;
    const { looking: look, endPatience } = withPatience(async () => lookUp(cache, [promise], { now }));
    endPatience();
    const { looking, late } = await look;
    expect(await looking).toEqual(row(1));
    resolve(row(2));
    await Promise.all(late);
    expect(cache.recall("k", now)).toEqual(row(2));
  });

  it("a bug is no outage", async () => {
    const cache = await knowing();
    const bug = new Error("the row can't be read");
    await expect(lookUp(cache, [bug], { now: NOW + FRESH_MS }).looking).rejects.toBe(bug);
  });
});

describe("a lookup that began before `forget`", () => {
  it("asks again, and what it read first is neither used nor remembered", async () => {
    const cache = newCache();
    const { looking, answer } = heldLookUp(cache, null);
    cache.forget(["a"]);
    answer(row(1));
    expect(await looking).toBeNull();
    expect(cache.recall("k", NOW)).toBeNull();
  });

  it("asks again as often as `forget` comes meanwhile", async () => {
    const cache = newCache();
    const [first, second] = [held(), held()];
    const looked = lookUp(cache, [first.promise, second.promise, row(3)]);
    cache.forget(["a"]);
    first.resolve(row(1));
    await expect.poll(looked.asked).toBe(2);
    cache.forget(["a"]);
    second.resolve(row(2));
    expect(await looked.looking).toEqual(row(3));
    expect(cache.recall("k", NOW)).toEqual(row(3));
  });

  it("does not fall back to the outage copy, whether D1 is slow or down", async () => {
    for (const fault of ["slow", "down"]) {
      const cache = await knowing();
      const now = NOW + FRESH_MS;
      const first = held();
      const { looking, endPatience } = await impatient(cache, [first.promise, DOWN]);
      cache.forget(["a"]);
      if (fault === "slow") endPatience();
      else first.reject(DOWN);
      if (fault === "slow") first.resolve(row(1));
      await expect(looking).rejects.toBe(DOWN);
      expect([cache.recall("k", now), cache.hasOutageCopy("k", now)]).toEqual([undefined, false]);
    }
  });

  it("is not asked again if another name was forgotten", async () => {
    const cache = newCache();
    const { looking, answer } = heldLookUp(cache);
    cache.forget(["b"]);
    answer(row(1));
    expect(await looking).toEqual(row(1));
    expect(cache.recall("k", NOW)).toEqual(row(1));
  });

  it("is known to be older, however many names were forgotten since", async () => {
    for (const names of [1, 999, 1000, 5000]) {
      const cache = newCache();
      const { looking, answer } = heldLookUp(cache, null);
      cache.forget(["a"]);
      cache.forget(Array.from({ length: names }, (_, n) => `other-${n}`));
      answer(row(1));
      expect([names, await looking]).toEqual([names, null]);
    }
  });

  it("is not asked again for names that were forgotten before it, however many", async () => {
    const cache = newCache();
    cache.forget(["b"]);
    cache.forget(Array.from({ length: 999 }, (_, n) => `other-${n}`));
    const { looking, answer } = heldLookUp(cache);
    cache.forget(["b"]);
    cache.forget(["one more"]);
    answer(row(1));
    expect(await looking).toEqual(row(1));
  });

  it("knows of all names that were forgotten at once", async () => {
    const names = Array.from({ length: 5000 }, (_, n) => `name-${n}`);
    for (const name of [names[0], names[2500], names.at(-1)]) {
      const cache = newCache();
      const { looking, answer } = heldLookUp(cache, null);
      cache.forget(names);
      answer(row(1, name));
      expect(await looking).toBeNull();
    }
  });
});

it("a lookup that began after `forget` is remembered, also if an older one is answered after it", async () => {
  const cache = await knowing();
  const first = held();
  const older = lookUp(cache, [first.promise, row(2)], { now: NOW + FRESH_MS });
  cache.forget(["a"]);
  expect(cache.recall("k", NOW)).toBeUndefined();
  expect(await lookUp(cache, [row(2)], { now: NOW + FRESH_MS }).looking).toEqual(row(2));
  expect(cache.recall("k", NOW + FRESH_MS)).toEqual(row(2));
  first.resolve(row(1));
  expect(await older.looking).toEqual(row(2));
  expect(cache.recall("k", NOW + FRESH_MS)).toEqual(row(2));
});

describe("of two lookups under way, the one that began last counts", () => {
  it.each([
    ["the older answer comes last", row(1), row(2), row(2)],
    ["the older answer comes last, and the row is gone", row(1), null, null],
    ["the older answer comes last, and the row is new", null, row(2), row(2)],
  ])("also if %s", async (_, read, readLater, counts) => {
    const cache = newCache();
    const { looking, answer } = heldLookUp(cache);
    await lookUp(cache, [readLater]).looking;
    answer(read);
    await looking;
    expect(cache.recall("k", NOW)).toEqual(counts);
  });

  it("one that runs out of time does not put its outage copy over a newer answer", async () => {
    const cache = await knowing();
    const now = NOW + FRESH_MS;
    const { looking, endPatience } = await impatient(cache, [held().promise]);
    await lookUp(cache, [row(2)], { now }).looking;
    endPatience();
    expect(await looking).toEqual(row(2));
    expect(cache.recall("k", now)).toEqual(row(2));
  });

  it("one that runs out of time does not bring a row back that another found gone", async () => {
    const cache = await knowing();
    const now = NOW + FRESH_MS;
    const first = held();
    const { looking, endPatience } = await impatient(cache, [first.promise]);
    await lookUp(cache, [null], { now }).looking;
    endPatience();
    first.resolve(null);
    expect(await looking).toBeNull();
    expect(cache.recall("k", now)).toBeNull();
  });
});

it("a cache that forgets by key shows a row at once that came back under its old key", async () => {
  const cache = new OutageCache<Row>({ maxWeight: 100, weigh: () => 1, namesOf: (_row, key) => [key], missingMs: 0 });
  await lookUp(cache, [row(1)]).looking;
  const first = held();
  const older = lookUp(cache, [first.promise, row(2)], { now: NOW + FRESH_MS });
  cache.forget(["k"]); // deleted
  expect(cache.recall("k", NOW)).toBeUndefined();
  expect(await lookUp(cache, [null]).looking).toBeNull();
  expect(cache.recall("k", NOW)).toBeUndefined();
  cache.forget(["k"]); // stored again
  first.resolve(null);
  expect(await older.looking).toEqual(row(2));
  expect(cache.recall("k", NOW + FRESH_MS)).toEqual(row(2));
});
