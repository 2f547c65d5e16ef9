/** A list by `text`: what it finds, in D1 and in the object, where its pages end, and that one is under way at a time. */

import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunCoordinator } from "../../../../src/runs/coordinator/coordinator.ts";

import { askWith, calledThrough, envWith } from "../../../support/bindings.ts";
import {
  change,
  coordinator,
  createAged,
  direct,
  HOUR_MS,
  hurryTimers,
  restart,
  until,
} from "../../../support/direct.ts";
import { faults, holdReads, resetFaults } from "../../../support/faults.ts";
import { replicated } from "../../../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, scopeOfPath } from "../../../support/requests.ts";
import { idAt, insertRows } from "../../../support/rows.ts";
import { fillJournal } from "../../../support/runs/rows-in-journal.ts";

const KIB = 1024;
const NOON = Date.parse("2026-11-20T12:00:00.000Z");
const NOW = Date.now();

interface Listed {
  readonly ids: readonly string[];
  readonly next: string | null;
  readonly searchedTo: string | null;
  readonly isStale: boolean;
}

const queryOf = (text: string, query = "") => `text=${encodeURIComponent(text)}${query && `&${query}`}`;

function send(path: string, text: string, query = "", environment = envWith({})) {
  return askWith<ActionRun[] & { code?: string }>(environment, "GET", `${path}?${queryOf(text, query)}`);
}

async function list(path: string, text: string, query = "", environment = envWith({})): Promise<Listed> {
  const { status, headers, body } = await send(path, text, query, environment);
  expect([status, body.code]).toEqual([200, undefined]);
  return {
    ids: body.map(({ id }) => id),
    next: /[?&]cursor=([^&>]+)/.exec(headers.get("Link") ?? "")?.[1] ?? null,
    searchedTo: headers.get("Action-Runs-Searched-To"),
    isStale: headers.get("Action-Runs-Stale") === "true",
  };
}

async function pages(path: string, text: string, query = ""): Promise<Listed[]> {
  const all = [await list(path, text, query)];
  for (let next = all[0]?.next; next; next = all.at(-1)?.next) {
    all.push(await list(path, text, `${query}&cursor=${next}`));
  }
  return all;
}

/** D1 takes no row of a run of this environment. */
function refuseRuns(path: string): void {
  const refuse = (bound: string, sql: string) =>
    sql.startsWith("INSERT INTO runs") && bound.endsWith(scopeOfPath(path));
  faults.writes = { refuse };
}

/** The same run in an environment where D1 lacks it, and in one where D1 has it. */
async function lackingAndReplicated(parameters: object) {
  const [lacking, stored] = [newRunsPath(), newRunsPath()];
  await createRun(stored, { actionName: "deploy", parameters });
  await replicated(stored);
  refuseRuns(lacking);
  await createRun(lacking, { actionName: "deploy", parameters });
  return [lacking, stored];
}

/** Texts that a search could take for something else. */
const HOSTILE: readonly [what: string, text: string][] = [
  ["a quote", 'say "no" to it'],
  ["a backslash", "C:\\new\\table"],
  ["a tab and a line end", "one\ttwo\r\nthree"],
  ["a control character", "bell\u0007\u001b[31m"],
  ["a NUL", "a\u0000b"],
  ["an emoji", "ship it 🚀 now"],
  ["bidirectional characters", "abc\u202edcb\u2066x"],
  ["combining marks", `e\u0301${"\u0300".repeat(50)}`],
  ["HTML", "<script>alert('x')</script>"],
  ["a percent sign and an underscore", "100%_done"],
  ["line separators", "a\u2028b\u2029c"],
  ["an apostrophe", "it's"],
];

describe("a list by text", () => {
  it.each(HOSTILE)("finds %s at once, and when D1 has it", async (_what, text) => {
    const parameters = { before: "x", note: `before ${text} after` };
    for (const path of await lackingAndReplicated(parameters)) {
      expect([path, (await list(path, text)).ids.length]).toEqual([path, 1]);
      expect((await list(path, `${text.slice(0, -1)}~`)).ids).toEqual([]);
    }
  });

  it("has no wildcards, and compares ASCII letters alone without case", async () => {
    for (const path of await lackingAndReplicated({ note: "Timed OUT in Łódź, 300 K, Straße" })) {
      for (const text of ["timed out", "TIMED", "łÓdź".replace("ł", "Ł").replace("Ó", "ó"), "300 k", "straße"]) {
        expect([text, (await list(path, text)).ids.length]).toEqual([text, 1]);
      }
      // The Kelvin sign, and letters in the other case.
      for (const text of ["t_med", "timed%out", "łódź", "300 \u212a", "STRASSE"]) {
        expect([text, (await list(path, text)).ids.length]).toEqual([text, 0]);
      }
    }
  });

  it("finds names of members and numbers, because it searches the JSON, but quotes only within texts", async () => {
    for (const path of await lackingAndReplicated({ replicas: 12, note: 'a "b" c' })) {
      for (const [text, found] of [
        ["replicas", 1],
        [":12", 1],
        ["error", 1],
        ['a "b"', 1],
        ['"replicas"', 0],
        ['","', 0],
      ] as const) {
        expect([text, (await list(path, text)).ids.length]).toEqual([text, found]);
      }
    }
  });

  it("finds the title and the subject, and nothing else of the details", async () => {
    const path = newRunsPath();
    const run = { actionName: "run", title: 'Deploy "Shop" 🚀', subject: "team\\shop", labels: ["hidden"] };
    const { id } = await createRun(path, run);
    for (const settle of [async () => {}, () => replicated(path)]) {
      await settle();
      for (const text of ['deploy "shop" 🚀', "TEAM\\s"])
        expect([text, (await list(path, text)).ids]).toEqual([text, [id]]);
      for (const text of ["hidden", "labels", "subject", "shop team"]) {
        expect([text, (await list(path, text)).ids]).toEqual([text, []]);
      }
    }
  });

  it("goes by the newest version: an error that a run got, and one that it no longer has", async () => {
    const path = newRunsPath();
    const [failed, open] = [await createRun(path), await createRun(path)];
    await replicated(path);
    refuseRuns(path);
    expect((await list(path, "disk is full")).ids).toEqual([]);
    await report(failed, { status: "failed", error: "the disk is full" });
    expect((await list(path, "disk is full")).ids).toEqual([failed.id]);
    // D1 still has the old version of it.
    expect((await list(path, "pending")).ids).toEqual([open.id]);
  });

  it("looks only at what the other filters leave, and shows details that are asked for", async () => {
    const path = newRunsPath();
    const parameters = { note: "needle" };
    const wanted = await createRun(path, { actionName: "a", labels: ["x"], parameters });
    await createRun(path, { actionName: "b", parameters });
    for (const settle of [async () => {}, () => replicated(path)]) {
      await settle();
      const { body } = await send(path, "needle", "actionName=a&include=details");
      expect(body).toMatchObject([{ id: wanted.id, details: { labels: ["x"] } }]);
      expect((await list(path, "needle", "label=x&status=pending")).ids).toEqual([wanted.id]);
      expect((await list(path, "needle", "status=failed")).ids).toEqual([]);
      expect((await list(path, "needle")).ids).toHaveLength(2);
    }
  });

  it("is of one environment alone", async () => {
    const [path, other] = [newRunsPath(), newRunsPath()];
    await createRun(other, { actionName: "needle" });
    await replicated(other);
    await createRun(other, { actionName: "needle" });
    await createRun(path);
    expect((await list(path, "needle")).ids).toEqual([]);
    expect(await list(newRunsPath(), "needle")).toEqual({ ids: [], next: null, searchedTo: null, isStale: false });
  });

  it.each([
    ["a", 400],
    ["ab", 200],
    ["🚀", 400],
    ["🚀🚀", 200],
    ["x".repeat(100), 200],
    ["🚀".repeat(100), 200],
    ["x".repeat(101), 400],
  ])("takes 2 to 100 characters: %s", async (text, status) => {
    expect((await send(newRunsPath(), text)).status).toBe(status);
  });

  it("is the only one that takes a text", async () => {
    const path = newRunsPath();
    const [environment] = path.split("/action-runs");
    for (const url of [`${path}/summary?text=abc`, `${path}/changes?text=abc`, `${path}/facets?text=abc`]) {
      expect(await ask("GET", url)).toMatchObject({ status: 400, body: { code: "invalid_query" } });
    }
    const body = { operation: "cancel", filter: { text: "abc" }, dryRun: true, maxRuns: 1 };
    expect(await ask("POST", `${environment}/bulk-operations`, { body })).toMatchObject({ status: 400 });
  });
});

describe("a page of a list by text", () => {
  it("ends after 5000 rows of D1, says how far it looked, and the next one goes on", async () => {
    const path = newRunsPath();
    const wanted = [0, 4998, 4999, 5000, 9999];
    const rows = Array.from({ length: 10_001 }, (_, i) => ({
      id: idAt(NOON - i),
      ...(wanted.includes(i) && { parameters: '{"a":"Needle"}' }),
    }));
    await insertRows(scopeOfPath(path), rows);
    // The object decides where an environment lives, with its first run.
    await createAged(path);
    await replicated(path);
    const expected = wanted.map((i) => rows[i]?.id);
    const all = await pages(path, "needle");
    expect(all.flatMap(({ ids }) => ids)).toEqual(expected);
    // The run of today is one of the first 5000.
    expect(all.map(({ ids }) => ids.length)).toEqual([2, 2, 1]);
    expect(all.map(({ searchedTo }) => searchedTo)).toEqual([
      new Date(NOON - 4998).toISOString(),
      new Date(NOON - 9998).toISOString(),
      null,
    ]);
    for (const order of ["newest", "oldest"]) {
      for (const limit of [1, 3]) {
        const ids = (await pages(path, "needle", `order=${order}&limit=${limit}`)).flatMap((page) => page.ids);
        expect(ids).toEqual(order === "newest" ? expected : expected.toReversed());
      }
    }
  });

  it("ends with the run that makes 32 MiB of those that were searched in D1", async () => {
    const path = newRunsPath();
    const rows = Array.from({ length: 70 }, (_, i) => ({
      id: idAt(NOON - i),
      actionName: i === 1 ? "other" : "deploy",
      parameters: JSON.stringify({ a: "x".repeat(1000 * KIB), at: i === 69 || i === 33 ? "needle" : "" }),
    }));
    await insertRows(scopeOfPath(path), rows);
    await createAged(path, { actionName: "first" });
    await replicated(path);
    const all = await pages(path, "needle", "status=pending&actionName=deploy");
    expect(all.map(({ ids }) => ids)).toEqual([[rows[33]?.id], [], [rows[69]?.id]]);
    const ends = all.map(({ searchedTo }) => searchedTo && NOON - Date.parse(searchedTo));
    // 33 runs of 1000 KiB have 32 MiB. One of the first is another action's, so nobody reads its body.
    expect(ends).toEqual([33, 66, null]);
  });
});

describe("the runs that D1 lacks", () => {
  it("are searched 5000 at a time", async () => {
    const path = newRunsPath();
    const ended = await createAged(path, { createdAt: Date.now() - HOUR_MS });
    await replicated(path);
    refuseRuns(path);
    await fillJournal(path, { rows: 5001, isReplicated: false });
    await restart(path);
    const all = await pages(path, "deploy", "limit=2");
    expect(all.map(({ ids }) => ids)).toEqual([[], [ended]]);
    expect(all[0]?.searchedTo).not.toBeNull();
  });

  it("are searched up to 32 MiB and shown up to 1 MiB, in pages that go on", async () => {
    const path = newRunsPath();
    refuseRuns(path);
    const ids: string[] = [];
    for (let n = 0; n < 50; n++) {
      const text = n % 20 === 7 ? "needle" : "";
      ids.push(await createAged(path, { parameters: JSON.stringify({ text: text + "x".repeat(800 * KIB) }) }));
    }
    const expected = ids
      .filter((_, n) => n % 20 === 7)
      .sort()
      .reverse();
    const all = await pages(path, "needle");
    expect(all.flatMap((page) => page.ids)).toEqual(expected);
    // 41 runs of 800 KiB have 32 MiB.
    expect(all.length).toBeGreaterThan(2);
    await restart(path);
    expect((await pages(path, "needle")).flatMap((page) => page.ids)).toEqual(expected);
  });

  it("leave the object time for other calls, and what changes meanwhile is in the list", async () => {
    const path = newRunsPath();
    refuseRuns(path);
    const note = JSON.stringify({ text: "x".repeat(400 * KIB) });
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) ids.push(await createAged(path, { parameters: note }));
    const oldest = ids.sort()[0] ?? "";
    await runInDurableObject(coordinator(path), async (object: RunCoordinator) => {
      const searched = object.call("upkeep", "search", [{ text: "needle", limit: 50 }]);
      // The search has begun, and has not come to the oldest run yet.
      const event = { type: "failed", error: "a needle", output: null } as const;
      const reported = object.call("runs", "applyEvent", [oldest, event, { key: "m:1", fingerprint: "" }]);
      expect(await reported).toMatchObject({ ok: true });
      expect(await searched).toMatchObject({ ok: true, isStale: false, runs: [expect.stringContaining(oldest)] });
    });
  });

  it("and those of D1 give each run once and in order, whatever the text, the limit and the order", async () => {
    const path = newRunsPath();
    const words = ["alpha", "Beta", "a\\b", '"q"', "éé", "🚀🚀"];
    const runs: { id: string; words: readonly string[] }[] = [];
    const some = fc.sample(fc.subarray(words), { seed: 20261120, numRuns: 40 });
    const create = async (own: readonly string[]) => {
      const parameters = JSON.stringify({ own });
      runs.push({ id: await createAged(path, { parameters, createdAt: NOW - runs.length }), words: own });
    };
    for (const own of some.slice(0, 25)) await create(own);
    await replicated(path);
    refuseRuns(path);
    for (const own of some.slice(25)) await create(own);
    for (const [n, run] of runs.entries()) {
      if (n % 4 > 0) continue;
      const error = n % 8 > 0 ? "omega" : "something else";
      await change(path, run.id, { type: "failed", error, output: null });
      run.words = [...run.words, error];
    }
    const asked = fc.record({
      text: fc.constantFrom(...words, "omega", "none", "own"),
      order: fc.constantFrom("newest", "oldest"),
      limit: fc.integer({ min: 1, max: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(asked, async ({ text, order, limit }) => {
        const expected = runs.filter(({ words }) => text === "own" || words.includes(text)).map(({ id }) => id);
        const all = await pages(path, text, `order=${order}&limit=${limit}`);
        expect(all.every(({ ids }) => ids.length <= limit)).toBe(true);
        const sorted = expected.sort();
        expect(all.flatMap(({ ids }) => ids)).toEqual(order === "oldest" ? sorted : sorted.reverse());
      }),
      { seed: 20261120, numRuns: 40 },
    );
  });
});

describe("lists by text of one environment", () => {
  async function searchable() {
    const path = newRunsPath();
    const { id } = await createRun(path, { actionName: "needle" });
    await replicated(path);
    return { path, id };
  }

  const readsUnderWay = () => faults.sessions.filter((session) => session === "first-primary").length;

  it("are one at a time: the next waits, and others are not held up", async () => {
    const { path, id } = await searchable();
    const other = await searchable();
    const before = readsUnderWay();
    const reads = holdReads();
    const [first, second] = [list(path, "needle"), list(path, "needle")];
    await until(async () => readsUnderWay() === before + 1);
    const elsewhere = list(other.path, "needle");
    await until(async () => readsUnderWay() === before + 2);
    reads.open();
    expect([(await first).ids, (await second).ids, (await elsewhere).ids]).toEqual([[id], [id], [other.id]]);
    expect(readsUnderWay()).toBe(before + 3);
  });

  it("get 429 after 5 s, or at once if a hundred wait, and find their turn later", async () => {
    const { path, id } = await searchable();
    const before = readsUnderWay();
    const reads = holdReads();
    hurryTimers(5000, 5001);
    const asked = Array.from({ length: 102 }, () => send(path, "needle"));
    const refused = await Promise.all(asked.slice(1));
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual(
      Array.from({ length: 101 }, () => [429, "too_many_searches"]),
    );
    expect(refused[0]?.headers.get("Retry-After")).toBe("5");
    // A list without a text takes no turn.
    reads.open();
    await asked[0];
    expect(readsUnderWay()).toBe(before + 1);
    expect((await list(path, "needle")).ids).toEqual([id]);
  });

  it("get 503 if D1 does not answer, fails or is unreachable, and the turn is free again", async () => {
    const { path, id } = await searchable();
    hurryTimers();
    for (const fault of ["down", "hang"] as const) {
      faults.reads = fault;
      expect(await send(path, "needle")).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
      resetFaults();
      // Nobody knows how long D1 goes on with a query that was given up, so the turn is over when D1 would end it.
      if (fault === "hang") expect((await send(path, "needle")).status).toBe(429);
      await until(async () => (await send(path, "needle")).status === 200);
      expect((await list(path, "needle")).ids).toEqual([id]);
    }
  });

  it.each<[why: string, answer: () => unknown]>([
    [
      "can't be reached",
      () => {
        throw new Error("the object is gone");
      },
    ],
    ["hangs", () => new Promise(() => {})],
  ])("get 503 while the object %s, because nobody would count them", async (_why, answer) => {
    const { path } = await searchable();
    hurryTimers();
    const broken = envWith(calledThrough(async () => answer()));
    expect(await send(path, "needle", "", broken)).toMatchObject({
      status: 503,
      body: { code: "coordinator_unavailable" },
    });
  });

  it("hold nothing when the object dies", async () => {
    const { path, id } = await searchable();
    const reads = holdReads();
    const lost = send(path, "needle").catch(() => null);
    await restart(path);
    reads.open();
    await lost;
    expect((await list(path, "needle")).ids).toEqual([id]);
  });

  it("are stale while a resync walks", async () => {
    const { path, id } = await searchable();
    await direct(path).upkeep.resync();
    const { ids, isStale } = await list(path, "needle");
    expect([ids, isStale]).toEqual([[id], true]);
  });
});
