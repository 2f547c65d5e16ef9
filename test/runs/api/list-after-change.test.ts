/** A list shows the changes that its bookmarks name, and without a bookmark those that went through this isolate. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { askWith, calledThrough, envWith } from "../../support/bindings.ts";
import { change, createAged, direct, hurryTimers, mint as mintId, until } from "../../support/direct.ts";
import { faults, holdWrites, queueFlights } from "../../support/faults.ts";
import { hopsOf, watchHops } from "../../support/hops.ts";
import {
  type ActionRun,
  type Answer,
  ask,
  type CreatedRun,
  createRun,
  newRunsPath,
  report,
  scopeOfPath,
} from "../../support/requests.ts";

const BOOKMARK = "x-d1-bookmark";
const D1_ONLY = /^0:[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/;

afterEach(() => {
  vi.restoreAllMocks();
});

function bookmarkOf({ headers }: Pick<Answer<unknown>, "headers">): string {
  return headers.get(BOOKMARK) ?? "";
}

/** With a bookmark, a list never uses the isolate's memory. So it is answered as another isolate would answer it. */
function list(path: string, bookmark: string | null, query = "limit=200"): Promise<Answer<ActionRun[]>> {
  const headers = bookmark === null ? {} : { [BOOKMARK]: bookmark };
  return ask<ActionRun[]>("GET", `${path}?${query}`, { headers });
}

const idsOf = ({ body }: Answer<ActionRun[]>) => body.map(({ id }) => id);

async function create(path: string, bookmark: string | null = null): Promise<Answer<CreatedRun>> {
  const headers = bookmark === null ? {} : { [BOOKMARK]: bookmark };
  const answer = await ask<CreatedRun>("POST", path, { body: { actionName: "deploy" }, headers });
  expect(answer.status).toBe(201);
  return answer;
}

describe("through one isolate and without a bookmark", () => {
  it("a list after a create, a callback or a cancel shows it, 200 times in a row, while others create", async () => {
    const path = newRunsPath();
    let left = 200;
    const others = (async () => {
      while (left > 0) {
        await createRun(path, { actionName: "noise" });
        // The runtime serves timers only when nothing else is to do, and here nothing comes from outside.
        await scheduler.wait(1);
      }
    })();
    try {
      while (left > 0) {
        const run = await createRun(path);
        expect(idsOf(await list(path, null, "actionName=deploy&limit=1"))).toEqual([run.id]);
        const isCancelled = left % 4 === 0;
        await (isCancelled ? ask("DELETE", `${path}/${run.id}`) : report(run, { status: "succeeded" }));
        const status = isCancelled ? "cancelled" : "succeeded";
        expect(idsOf(await list(path, null, `status=${status}&limit=1`))).toEqual([run.id]);
        left -= 2;
      }
    } finally {
      left = 0;
      await others;
    }
  });

  it("a list after a change whose call failed shows it, because the call may have run", async () => {
    const path = newRunsPath();
    const gate = holdWrites();
    const lost = envWith(
      calledThrough(async (_, go) => {
        await go();
        throw new Error("the answer was lost");
      }),
    );
    const answer = await askWith(lost, "POST", path, { body: { actionName: "deploy" } });
    expect(answer.status).toBe(503);
    const listing = list(path, null);
    gate.open();
    expect((await listing).body).toHaveLength(1);
  });
});

describe("from another isolate, with bookmarks", () => {
  it("a list with the bookmark of a create, a callback or a cancel shows it", async () => {
    const path = newRunsPath();
    const [created, other] = [await create(path), await create(path)];
    expect(idsOf(await list(path, bookmarkOf(created)))).toContain(created.body.id);
    const reported = await report(created.body, { status: "succeeded" });
    expect(idsOf(await list(path, bookmarkOf(reported), "status=succeeded"))).toEqual([created.body.id]);
    const cancelled = await ask("DELETE", `${path}/${other.body.id}`);
    expect(idsOf(await list(path, bookmarkOf(cancelled), "status=cancelled"))).toEqual([other.body.id]);
  });

  it("a list with all bookmarks of changes that were made at once shows them all", async () => {
    const path = newRunsPath();
    const created = await Promise.all(Array.from({ length: 12 }, () => create(path)));
    const listed = await list(path, created.map(bookmarkOf).join(", "));
    expect(idsOf(listed).sort()).toEqual(created.map(({ body }) => body.id).sort());
    expect(bookmarkOf(listed)).toMatch(D1_ONLY);
  });

  it("gets, lists that are behind and refusals pass on what they were sent", async () => {
    const path = newRunsPath();
    const gate = holdWrites();
    const [first, second] = [await create(path), await create(path)];
    const sent = { headers: { [BOOKMARK]: bookmarkOf(first) } };
    const got = await ask("GET", `${path}/${second.body.id}`, sent);
    await report(second.body, { status: "succeeded" });
    const refused = await report(second.body, { status: "succeeded" }, sent);
    expect(refused.status).toBe(409);
    gate.open();
    for (const answer of [got, refused]) {
      const listed = await list(path, bookmarkOf(answer));
      expect(idsOf(listed)).toEqual(expect.arrayContaining([first.body.id, second.body.id]));
    }
  });

  it("a get of an ended run that the isolate remembers still says that D1 may be behind", async () => {
    const path = newRunsPath();
    const gate = holdWrites();
    const run = await createRun(path);
    await report(run, { status: "succeeded" });
    const gets = [await ask("GET", `${path}/${run.id}`), await ask("GET", `${path}/${run.id}`)];
    gate.open();
    for (const get of gets) {
      expect(idsOf(await list(path, bookmarkOf(get), "status=succeeded"))).toEqual([run.id]);
    }
  });
});

describe("a list and a summary read at the greatest bookmark of D1 that they know", () => {
  const BEFORE = `0:00000000-00000000-00000000-${"0".repeat(32)}`;
  const AFTER = `0:7fffffff-00000000-00000000-${"0".repeat(32)}`;

  /** A landed run, and the bookmark of D1 that its coordinator tells. */
  async function oneLanded(path: string) {
    const id = await createAged(path);
    const told = (await direct(path).upkeep.settle()).bookmark ?? "";
    expect(BEFORE < told && told < AFTER).toBe(true);
    return { id, told };
  }

  it.each<[which: string, sent: (id: string) => readonly string[], isOfSent: boolean]>([
    ["the coordinator's", (id) => [id], false],
    ["the coordinator's, although a smaller one was sent", (id) => [BEFORE, id], false],
    ["the one that was sent, although the coordinator tells a smaller one", (id) => [AFTER, id], true],
    ["the first of several that were sent", () => [AFTER, BEFORE], true],
    ["the last of several that were sent", () => [BEFORE, AFTER], true],
  ])("%s", async (_which, sent, isOfSent) => {
    const path = newRunsPath();
    const { id, told } = await oneLanded(path);
    for (const url of [path, `${path}/summary`]) {
      faults.sessions = [];
      await ask("GET", url, { headers: { [BOOKMARK]: sent(id).join(",") } });
      expect(faults.sessions).toEqual([(isOfSent ? AFTER : told).replace("0:", "")]);
    }
  });

  it("or at the primary, if they were sent something that they can't read", async () => {
    const path = newRunsPath();
    await oneLanded(path);
    faults.sessions = [];
    await list(path, `${AFTER},${crypto.randomUUID()}`);
    expect(faults.sessions).toEqual(["first-primary"]);
  });
});

describe("a list with many bookmarks", () => {
  /** A run whose end waits behind a flight that is held back. */
  async function endHeldBack(path: string) {
    const ended = await createAged(path);
    expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: false });
    const flights = queueFlights(scopeOfPath(path));
    await createAged(path);
    await change(path, ended, { type: "cancelled" });
    await until(async () => flights.held === 1);
    return { ended, flights };
  }

  it("shows what a genuine one names, among ids that are made up or of another environment", async () => {
    const path = newRunsPath();
    const { ended, flights } = await endHeldBack(path);
    const foreign = await mintId(newRunsPath(), Date.now());
    const madeUp = Array.from({ length: 20 }, () => `${ended.slice(0, 24)}${crypto.randomUUID().slice(24)}`);
    const listing = list(path, [foreign, ended, foreign, ...madeUp].join("."), "status=cancelled");
    flights.open();
    expect(idsOf(await listing)).toEqual([ended]);
  });

  it("shows what the last one names, whatever number of made-up ids comes before it", async () => {
    const path = newRunsPath();
    const { ended, flights } = await endHeldBack(path);
    const madeUp = Array.from({ length: 60 }, () => `${ended.slice(0, 24)}${crypto.randomUUID().slice(24)}`);
    const listing = list(path, [...madeUp, ended].join("."), "status=cancelled");
    flights.open();
    expect(idsOf(await listing)).toEqual([ended]);
  });

  it("wakes no coordinator for a thousand ids that are made up or of another environment, and checks 25 of them", async () => {
    const path = newRunsPath();
    const foreign = await mintId(newRunsPath(), Date.now());
    const sent = [
      ...Array.from({ length: 1000 }, () => `${foreign.slice(0, 24)}${crypto.randomUUID().slice(24)}`),
      foreign,
    ];
    watchHops();
    const checks = vi.spyOn(crypto.subtle, "sign");
    const { lines } = await hopsOf(() => list(path, sent.join(",")));
    expect(lines).toEqual([{ status: 200, d1: 1, coordinator: 0 }]);
    expect(checks).toHaveBeenCalledTimes(25);
  });
});

describe("a list that can't show everything", () => {
  it("says so while D1 answers reads and refuses writes, and shows the rest", async () => {
    const path = newRunsPath();
    const landed = await createRun(path);
    expect(idsOf(await list(path, null))).toEqual([landed.id]);
    faults.writes = "down";
    const created = await create(path);
    for (const sent of [bookmarkOf(created), null]) {
      const listed = await list(path, sent);
      expect(idsOf(listed)).toEqual([landed.id]);
      expect(bookmarkOf(listed)).toContain(created.body.id);
    }
  });

  it.each([
    ["can't be reached", {}],
    ["is overloaded", { overloaded: true }],
  ])("says so while a coordinator %s, and a get answers from D1", async (_what, properties) => {
    const path = newRunsPath();
    const { id } = await createRun(path);
    await list(path, null);
    const created = await create(path);
    const broken = envWith(
      calledThrough(() => {
        throw Object.assign(new Error("the object is gone"), properties);
      }),
    );
    const headers = { [BOOKMARK]: bookmarkOf(created) };
    const listed = await askWith<ActionRun[]>(broken, "GET", path, { headers });
    expect(listed.status).toBe(200);
    expect(bookmarkOf(listed)).toContain(created.body.id);
    const got = await askWith<ActionRun>(broken, "GET", `${path}/${id}`);
    expect(got).toMatchObject({ status: 200, body: { id } });
    expect(bookmarkOf(got)).toBe(id);
  });

  it("answers although a coordinator hangs", async () => {
    const path = newRunsPath();
    const created = await create(path);
    const hanging = envWith(calledThrough(() => new Promise(() => {})));
    hurryTimers();
    const headers = { [BOOKMARK]: bookmarkOf(created) };
    const listed = await askWith<ActionRun[]>(hanging, "GET", path, { headers });
    expect(listed.status).toBe(200);
    expect(bookmarkOf(listed)).toContain(created.body.id);
  });
});

describe("a bookmark of D1 that D1 refuses", () => {
  /** D1 after a restore: it knows no bookmark from before. Notes what is asked of it. */
  function restored(asked: string[]) {
    return envWith({
      DB: {
        withSession: (constraint: string) => {
          asked.push(constraint);
          const session = env.DB.withSession("first-primary");
          if (constraint === "first-primary") return session;
          const refuse = async () => {
            throw new Error("D1_ERROR: the bookmark is not known");
          };
          return { ...session, prepare: () => ({ bind: () => ({ raw: refuse }) }), getBookmark: () => null };
        },
      } as unknown as D1Database,
    });
  }

  it.each<[whose: string, bookmark: string | null]>([
    ["a caller's", "0:ffffffff-00000000-00000000-00000000000000000000000000000000"],
    ["the coordinator's", null],
  ])("is %s, and the list reads the primary instead", async (_whose, bookmark) => {
    const path = newRunsPath();
    const { id } = await createRun(path);
    const asked: string[] = [];
    const headers = bookmark === null ? {} : { [BOOKMARK]: bookmark };
    const listed = await askWith<ActionRun[]>(restored(asked), "GET", path, { headers });
    expect(listed.status).toBe(200);
    // The caller's names no coordinator, so nothing says that the run has landed by now.
    if (bookmark === null) expect(idsOf(listed)).toEqual([id]);
    expect(asked.some((constraint) => D1_ONLY.test(`0:${constraint}`))).toBe(true);
    expect(bookmarkOf(listed)).toMatch(D1_ONLY);
  });
});
