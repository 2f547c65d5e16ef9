/**
 * What a story makes the platform do, apart from D1's faults: lost answers, equal random numbers, deadlines that come
 * soon.
 */

import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { LACKING_MAX_MS } from "../../src/runs/api/read-runs.ts";
import type { CoordinatorObject } from "../../src/runs/protocol.ts";

import { until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";

/** How much sooner the deadlines of a second or more come while D1 does not answer. */
const HURRY = 100;
const ARRIVED_MAX = { timeout: 200, interval: 1 };
/** A delay that stands for "until it is released". */
const HELD_MS = 2 ** 30;

/** Writes that have left for D1 and do not arrive until they are released. */
export class HeldWrites {
  #held: { isReleased: boolean }[] = [];
  /** Those that have not gone on yet, released or not. */
  readonly #underWay = new Set<{ isReleased: boolean }>();

  get isHolding(): boolean {
    return faults.writeDelayMs === HELD_MS;
  }

  hold(): void {
    faults.writeDelayMs = HELD_MS;
  }

  /** The write that has waited longest arrives. */
  releaseOne(): void {
    const [write] = this.#held.splice(0, 1);
    if (write !== undefined) write.isReleased = true;
  }

  /** Each arrives, and those that follow are not held. */
  releaseAll(): void {
    if (this.isHolding) faults.writeDelayMs = 0;
    for (const write of this.#held.splice(0)) write.isReleased = true;
  }

  /** Resolves when all have gone on. Those of an object that was killed never do. */
  async arrived(): Promise<void> {
    await vi.waitFor(() => expect(this.#underWay.size).toBe(0), ARRIVED_MAX).catch(() => {});
    this.#underWay.clear();
  }

  /**
   * Stands in for `setTimeout`: knows the delay of writes that are held, and hurries while D1 does not answer, so that
   * whoever waits for it with a deadline gives up soon. A held write looks by itself whether it is released, because it
   * must go on in the object that sent it.
   */
  standIn(): void {
    const { setTimeout } = globalThis;
    const waitFor = (write: { readonly isReleased: boolean }, go: () => void): unknown =>
      setTimeout(() => (write.isReleased ? go() : waitFor(write, go)), 1);
    const standIn = (go: () => void, ms = 0, ...args: []) => {
      if (ms === HELD_MS) {
        const write = { isReleased: false };
        this.#held.push(write);
        this.#underWay.add(write);
        return waitFor(write, () => {
          this.#underWay.delete(write);
          go();
        });
      }
      // A list must not give up the object on a slow machine.
      const isHanging = (this.isHolding || faults.reads === "hang") && ms !== LACKING_MAX_MS;
      return setTimeout(go, isHanging && ms >= 1000 ? ms / HURRY : ms, ...args);
    };
    vi.spyOn(globalThis, "setTimeout").mockImplementation(standIn as unknown as typeof setTimeout);
  }
}

type Call = CoordinatorObject["call"];

/** Each call of a coordinator goes through `through` meanwhile. */
async function calling<T>(through: (go: Call, ...args: Parameters<Call>) => unknown, go: () => Promise<T>): Promise<T> {
  const namespace = Object.getPrototypeOf(env.COORDINATORS) as typeof env.COORDINATORS;
  const { getByName } = namespace;
  const spy = vi.spyOn(namespace, "getByName").mockImplementation(function spied(this: unknown, name) {
    const stub: unknown = getByName.call(this as typeof env.COORDINATORS, name);
    const call = async (...args: Parameters<Call>) =>
      through((...asked) => (stub as CoordinatorObject).call(...asked), ...args);
    return { call } as unknown as ReturnType<typeof getByName>;
  });
  try {
    return await go();
  } finally {
    spy.mockRestore();
  }
}

/** Coordinators make the changes that they are asked for, and each answer is lost on the way. */
export function losingAnswers<T>(go: () => Promise<T>): Promise<T> {
  const lose = async (call: Call, ...args: Parameters<Call>) => {
    await call(...args);
    throw new Error("Network connection lost.");
  };
  return calling(lose, go);
}

/** Lists can't reach the object. */
export function withoutObject<T>(go: () => Promise<T>): Promise<T> {
  const fail = async (call: Call, ...args: Parameters<Call>) => {
    if (args[1] === "lacking") throw new Error("Network connection lost.");
    return call(...args);
  };
  return calling(fail, go);
}

/** What a list waits for: to ask the object, or to read D1 with its answer. */
export type ListGate = "object" | "database";

/**
 * The first list waits until `open` is called. `reached` resolves when it waits. Each looks for itself, because a request
 * that has ended must not be what the story goes on in.
 */
export function holdingList<T>(
  gate: ListGate,
  go: (reached: () => Promise<void>, open: () => void) => Promise<T>,
): Promise<T> {
  let [isFirst, isReached, isOpen] = [true, false, false];
  const hold = async (call: Call, ...args: Parameters<Call>) => {
    const holds = args[1] === "lacking" && isFirst;
    if (!holds) return call(...args);
    isFirst = false;
    const answer = gate === "database" ? await call(...args) : null;
    isReached = true;
    while (!isOpen) await scheduler.wait(1);
    return answer ?? call(...args);
  };
  const open = () => {
    isOpen = true;
  };
  return calling(hold, () => go(() => until(async () => isReached), open));
}

/** The first run id that is created meanwhile wants the same place in the journal as any other of its millisecond. */
export async function withSameRandom<T>(go: () => Promise<T>): Promise<T> {
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  let isDrawn = false;
  const rolled = (array: Uint8Array<ArrayBuffer>) => {
    getRandomValues(array);
    // The random part of an id is six bytes. The first 15 bits besides the version and the variant are its place.
    if (array.length === 6 && !isDrawn) {
      isDrawn = true;
      array.set([0, 0, (array[2] ?? 0) & 0x07]);
    }
    return array;
  };
  const spy = vi.spyOn(crypto, "getRandomValues").mockImplementation(rolled as typeof crypto.getRandomValues);
  try {
    return await go();
  } finally {
    spy.mockRestore();
  }
}
