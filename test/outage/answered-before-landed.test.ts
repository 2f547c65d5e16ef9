/** What is answered before it has landed: it lands by itself, gets never miss it, and lists say that they may. */

import { abortAllDurableObjects } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { alarmIn, change, coordinator, createAged, direct, hurryTimers, until } from "../support/direct.ts";
import { type Fault, faults, queueFlights } from "../support/faults.ts";
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

const D1_BOOKMARK = /^0:[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/;

function partsOf({ headers }: Pick<Answer<unknown>, "headers">): string[] {
  return (headers.get("x-d1-bookmark") ?? "").split(".").filter((part) => part !== "");
}

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
    // The platform's clock is 4 s ahead of the object's, so the alarm, which is set for 5 s later, rings after one.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 4000 });
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
  it("is durable before it is shown, and is listed without waiting for an alarm", async () => {
    const path = newRunsPath();
    const id = await createAged(path, { deadlineAt: Date.now() + 60_000 });
    await direct(path).upkeep.settle();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });
    const flights = queueFlights(scopeOfPath(path));
    const get = await ask<ActionRun>("GET", `${path}/${id}`);
    expect(get.body.status).toBe("failed");
    expect(partsOf(get)).toContain(id);
    await abortAllDurableObjects();
    // Its new instance has the end from the journal: the run's own deadline would not be over yet.
    vi.setSystemTime(Date.now() - 110_000);
    const again = await direct(path).runs.read(id);
    expect(again).toMatchObject({ ok: true, status: "failed", actionRun: JSON.stringify(get.body) });
    flights.open();
    const headers = { "x-d1-bookmark": get.headers.get("x-d1-bookmark") ?? "" };
    const list = await ask<ActionRun[]>("GET", path, { headers });
    expect(list.body).toEqual([get.body]);
    expect(partsOf(list)).toEqual([expect.stringMatching(D1_BOOKMARK)]);
  });
});

describe("a get after an acknowledged change is never behind", () => {
  const WAYS: readonly [how: string, begin: () => void][] = [
    [
      "takes 2 s",
      () => {
        faults.writeDelayMs = 2000;
      },
    ],
    ...(["hang", "down", "full", "committed_then_error"] as const).map(
      (fault: Extract<Fault, string>): [string, () => void] => [
        `is: ${fault}`,
        () => {
          faults.writes = fault;
        },
      ],
    ),
  ];

  it.each(WAYS)("while D1 %s", async (_how, begin) => {
    const path = newRunsPath();
    vi.spyOn(console, "error").mockImplementation(() => {});
    const prepared = await Promise.all(CHANGES.map(([, prepare]) => prepare(path)));
    const late = await createRun(path);
    begin();
    for (const go of prepared) {
      const { id, status } = await go();
      const get = await ask<ActionRun>("GET", `${path}/${id}`);
      expect(get).toMatchObject({ status: 200, body: { id, status } });
      expect(partsOf(get)).toContain(id);
    }
    const beat = late.callback.url.replace(/callback$/, "heartbeat");
    expect((await ask("POST", beat, { token: late.callback.token })).status).toBe(200);
    expect((await ask("GET", `${path}/${late.id}`)).body.status).toBe("running");
    expect(await report(late, { status: "failed", error: "no" })).toMatchObject({ status: 200 });
    expect((await ask("GET", `${path}/${late.id}`)).body).toMatchObject({ status: "failed", error: "no" });
  });
});

it("a list answers while D1 answers reads and refuses writes, and its bookmark says that it is behind", async () => {
  const path = newRunsPath();
  vi.spyOn(console, "error").mockImplementation(() => {});
  const landed = await landedRun(path);
  faults.writes = "down";
  const created = await createRun(path);
  const list = await ask<ActionRun[]>("GET", path);
  expect(list.body.map(({ id }) => id)).toEqual([landed.id]);
  const parts = partsOf(list);
  expect(parts).toHaveLength(2);
  expect(parts).toEqual(expect.arrayContaining([expect.stringMatching(D1_BOOKMARK), created.id]));
  // Whoever goes on from that bookmark sees the run as soon as D1 takes it.
  faults.writes = null;
  await alarmIn(10_000, coordinator(path));
  await until(async () => (await rowOf(created.id)) !== null);
  const headers = { "x-d1-bookmark": list.headers.get("x-d1-bookmark") ?? "" };
  const next = await ask<ActionRun[]>("GET", path, { headers });
  expect(next.body.map(({ id }) => id)).toEqual([created.id, landed.id]);
  expect(partsOf(next)).toEqual([expect.stringMatching(D1_BOOKMARK)]);
});

it("with a D1 that takes half of what is offered, changes are answered at once, and lists answer and say behind", async () => {
  const path = newRunsPath();
  const flights = queueFlights(scopeOfPath(path));
  const ids: string[] = [];
  // D1 takes one flight in two rounds. Each round changes runs before and after its flight has left.
  for (let round = 0; round < 4; round++) {
    const first = await createAged(path);
    await until(async () => flights.held === 1);
    ids.push(first, await createAged(path));
    expect(await change(path, first, { type: "cancelled" })).toMatchObject({ ok: true, bookmark: null });
    expect((await ask("GET", `${path}/${first}`)).body).toMatchObject({ status: "cancelled" });
    if (round % 2 === 1) flights.next();
  }
  await until(async () => flights.held === 1);
  expect(flights.left).toBe(3);
  // The list need not wait for the whole 2 s.
  hurryTimers();
  const headers = { "x-d1-bookmark": ids.at(-1) ?? "" };
  const list = await ask<ActionRun[]>("GET", path, { headers });
  expect(list.status).toBe(200);
  expect(list.body.length).toBeLessThan(ids.length);
  expect(partsOf(list)).toContain(ids.at(-1));
  flights.open();
  await until(async () => !(await direct(path).upkeep.settle()).isBehind);
  const whole = await ask<ActionRun[]>("GET", path, { headers });
  expect(whole.body.map(({ id }) => id)).toEqual([...ids].sort().reverse());
  expect(whole.body.filter(({ status }) => status === "cancelled")).toHaveLength(4);
});
