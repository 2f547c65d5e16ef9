/** What an isolate remembers of the changes that went through it, when calls overlap, are slow, or change nothing. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { askWith, calledThrough, envWith } from "../../support/bindings.ts";
import { faulty, holdWrites } from "../../support/faults.ts";
import { hopsOf, watchHops } from "../../support/hops.ts";
import { landed } from "../../support/landed.ts";
import {
  type ActionRun,
  type Answer,
  ask,
  type CreatedRun,
  createRun,
  newRunsPath,
  report,
} from "../../support/requests.ts";
import { beat } from "../../support/stream.ts";

beforeEach(watchHops);
afterEach(() => vi.restoreAllMocks());

/** Creates a run on a slow way to its coordinator: `left` when it is on its way, where it waits for `gate`. */
function createSlowly(path: string, gate: Promise<void>) {
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  const slowly = calledThrough(async (_, go) => {
    leave();
    await gate;
    return go();
  });
  const environment = envWith({ ...slowly, DB: faulty(env.DB) });
  const created = askWith<CreatedRun>(environment, "POST", path, { body: { actionName: "deploy" } });
  return { left, created };
}

/** Lists while D1 takes no writes until the list has asked. */
async function listed(path: string, gate: { open: () => void }): Promise<Answer<ActionRun[]>> {
  const listing = ask<ActionRun[]>("GET", path);
  gate.open();
  return listing;
}

describe("the next list of the isolate shows a change", () => {
  it("though another list came while the change was on its way to its coordinator", async () => {
    const path = newRunsPath();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { left, created } = createSlowly(path, promise);
    await left;
    // This list asks the coordinator, which has nothing to land yet.
    const early = await hopsOf(() => ask("GET", path));
    expect(early.lines).toEqual([{ status: 200, d1: 1, coordinator: 1 }]);
    const gate = holdWrites();
    resolve();
    const { body: run } = await created;
    expect((await listed(path, gate)).body.map(({ id }) => id)).toEqual([run.id]);
  });

  it("though the call to its coordinator took longer than changes are remembered", async () => {
    const path = newRunsPath();
    const { promise, resolve } = Promise.withResolvers<void>();
    const { left, created } = createSlowly(path, promise);
    await left;
    const later = Date.now() + 6000;
    vi.mocked(Date.now).mockImplementation(() => later);
    const gate = holdWrites();
    resolve();
    const { body: run } = await created;
    expect((await listed(path, gate)).body.map(({ id }) => id)).toEqual([run.id]);
  });

  it("though the clock stepped back by an hour after it", async () => {
    const path = newRunsPath();
    const gate = holdWrites();
    const run = await createRun(path);
    const earlier = Date.now() - 3_600_000;
    vi.mocked(Date.now).mockImplementation(() => earlier);
    expect((await listed(path, gate)).body.map(({ id }) => id)).toEqual([run.id]);
  });

  it.each<[name: string, status: number, go: (old: CreatedRun) => Promise<{ status: number }>]>([
    ["a late report", 409, (old) => report(old, { status: "succeeded" })],
    ["a late heartbeat", 409, (old) => beat(old)],
  ])("though %s of another run followed and changed nothing", async (_name, status, go) => {
    const path = newRunsPath();
    const old = await createRun(path);
    await report(old, { status: "succeeded" });
    await landed(path);
    const gate = holdWrites();
    const run = await createRun(path);
    expect((await go(old)).status).toBe(status);
    expect((await listed(path, gate)).body.map(({ id }) => id)).toEqual([run.id, old.id]);
  });

  it("though a heartbeat without news of another run followed", async () => {
    const path = newRunsPath();
    const old = await createRun(path);
    await beat(old);
    await landed(path);
    const gate = holdWrites();
    const run = await createRun(path);
    expect((await beat(old)).status).toBe(200);
    expect((await listed(path, gate)).body.map(({ id }) => id)).toEqual([run.id, old.id]);
  });
});

it("a change that changes nothing leaves nothing to ask a coordinator for", async () => {
  const path = newRunsPath();
  const old = await createRun(path);
  await report(old, { status: "succeeded" });
  await ask("GET", path);
  expect((await report(old, { status: "succeeded" })).status).toBe(409);
  expect((await hopsOf(() => ask("GET", path))).lines).toEqual([{ status: 200, d1: 1, coordinator: 0 }]);
});
