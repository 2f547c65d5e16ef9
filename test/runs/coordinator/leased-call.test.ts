/** One call at a time, under a lease: only the newest counts, and failures make the next one wait longer. */

import { beforeEach, expect, it, vi } from "vitest";
import { endOf, type IsCurrent, LeasedCall } from "../../../src/runs/coordinator/leased-call.ts";

const LEASE_MS = 60_000;

let failures: number[] = [];
let ends = 0;
const leased = () =>
  new LeasedCall({
    leaseMs: LEASE_MS,
    retryFirstMs: 1000,
    retryMaxMs: 5000,
    failed: (_error, inARow) => failures.push(inARow),
    ended: () => ends++,
  });

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  failures = [];
  ends = 0;
});

/** A call whose answer the test gives. */
function held(call: LeasedCall) {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  const writes: string[] = [];
  const settled = call
    .run(Date.now(), async (isCurrent: IsCurrent) => {
      const waitMs = await promise;
      if (isCurrent()) writes.push("written");
      return waitMs;
    })
    .catch(() => {});
  return { writes, settled, answer: resolve, fail: () => reject(new Error("D1 is down")) };
}

it.each([
  { clock: "goes on to the last moment of the span", now: 10_999, end: 11_000 },
  { clock: "comes to the end", now: 11_000, end: 11_000 },
  { clock: "goes beyond the end", now: 90_000, end: 90_000 },
  { clock: "steps back behind the beginning", now: 9999, end: 9999 },
  { clock: "steps back into the span", now: 10_000, end: 11_000 },
])("a span of a second from 10 s on, when the clock $clock", ({ now, end }) => {
  expect(endOf({ at: 10_000, ms: 1000 }, now)).toBe(end);
});

it("lets the next call begin at once after a success, or after the wait that the call asks for", async () => {
  const call = leased();
  for (const waitMs of [0, 250]) {
    const first = held(call);
    expect(call.isUnderWay).toBe(true);
    expect(call.nextAt(Date.now())).toBe(Date.now() + LEASE_MS);
    first.answer(waitMs);
    await first.settled;
    expect(first.writes).toEqual(["written"]);
    expect(call.isUnderWay).toBe(false);
    expect(call.nextAt(Date.now())).toBe(Date.now() + waitMs);
    vi.advanceTimersByTime(waitMs);
  }
  expect(ends).toBe(2);
});

it("doubles the wait with each failure, up to the longest, and begins anew after a success", async () => {
  const call = leased();
  const waits: number[] = [];
  for (const fate of ["fail", "fail", "later", "fail", "answer", "fail"] as const) {
    const next = held(call);
    if (fate === "fail") next.fail();
    else next.answer(fate === "answer" ? 0 : null);
    await next.settled;
    waits.push(call.nextAt(Date.now()) - Date.now());
    expect(call.hasFailed).toBe(fate !== "answer");
    vi.advanceTimersByTime(5000);
  }
  expect(waits).toEqual([1000, 2000, 4000, 5000, 0, 1000]);
  expect(failures).toEqual([1, 2, 4, 1]);
});

it("gives up a call when its lease is over, and what it writes later does not count", async () => {
  const call = leased();
  const first = held(call);
  await vi.advanceTimersByTimeAsync(LEASE_MS - 1);
  expect(failures).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  await first.settled;
  expect(failures).toEqual([1]);
  expect(call.isUnderWay).toBe(false);
  expect(call.nextAt(Date.now())).toBe(Date.now() + 1000);
  first.answer(0);
  await vi.advanceTimersByTimeAsync(0);
  expect(first.writes).toEqual([]);
  // The wait after the failure stays.
  expect(call.nextAt(Date.now())).toBe(Date.now() + 1000);
});

it.each([
  { step: "back", to: 999_999 },
  { step: "beyond the lease", to: 1_000_000 + LEASE_MS },
])("when the clock steps $step, another call may begin, and only that one counts", async ({ to }) => {
  const call = leased();
  const older = held(call);
  vi.setSystemTime(to);
  expect(call.nextAt(to)).toBe(to);
  const newer = held(call);
  older.answer(0);
  await older.settled;
  expect(older.writes).toEqual([]);
  expect(call.isUnderWay).toBe(true);
  expect(call.nextAt(to)).toBe(to + LEASE_MS);
  newer.fail();
  await newer.settled;
  // The call that was replaced counts as a failure, too.
  expect(failures).toEqual([1, 2]);
  expect(ends).toBe(1);
});

it("passes the failure of an older call on once, when it is replaced", async () => {
  const call = leased();
  const older = held(call);
  const newer = held(call);
  expect(failures).toEqual([1]);
  older.fail();
  await older.settled;
  newer.answer(0);
  await newer.settled;
  expect(failures).toEqual([1]);
  expect(newer.writes).toEqual(["written"]);
  expect(call.nextAt(Date.now())).toBe(Date.now());
});

it("ends the wait at once when the clock steps back behind its beginning", () => {
  const call = leased();
  call.wait(5000, Date.now());
  expect(call.nextAt(Date.now())).toBe(Date.now() + 5000);
  vi.setSystemTime(Date.now() - 1);
  expect(call.nextAt(Date.now())).toBe(Date.now());
});

it("a call that is given up counts no more, and the next may begin at once", async () => {
  const call = leased();
  const first = held(call);
  call.giveUp();
  expect(call.isUnderWay).toBe(false);
  expect(call.nextAt(Date.now())).toBe(Date.now());
  first.answer(250);
  await first.settled;
  expect(first.writes).toEqual([]);
  expect(ends).toBe(0);
});
