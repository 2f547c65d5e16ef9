/**
 * One clock for everything that ticks. It stops while the page is hidden, and is right again when the page is shown.
 */

import { useEffect, useState } from "preact/hooks";
import { contextOf } from "./context.ts";

const TICK_MS = 1000;

export interface Clock {
  /**
   * Calls `listener` about every `stepMs` while the page is visible, and when it becomes visible. Returns a stop
   * function.
   */
  readonly subscribe: (stepMs: number, listener: (now: number) => void) => () => void;
}

interface Subscriber {
  readonly stepMs: number;
  readonly listener: (now: number) => void;
  notifiedAt: number;
}

export function createClock(document: Document): Clock {
  const subscribers = new Set<Subscriber>();
  let timer: ReturnType<typeof setInterval> | null = null;

  function tick(): void {
    const now = Date.now();
    for (const subscriber of [...subscribers]) {
      // A tick may come some ms early.
      if (now - subscriber.notifiedAt < subscriber.stepMs - TICK_MS / 2) continue;
      subscriber.notifiedAt = now;
      subscriber.listener(now);
    }
  }
  function adjust(): void {
    const shouldRun = subscribers.size > 0 && document.visibilityState === "visible";
    if (shouldRun && timer === null) timer = setInterval(tick, TICK_MS);
    if (!shouldRun && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  }
  document.addEventListener("visibilitychange", () => {
    adjust();
    if (document.visibilityState === "visible") tick();
  });

  return {
    subscribe(stepMs, listener) {
      const subscriber = { stepMs, listener, notifiedAt: Date.now() };
      subscribers.add(subscriber);
      adjust();
      return () => {
        subscribers.delete(subscriber);
        adjust();
      };
    },
  };
}

const [ClockProvider, useClock] = contextOf<Clock>("clock");

export { ClockProvider };

/** The time, renewed every `stepMs`; null: not renewed. */
export function useNow(stepMs: number | null): number {
  const clock = useClock();
  const [, setNow] = useState(0);
  useEffect(() => (stepMs === null ? undefined : clock.subscribe(stepMs, setNow)), [clock, stepMs]);
  return Date.now();
}

/** Whether the page can be seen. Close streams and stop polls while it can't. */
export function useVisible(): boolean {
  const [isVisible, setVisible] = useState(document.visibilityState === "visible");
  useEffect(() => {
    const update = () => setVisible(document.visibilityState === "visible");
    update();
    document.addEventListener("visibilitychange", update);
    return () => document.removeEventListener("visibilitychange", update);
  }, []);
  return isVisible;
}
