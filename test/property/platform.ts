/** What a story makes the platform do, apart from D1's faults: lost answers, equal random numbers, deadlines that come soon. */

import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { faults } from "../support/faults.ts";

/** How much sooner the deadlines of a second or more come while D1 does not answer. */
const HURRY = 50;

/** While D1 does not answer, whoever waits for it with a deadline waits as long as it takes, but soon. */
export function hurryWhileD1Hangs(): void {
  const { setTimeout } = globalThis;
  const hurried = (handler: () => void, ms = 0, ...args: []) => {
    const isHanging = faults.queue !== null || faults.reads === "hang";
    return setTimeout(handler, isHanging && ms >= 1000 ? ms / HURRY : ms, ...args);
  };
  vi.spyOn(globalThis, "setTimeout").mockImplementation(hurried as unknown as typeof setTimeout);
}

/** Coordinators make the changes that they are asked for, and each answer is lost on the way. */
export async function losingAnswers<T>(go: () => Promise<T>): Promise<T> {
  const namespace = Object.getPrototypeOf(env.COORDINATORS) as typeof env.COORDINATORS;
  const { getByName } = namespace;
  const spy = vi.spyOn(namespace, "getByName").mockImplementation(function lossy(this: unknown, name) {
    const stub = getByName.call(this as typeof env.COORDINATORS, name);
    const change = async (...args: Parameters<typeof stub.change>) => {
      await stub.change(...args);
      throw new Error("Network connection lost.");
    };
    return { change } as unknown as typeof stub;
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
    // A coordinator's number is one byte. The random part of an id is four; the first 15 bits after the variant are its place.
    if (array.length === 1) array[0] = 0;
    if (array.length === 4 && !isMinted) {
      isMinted = true;
      array.set([0, 0, (array[2] ?? 0) & 0x7f]);
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
