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

const { setTimeout: runtimesOwn } = globalThis;

/**
 * Throws if a test has left another `setTimeout` than the runtime's. If it belongs to a fake clock, it never rings, and
 * a later test hangs.
 */
export function requireRealSetTimeout(): void {
  if (globalThis.setTimeout === runtimesOwn) return;
  globalThis.setTimeout = runtimesOwn;
  throw new Error("After this test, globalThis.setTimeout is not the runtime's own. Restore it.");
}
