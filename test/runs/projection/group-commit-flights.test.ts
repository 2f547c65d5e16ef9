/** Group commit: which caller waits for which flight. With a fake clock. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FLIGHT_MAX_MS } from "../../../src/runs/projection/flights.ts";
import { WAIT_MAX_MS } from "../../../src/runs/projection/group-commit.ts";
import { OUTAGE, onShore } from "./shore.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

it(
  "sends one flight at a time, and callers that arrive during it share the next",
  onShore(async ({ flights, flight, write, wait }) => {
    write("a", 1);
    const first = wait("a", 1);
    write("b", 1);
    write("c", 1);
    const others = [wait("b", 1), wait("c", 1)];
    expect(flights.map((f) => f.rows)).toEqual([["a@1"]]);
    flight(0).land("b1");
    await settle();
    expect(first).toEqual({ bookmark: "b1" });
    expect(flight(1).rows).toEqual(["b@1", "c@1"]);
    flight(1).land("b2");
    await settle();
    expect(others).toEqual([{ bookmark: "b2" }, { bookmark: "b2" }]);
    expect(flights).toHaveLength(2);
  }),
);

it(
  "lands a newer version that was written during a flight, after the next flight failed",
  onShore(async ({ troubles, commit, flights, flight, write, wait }) => {
    write("a", 1);
    const told1 = wait("a", 1);
    write("a", 2);
    const told2 = wait("a", 2);
    flight(0).land();
    await settle();
    expect(told1).toEqual({ bookmark: "b" });
    expect(told2).toEqual({});
    expect(commit.unlanded.size).toBe(1);
    flight(1).fail(OUTAGE);
    await settle();
    expect(told2).toEqual({ bookmark: null });
    expect(troubles()).toBe(1);
    expect(commit.unlanded.size).toBe(1);
    commit.start();
    expect(flight(2).rows).toEqual(["a@2"]);
    flight(2).land();
    await settle();
    expect(commit.unlanded.size).toBe(0);
    expect(flights).toHaveLength(3);
  }),
);

it(
  "confirms the highest version that landed, whichever flight returns last",
  onShore(async ({ commit, flight, write, wait, landedVersion }) => {
    write("a", 1);
    wait("a", 1);
    await vi.advanceTimersByTimeAsync(FLIGHT_MAX_MS);
    write("a", 2);
    commit.start();
    expect(flight(1).rows).toEqual(["a@2"]);
    flight(1).land();
    await settle();
    flight(0).land();
    await settle();
    expect(landedVersion("a")).toBe(2);
    expect(commit.confirmations.isAny).toBe(false);
  }),
);

it(
  "does not mistake a late flight's older version for the newer one",
  onShore(async ({ commit, flight, write, wait, landedVersion }) => {
    write("a", 1);
    wait("a", 1);
    await vi.advanceTimersByTimeAsync(FLIGHT_MAX_MS);
    write("a", 2);
    flight(0).land();
    await settle();
    expect(commit.unlanded.size).toBe(1);
    expect(landedVersion("a")).toBe(1);
  }),
);

it(
  "never answers with a bookmark that is older than the row's landing",
  onShore(async ({ commit, flight, write, wait, idOf }) => {
    write("a", 1);
    const first = wait("a", 1);
    flight(0).land("bookmark-1");
    await settle();
    expect(first).toEqual({ bookmark: "bookmark-1" });
    write("b", 1);
    wait("b", 1);
    await vi.advanceTimersByTimeAsync(FLIGHT_MAX_MS);
    commit.start();
    flight(1).land("bookmark-3");
    await settle();
    const told = wait("b", 1);
    await settle();
    expect([commit.bookmarkOf(idOf("b")), told]).toEqual(["bookmark-3", { bookmark: "bookmark-3" }]);
    flight(2).land("bookmark-2");
    await settle();
    expect(commit.bookmarkOf(idOf("b"))).toBe("bookmark-3");
  }),
);

it(
  "lets a caller wait for at most 2 s, and lands the row all the same",
  onShore(async ({ commit, flight, write, wait }) => {
    write("a", 1);
    const told = wait("a", 1);
    await vi.advanceTimersByTimeAsync(WAIT_MAX_MS - 1);
    expect(told).toEqual({});
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toEqual({ bookmark: null });
    expect(WAIT_MAX_MS).toBe(2000);
    flight(0).land();
    await settle();
    expect(commit.unlanded.size).toBe(0);
  }),
);

it(
  "lets no caller wait after a failed flight until one has succeeded",
  onShore(async ({ commit, flights, flight, write, wait }) => {
    write("a", 1);
    const waiting = wait("a", 1);
    flight(0).fail(OUTAGE);
    await settle();
    expect(waiting).toEqual({ bookmark: null });
    write("b", 1);
    const during = wait("b", 1);
    await settle();
    expect(during).toEqual({ bookmark: null });
    expect(flights).toHaveLength(1);
    commit.start();
    flight(1).land();
    await settle();
    write("c", 1);
    const after = wait("c", 1);
    await settle();
    expect(after).toEqual({});
    flight(2).land("b3");
    await settle();
    expect(after).toEqual({ bookmark: "b3" });
  }),
);

it(
  "gives up a flight that hangs after 10 s, and never has three flights up",
  onShore(async ({ troubles, commit, flights, flight, write, wait }) => {
    expect(FLIGHT_MAX_MS).toBe(10_000);
    write("a", 1);
    wait("a", 1);
    await vi.advanceTimersByTimeAsync(FLIGHT_MAX_MS - 1);
    commit.start();
    expect(flights).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(troubles()).toBe(1);
    commit.start();
    expect(flights).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(FLIGHT_MAX_MS - 1);
    commit.start();
    expect(flights).toHaveLength(2);
    // The first is forgotten at last, so that the repair goes on though D1 answers neither.
    await vi.advanceTimersByTimeAsync(1);
    commit.start();
    expect(flights).toHaveLength(3);
    expect(commit.unlanded.size).toBe(1);
    flight(2).land();
    await settle();
    expect(commit.unlanded.size).toBe(0);
  }),
);
