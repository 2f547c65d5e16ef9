/** What is answered before it is replicated: it gets to D1 by itself, and gets and lists show it. */

import { abortAllDurableObjects } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { change, createAged, direct, until } from "../support/direct.ts";
import { faults, queueBatches } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import {
  type ActionRun,
  type Answer,
  ask,
  type CreatedRun,
  createRun,
  newRunsPath,
  report,
  rowOf,
  scopeOfPath,
} from "../support/requests.ts";

interface Acknowledged {
  readonly id: string;
  readonly status: string;
}

/** Each is prepared while D1 is well, and done while it is not. */
const CHANGES: readonly [what: string, prepare: (path: string) => Promise<() => Promise<Acknowledged>>][] = [
  ["create", async (path) => () => createRun(path)],
  [
    "callback",
    async (path) => {
      const run = await replicatedRun(path);
      return async () => (await report(run, { status: "succeeded" })).body;
    },
  ],
  [
    "cancel",
    async (path) => {
      const run = await replicatedRun(path);
      return async () => (await ask("DELETE", `${path}/${run.id}`)).body;
    },
  ],
];

async function replicatedRun(path: string): Promise<CreatedRun> {
  const run = await createRun(path);
  await until(async () => (await rowOf(run.id)) !== null);
  return run;
}

describe("an object that dies between the answer and the replication", () => {
  it.each(CHANGES)("has its %s replicated by its own alarm, with nobody touching it", async (_what, prepare) => {
    const path = newRunsPath();
    const go = await prepare(path);
    const batches = queueBatches(scopeOfPath(path));
    // The platform's clock is ahead of the object's, so the alarm, which is set for a minute later, rings after a second.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 59_000 });
    const { id, status } = await go();
    vi.useRealTimers();
    await until(async () => batches.held === 1);
    await abortAllDurableObjects();
    expect((await rowOf(id))?.status).not.toBe(status);
    // The batch under way is lost with its object.
    faults.queue = null;
    // No call but D1's own: the alarm that the change set rings and replicates it.
    await until(async () => (await rowOf(id))?.status === status);
  });
});

describe("an end that a get was first to notice", () => {
  it("is durable before it is shown, and is listed before it is replicated", async () => {
    const path = newRunsPath();
    const id = await createAged(path, { deadlineAt: Date.now() + 60_000 });
    await replicated(path);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });
    const batches = queueBatches(scopeOfPath(path));
    const get = await ask<ActionRun>("GET", `${path}/${id}`);
    expect(get.body.status).toBe("failed");
    await abortAllDurableObjects();
    // Its new instance has the end from the journal: the run's own deadline would not be over yet.
    vi.setSystemTime(Date.now() - 110_000);
    const again = await direct(path).runs.read(id);
    expect(again).toMatchObject({ ok: true, status: "failed", actionRun: JSON.stringify(get.body) });
    expect((await ask<ActionRun[]>("GET", path)).body).toEqual([get.body]);
    expect((await rowOf(id))?.status).toBe("pending");
    batches.open();
  });
});

it("with a D1 that takes half of what is offered, changes are answered at once, and lists show all of them", async () => {
  const path = newRunsPath();
  const batches = queueBatches(scopeOfPath(path));
  const ids: string[] = [];
  // D1 takes one batch in two rounds. Each round changes runs before and after its batch has started.
  for (let round = 0; round < 4; round++) {
    const first = await createAged(path);
    await until(async () => batches.held === 1);
    ids.push(first, await createAged(path));
    expect(await change(path, first, { type: "cancelled" })).toMatchObject({ ok: true });
    if (round % 2 === 1) batches.next();
    const list = await ask<ActionRun[]>("GET", path);
    expect(list.headers.get("Action-Runs-Stale")).toBeNull();
    expect(list.body.map(({ id }) => id)).toEqual([...ids].sort().reverse());
    expect(list.body.filter(({ status }) => status === "cancelled")).toHaveLength(round + 1);
  }
  batches.open();
});

it.each(["newest", "oldest"])(
  "a list of more pending bytes than one answer has shows each run once and as it is, the %s first",
  async (order) => {
    const path = newRunsPath();
    const parameters = { text: "x".repeat(250_000) };
    const ids: string[] = [];
    for (let n = 0; n < 6; n++) ids.push((await createRun(path, { actionName: `deploy-${n % 2}`, parameters })).id);
    await replicated(path);
    const batches = queueBatches(scopeOfPath(path));
    for (const id of ids) await change(path, id, { type: "cancelled" });
    const listed: ActionRun[] = [];
    let pages = 0;
    let next: string | null = `${path}?limit=100&order=${order}`;
    for (; next !== null; pages++) {
      const { body, headers }: Answer<ActionRun[]> = await ask<ActionRun[]>("GET", next);
      listed.push(...body);
      next = /<([^>]+)>/.exec(headers.get("Link") ?? "")?.[1] ?? null;
    }
    expect(pages).toBe(2);
    expect(listed.map(({ id }) => id)).toEqual(order === "newest" ? ids.sort().reverse() : ids.sort());
    expect(new Set(listed.map(({ status }) => status))).toEqual(new Set(["cancelled"]));
    batches.open();
  },
);
