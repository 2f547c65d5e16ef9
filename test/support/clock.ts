/** Clocks that only a test moves. These helpers fake `Date` alone: timers run as ever. */

import { afterEach, beforeEach, vi } from "vitest";

/** Moves the clock on by `ms`, where it stands still until `vi.useRealTimers()`. */
export function later(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

/** Lets the clock stand at `start` before each test. What it returns moves the clock to `ms` after that. */
export function clockFrom(start: number): (ms: number) => void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: start });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  return (ms) => {
    vi.setSystemTime(start + ms);
  };
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
