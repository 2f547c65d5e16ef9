/**
 * What a story makes the platform do, apart from D1's faults: lost answers, equal random numbers, deadlines that come
 * soon.
 */

import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { CoordinatorObject } from "../../src/runs/protocol.ts";
import { faults } from "../support/faults.ts";

/** How much sooner the deadlines of a second or more come while D1 does not answer. */
const HURRY = 100;
/** How long the pause from one flight to the next is, which is when D1 lacks what was changed. */
const PAUSE_MS = 100;
/** A list that waits makes the pause shorter than this. */
const URGENT_MS = 10;
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
      // Only a pause is a random number. It must not depend on how far the story's clock jumps while a flight is up.
      if (!Number.isInteger(ms)) return setTimeout(go, ms > URGENT_MS ? PAUSE_MS : ms, ...args);
      const isHanging = this.isHolding || faults.reads === "hang";
      return setTimeout(go, isHanging && ms >= 1000 ? ms / HURRY : ms, ...args);
    };
    vi.spyOn(globalThis, "setTimeout").mockImplementation(standIn as unknown as typeof setTimeout);
  }
}

/** Coordinators make the changes that they are asked for, and each answer is lost on the way. */
export async function losingAnswers<T>(go: () => Promise<T>): Promise<T> {
  const namespace = Object.getPrototypeOf(env.COORDINATORS) as typeof env.COORDINATORS;
  const { getByName } = namespace;
  const spy = vi.spyOn(namespace, "getByName").mockImplementation(function lossy(this: unknown, name) {
    const stub: unknown = getByName.call(this as typeof env.COORDINATORS, name);
    const call = async (...args: Parameters<CoordinatorObject["call"]>) => {
      await (stub as CoordinatorObject).call(...args);
      throw new Error("Network connection lost.");
    };
    return { call } as unknown as ReturnType<typeof getByName>;
  });
  try {
    return await go();
  } finally {
    spy.mockRestore();
  }
}

/** The first run id that is minted meanwhile wants the same place in the journal as any other of its millisecond. */
export async function withSameRandom<T>(go: () => Promise<T>): Promise<T> {
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  let isMinted = false;
  const rolled = (array: Uint8Array<ArrayBuffer>) => {
    getRandomValues(array);
    // The random part of an id is six bytes. The first 15 bits besides the version and the variant are its place.
    if (array.length === 6 && !isMinted) {
      isMinted = true;
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

/** D1 gives each session meanwhile the bookmark of long ago, as a flight that comes back late does. */
export async function withOldBookmarks<T>(go: () => Promise<T>): Promise<T> {
  const session = Object.getPrototypeOf(env.DB.withSession()) as D1DatabaseSession;
  const spy = vi
    .spyOn(session, "getBookmark")
    .mockReturnValue(`00000000-00000000-00000000-${"0".repeat(32)}`);
  try {
    return await go();
  } finally {
    spy.mockRestore();
  }
}
