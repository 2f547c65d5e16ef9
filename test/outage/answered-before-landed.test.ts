/** What is answered before it has landed: it lands by itself, and gets and lists show it. */

import { abortAllDurableObjects } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { change, createAged, direct, until } from "../support/direct.ts";
import { faults, queueFlights } from "../support/faults.ts";
import { landed } from "../support/landed.ts";
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

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

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
      const run = await landedRun(path);
      return async () => (await report(run, { status: "succeeded" })).body;
    },
  ],
  [
    "cancel",
    async (path) => {
      const run = await landedRun(path);
      return async () => (await ask("DELETE", `${path}/${run.id}`)).body;
    },
  ],
];

async function landedRun(path: string): Promise<CreatedRun> {
  const run = await createRun(path);
  await until(async () => (await rowOf(run.id)) !== null);
  return run;
}

describe("an object that dies between the answer and the landing", () => {
  it.each(CHANGES)("has its %s land by its own alarm, with nobody touching it", async (_what, prepare) => {
    const path = newRunsPath();
    const go = await prepare(path);
    const flights = queueFlights(scopeOfPath(path));
    // The platform's clock is ahead of the object's, so the alarm, which is set for a minute later, rings after a second.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 59_000 });
    const { id, status } = await go();
    vi.useRealTimers();
    await until(async () => flights.held === 1);
    await abortAllDurableObjects();
    expect((await rowOf(id))?.status).not.toBe(status);
    // The flight that was up is lost with its object.
    faults.queue = null;
    // No call but D1's own: the alarm that the change set rings and lands it.
    await until(async () => (await rowOf(id))?.status === status);
  });
});

describe("an end that a get was first to notice", () => {
  it("is durable before it is shown, and is listed before it has landed", async () => {
    const path = newRunsPath();
    const id = await createAged(path, { deadlineAt: Date.now() + 60_000 });
    await landed(path);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });
    const flights = queueFlights(scopeOfPath(path));
    const get = await ask<ActionRun>("GET", `${path}/${id}`);
    expect(get.body.status).toBe("failed");
    await abortAllDurableObjects();
    // Its new instance has the end from the journal: the run's own deadline would not be over yet.
    vi.setSystemTime(Date.now() - 110_000);
    const again = await direct(path).runs.read(id);
    expect(again).toMatchObject({ ok: true, status: "failed", actionRun: JSON.stringify(get.body) });
    expect((await ask<ActionRun[]>("GET", path)).body).toEqual([get.body]);
    expect((await rowOf(id))?.status).toBe("pending");
    flights.open();
  });
});

it("with a D1 that takes half of what is offered, changes are answered at once, and lists show all of them", async () => {
  const path = newRunsPath();
  const flights = queueFlights(scopeOfPath(path));
  const ids: string[] = [];
  // D1 takes one flight in two rounds. Each round changes runs before and after its flight has left.
  for (let round = 0; round < 4; round++) {
    const first = await createAged(path);
    await until(async () => flights.held === 1);
    ids.push(first, await createAged(path));
    expect(await change(path, first, { type: "cancelled" })).toMatchObject({ ok: true });
    if (round % 2 === 1) flights.next();
    const list = await ask<ActionRun[]>("GET", path);
    expect(list.headers.get("Action-Runs-Stale")).toBeNull();
    expect(list.body.map(({ id }) => id)).toEqual([...ids].sort().reverse());
    expect(list.body.filter(({ status }) => status === "cancelled")).toHaveLength(round + 1);
  }
  flights.open();
});

it.each(["newest", "oldest"])(
  "a list of more unlanded bytes than one answer has shows each run once and as it is, the %s first",
  async (order) => {
    const path = newRunsPath();
    const parameters = { text: "x".repeat(250_000) };
    const ids: string[] = [];
    for (let n = 0; n < 6; n++) ids.push((await createRun(path, { actionName: `deploy-${n % 2}`, parameters })).id);
    await landed(path);
    const flights = queueFlights(scopeOfPath(path));
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
    flights.open();
  },
);
