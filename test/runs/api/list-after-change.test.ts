/** A list shows the changes that its bookmarks name, and without a bookmark those that went through this isolate. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { COORDINATORS, mintRunId, readRunId } from "../../../src/runs/run-id.ts";
import { keyRing } from "../../../src/settings/key-ring.ts";
import { askWith, envWith } from "../../support/bindings.ts";
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

/** One create for each coordinator, each after the last one and with its bookmark. */
async function createEverywhere(
  path: string,
  goOn: (last: string) => string | null,
): Promise<Answer<CreatedRun>[]> {
  const found = new Map<number, Answer<CreatedRun>>();
  let last = "";
  while (found.size < COORDINATORS) {
    const answer = await create(path, goOn(last));
    last = bookmarkOf(answer);
    found.set(readRunId(answer.body.id).coordinator, answer);
  }
  return [...found.values()];
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
    const lost = envWith({
      COORDINATORS: {
        getByName: (name: string) => ({
          create: async (...args: unknown[]) => {
            const stub = env.COORDINATORS.getByName(name) as unknown as Record<
              string,
              (...a: unknown[]) => unknown
            >;
            await stub.create?.(...args);
            throw new Error("the answer was lost");
          },
        }),
      } as unknown as DurableObjectNamespace,
    });
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

  it("a list with the last bookmark of a caller who wrote everywhere in turn shows everything", async () => {
    const path = newRunsPath();
    const created = await createEverywhere(path, (last) => (last === "" ? null : last));
    const last = bookmarkOf(created.at(-1) as Answer<CreatedRun>);
    expect(last.split(".").length).toBeLessThanOrEqual(COORDINATORS);
    const listed = await list(path, last);
    expect(idsOf(listed)).toEqual(expect.arrayContaining(created.map(({ body }) => body.id)));
    expect(bookmarkOf(listed)).toMatch(D1_ONLY);
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

  /** Two runs that landed one after the other, and the bookmarks that their coordinators tell, in the same order. */
  async function twoLanded(path: string) {
    const ids: string[] = [];
    const told: string[] = [];
    for (const n of [1, 0]) {
      ids.push(await createAged(path, { n }));
      told.push((await direct(path).upkeep.settle()).bookmark ?? "");
    }
    const [first = "", second = ""] = told;
    expect(BEFORE < first && first < second && second < AFTER).toBe(true);
    return { ids, second };
  }

  it.each<[which: string, sent: (ids: readonly string[]) => readonly string[], isOfSent: boolean]>([
    ["a coordinator's, the last one's", (ids) => ids, false],
    ["a coordinator's, the first one's", (ids) => ids.toReversed(), false],
    ["a coordinator's, although a smaller one was sent", (ids) => [BEFORE, ...ids], false],
    ["the one that was sent, although coordinators tell smaller ones", (ids) => [AFTER, ...ids], true],
    ["the first of several that were sent", () => [AFTER, BEFORE], true],
    ["the last of several that were sent", () => [BEFORE, AFTER], true],
  ])("%s", async (_which, sent, isOfSent) => {
    const path = newRunsPath();
    const { ids, second } = await twoLanded(path);
    for (const url of [path, `${path}/summary`]) {
      faults.sessions = [];
      await ask("GET", url, { headers: { [BOOKMARK]: sent(ids).join(",") } });
      expect(faults.sessions).toEqual([(isOfSent ? AFTER : second).replace("0:", "")]);
    }
  });

  it("or at the primary, if they were sent something that they can't read", async () => {
    const path = newRunsPath();
    const { ids } = await twoLanded(path);
    faults.sessions = [];
    // It names no coordinator. A random id can name one of the two.
    await list(path, [AFTER, ...ids, "0199d2a5-0000-8fff-8000-000000000000"].join(","));
    expect(faults.sessions).toEqual(["first-primary"]);
  });
});

describe("a list with more bookmarks than coordinators", () => {
  /**
   * A run of coordinator 1 whose end waits behind a flight that is held back, and landed runs of another coordinator.
   */
  async function endHeldBack(path: string, others: number) {
    const ended = await createAged(path, { n: 1 });
    expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: false });
    const ids: string[] = [];
    for (let i = 0; i < others; i++) ids.push(await createAged(path, { n: 0 }));
    expect(await direct(path).upkeep.settle()).toMatchObject({ isBehind: false });
    const flights = queueFlights(scopeOfPath(path));
    await createAged(path, { n: 1 });
    await change(path, ended, { type: "cancelled" });
    await until(async () => flights.held === 1);
    return { ended, ids, flights };
  }

  it("asks each coordinator that they name, once", async () => {
    const path = newRunsPath();
    const { ended, ids, flights } = await endHeldBack(path, 200);
    watchHops();
    const { lines } = await hopsOf(async () => {
      const listing = list(path, [ended, ...ids].join(","), "status=cancelled");
      flights.open();
      expect(idsOf(await listing)).toEqual([ended]);
    });
    expect(lines).toEqual([{ status: 200, d1: 1, coordinator: 2 }]);
  });

  it("shows what a genuine one names, among ids that are made up or of another environment", async () => {
    const path = newRunsPath();
    const { ended, flights } = await endHeldBack(path, 0);
    const foreign = await mintId(newRunsPath(), Date.now(), 1);
    const madeUp = Array.from({ length: 20 }, () => `${ended.slice(0, 24)}${crypto.randomUUID().slice(24)}`);
    const listing = list(path, [foreign, ended, foreign, ...madeUp].join("."), "status=cancelled");
    flights.open();
    expect(idsOf(await listing)).toEqual([ended]);
  });

  it("shows what the last one names, whatever number of made-up ids comes before it", async () => {
    const path = newRunsPath();
    const { ended, flights } = await endHeldBack(path, 0);
    const madeUp = Array.from({ length: 60 }, () => `${ended.slice(0, 24)}${crypto.randomUUID().slice(24)}`);
    const listing = list(path, [...madeUp, ended].join("."), "status=cancelled");
    flights.open();
    expect(idsOf(await listing)).toEqual([ended]);
  });

  it("wakes no coordinator for a thousand ids that are made up or of another environment, and checks 100 of them", async () => {
    const path = newRunsPath();
    const madeUp = (n: number, i: number) =>
      `0199d2a5-1234-8${n.toString(16).padStart(3, "0")}-8123-${i.toString(16).padStart(12, "0")}`;
    const foreign = await Promise.all([0, 1, 2, 3].map((n) => mintId(newRunsPath(), Date.now(), n)));
    const sent = [...Array.from({ length: 1000 }, (_, i) => madeUp(i % 8, i)), ...foreign];
    watchHops();
    const checks = vi.spyOn(crypto.subtle, "sign");
    const { lines } = await hopsOf(() => list(path, sent.join(",")));
    expect(lines).toEqual([{ status: 200, d1: 1, coordinator: 0 }]);
    expect(checks).toHaveBeenCalledTimes(100);
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
    const broken = envWith({
      COORDINATORS: {
        getByName: () => {
          throw Object.assign(new Error("the object is gone"), properties);
        },
      } as unknown as DurableObjectNamespace,
    });
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
    const hanging = envWith({
      COORDINATORS: {
        getByName: () => ({ settle: () => new Promise(() => {}) }),
      } as unknown as DurableObjectNamespace,
    });
    hurryTimers();
    const headers = { [BOOKMARK]: bookmarkOf(created) };
    const listed = await askWith<ActionRun[]>(hanging, "GET", path, { headers });
    expect(listed.status).toBe(200);
    expect(bookmarkOf(listed)).toContain(created.body.id);
  });
});

describe("a bookmark that names nothing here", () => {
  const ring = (keys: string | undefined) => {
    const made = keyRing(keys);
    if (!made.ok) throw new Error(made.error);
    return made.value;
  };
  const mint = (keys: string | undefined, path: string) =>
    mintRunId(ring(keys), scopeOfPath(path), { createdAt: Date.now(), coordinator: 0 });

  it.each<[string, (path: string) => Promise<string> | string]>([
    ["made up", () => "made up"],
    ["the old word for a coordinator", () => "coordinator"],
    ["an id without a genuine tag", () => "0199d2a5-1234-8001-8123-456789abcdef"],
    ["of another scope", async () => (await createRun(newRunsPath())).id],
    ["of a key that left the ring", (path) => mint("another-signing-key-of-32-bytes-and-more", path)],
    ["a thousand made-up ids", () => Array.from({ length: 1000 }, () => crypto.randomUUID()).join(".")],
    ["nothing but separators", () => " , . ,, "],
  ])("%s wakes no coordinator and fails nothing", async (_what, make) => {
    const path = newRunsPath();
    const bookmark = await make(path);
    watchHops();
    const { lines } = await hopsOf(async () => {
      expect((await list(path, bookmark)).body).toEqual([]);
    });
    expect(lines).toEqual([{ status: 200, d1: 1, coordinator: 0 }]);
    const created = await create(path, bookmark);
    expect(bookmarkOf(created)).toBe(created.body.id);
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
    ["a coordinator's", null],
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

describe("a change of a run whose key left the ring", () => {
  it("lands before it is answered, because no list could verify its id", async () => {
    const path = newRunsPath();
    const id = await createAged(path);
    await list(path, id);
    const rotated = envWith({ CALLBACK_SIGNING_KEYS: "the-next-signing-key-of-32-bytes-and-more" });
    const cancelled = await askWith<ActionRun>(rotated, "DELETE", `${path}/${id}`);
    expect(cancelled).toMatchObject({ status: 200, body: { status: "cancelled" } });
    expect(bookmarkOf(cancelled)).toMatch(D1_ONLY);
    const headers = { [BOOKMARK]: bookmarkOf(cancelled) };
    const listed = await askWith<ActionRun[]>(rotated, "GET", `${path}?status=cancelled`, { headers });
    expect(idsOf(listed)).toEqual([id]);
  });
});
