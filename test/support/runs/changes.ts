/** Reads the feed of changes, and makes a coordinator unreachable. */

import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { readChangeCursor } from "../../../src/runs/api/following.ts";
import type { DetailedRun } from "../../property/model.ts";
import { type Answer, type Ask, ask, scopeOfPath } from "../requests.ts";
import { type Frame, openStreamAt, type Stream, type Watching } from "./stream.ts";

/** An answer of the feed, or one of its events. */
export interface Changes {
  readonly runs: readonly DetailedRun[];
  readonly cursor: string;
  readonly caughtUp: boolean;
}

export function changesOf<T = Changes>(path: string, query = "", options: Ask = {}): Promise<Answer<T>> {
  return ask("GET", `${path}/changes${query}`, options);
}

/** A cursor for now. */
export async function cursorOf(path: string): Promise<string> {
  return (await changesOf(path)).body.cursor;
}

/** The number of a cursor's change. Its epoch is an instant. */
export function seqOf(cursor: string): number {
  const position = readChangeCursor(cursor);
  if (position === null) throw new Error(`${cursor} is no cursor`);
  return position.seq;
}

export function openFeed(path: string, query = "", watching: Watching = {}): Promise<Stream> {
  return openStreamAt(`${path}/changes${query}`, watching);
}

/** The next event of a feed, with its id. Skips other frames. Throws at the end. */
export async function nextChanges(stream: Stream): Promise<Changes & { readonly id: string | null }> {
  for (;;) {
    const frame: Frame | null = await stream.next();
    if (frame === null) throw new Error("the feed has ended");
    if (frame.data !== null) return { ...(JSON.parse(frame.data) as Changes), id: frame.id };
  }
}

/** Nobody reaches the coordinator of the environment until the test ends, or `restore` is called. */
export function loseCoordinator(path: string) {
  const state = { tries: 0 };
  const namespace = Object.getPrototypeOf(env.COORDINATORS) as typeof env.COORDINATORS;
  const { getByName } = namespace;
  const spy = vi.spyOn(namespace, "getByName").mockImplementation(function lossy(this: unknown, name) {
    if (name !== scopeOfPath(path)) return getByName.call(this as typeof env.COORDINATORS, name);
    const fail = () => {
      state.tries++;
      return Promise.reject(new Error("Network connection lost."));
    };
    return new Proxy({}, { get: () => fail }) as ReturnType<typeof getByName>;
  });
  return { restore: () => spy.mockRestore(), state };
}
