/** Clocks of a test. Those that a test moves fake `Date` alone: timers run as ever. */

import { beforeEach, vi } from "vitest";

/** Moves the clock on by `ms`, where it stands still until the end of the test. */
export function later(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

/** Lets the clock stand at `start` before each test. What it returns moves the clock to `ms` after that. */
export function clockFrom(start: number): (ms: number) => void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: start });
  });
  return (ms) => {
    vi.setSystemTime(start + ms);
  };
}

/** Versions are made of the clock. While it stands at this instant, they count from 1. */
export function clockFromOne(): (ms: number) => void {
  return clockFrom(1);
}

/**
 * The pool puts its own `setTimeout` before the runtime's, to wait for those timers of Vitest that ring at once. For that
 * it takes a stack trace at each call, which costs more than the timer. Other timers go straight to the runtime.
 */
const { setTimeout: ofPool } = globalThis;
const { setTimeout: ofRuntime } = Object.getPrototypeOf(globalThis) as typeof globalThis;

function quickSetTimeout(handler: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) {
  return ms ? ofRuntime.call(globalThis, handler, ms, ...args) : ofPool(handler, ms, ...args);
}

const runtimesOwn = quickSetTimeout as typeof globalThis.setTimeout;
globalThis.setTimeout = runtimesOwn;

/**
 * Throws if a test has left another `setTimeout` than the runtime's. If it belongs to a fake clock, it never rings, and
 * a later test hangs.
 */
export function requireRealSetTimeout(): void {
  if (globalThis.setTimeout === runtimesOwn) return;
  globalThis.setTimeout = runtimesOwn;
  throw new Error("After this test, globalThis.setTimeout is not the runtime's own. Restore it.");
}

/** The longest pause of a test that looks at something again. */
const UNHURRIED_MAX_MS = 50;

/**
 * Lets time run `times` faster until the test ends: `Date`, timers and `scheduler.wait`. Unlike hurried timers
 * alone, it also shortens pauses that the service measures with `Date`. The platform's alarms don't know this time, so
 * they ring late: ring them yourself. `below`: timers of so many ms or more keep their length, such as the time that D1
 * has for many rows.
 */
export function hurryTime(times = 10, below = Number.POSITIVE_INFINITY): void {
  const { now } = Date;
  const { setTimeout } = globalThis;
  const wait = scheduler.wait.bind(scheduler);
  const startedAt = now();
  const hurried = (ms = 0) => (ms <= UNHURRIED_MAX_MS || ms >= below ? ms : ms / times);
  const quick = (handler: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
    setTimeout(handler, hurried(ms), ...args);
  // Whole milliseconds, as the real clock's.
  vi.spyOn(Date, "now").mockImplementation(() => startedAt + Math.round((now() - startedAt) * times));
  vi.spyOn(globalThis, "setTimeout").mockImplementation(quick as unknown as typeof setTimeout);
  vi.spyOn(scheduler, "wait").mockImplementation((ms, options) => wait(hurried(ms), options));
}
