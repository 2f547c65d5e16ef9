/** What goes wrong between two steps of a move: an object gets its first run, a message is late, an answer hangs. */

import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MoveOrder } from "../../src/runs/move-calls.ts";
import { coordinator, createAged, direct, until } from "../support/direct.ts";
import { newRunsPath } from "../support/requests.ts";
import { changed } from "../support/settings.ts";
import { placeRow } from "../support/several-databases.ts";
import { idsIn, landedIn } from "./moves.ts";

beforeEach(() => {
  for (const level of ["error", "log"] as const) vi.spyOn(console, level).mockImplementation(() => {});
});
afterEach(() => {
  for (const name of Object.keys(changed)) delete changed[name as keyof typeof changed];
  vi.restoreAllMocks();
});

const FROM = { database: 1, generation: 1 };
const TARGET = { database: 2, generation: 2 };
const order = (step: MoveOrder["step"]): MoveOrder => ({ step, from: FROM, target: TARGET });

describe("an object without runs", () => {
  it("lands its first runs after the row names the new home, before it is told to switch", async () => {
    changed.NEW_ENVIRONMENTS = "1";
    const path = newRunsPath();
    await landedIn(path, 1, [await createAged(path, { n: 1 })]);
    await direct(path, 2).move(order("copy"));
    await direct(path, 2).move(order("close"));
    await placeRow(path, TARGET);
    const first = await createAged(path, { n: 2 });
    await until(async () => (await direct(path, 2).placement()).home !== null);
    const second = await createAged(path, { n: 2 });
    expect(await direct(path, 2).settle()).toMatchObject({ isBehind: false, home: TARGET });
    expect(await idsIn(2, path)).toEqual([first, second].sort());
    expect(await direct(path, 2).move(order("switch"))).toMatchObject({ home: TARGET, target: null });
    await evictDurableObject(coordinator(path, 2));
    expect(await direct(path, 2).placement()).toMatchObject({ home: TARGET, target: null });
  });
});
