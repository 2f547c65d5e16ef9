/**
 * The journal's cursor of what is replicated: after a restart, only what may not be replicated is replicated again.
 */

import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Journal } from "../../../src/runs/journal/journal.ts";
import {
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  HOUR_MS,
  journal,
  restart,
  until,
} from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { replicated } from "../../support/replicated.ts";
import { newRunsPath, rowOf, scopeOfPath } from "../../support/requests.ts";
import { CONTENT, type HeldBatches, itHeld, OUTAGE, withHeldBatches } from "./held-batches.ts";

itHeld(
  "a run that D1 refuses is replicated after a restart, although the journal could not list it at once",
  async ({ writer, restart, batch, batches, write, storage, idOf }) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    write("a", 1);
    await until(async () => batches.length === 1);
    storage.sql.exec("CREATE TRIGGER full BEFORE INSERT ON quarantined_runs BEGIN SELECT RAISE(FAIL, 'full'); END");
    batch(0).fail(CONTENT);
    await until(async () => writer.quarantined.size === 1 || writer.pending.isAnyWaiting);
    storage.sql.exec("DROP TRIGGER full");
    writer.noteReplicated();
    expect(
      restart()
        .journal.replicaIn(0)
        .pending()
        .map(({ id }) => id),
    ).toEqual([idOf("a")]);
  },
);

/** The environment's runs that are written to D1 from now on, as `id@version`. */
function noteSent(path: string): string[] {
  const sent: string[] = [];
  faults.writes = {
    refuse: (bound) => {
      if (!bound.endsWith(scopeOfPath(path))) return false;
      for (const [, id, version] of bound.matchAll(/\["([0-9a-f-]{36})",(\d+),/g)) sent.push(`${id}@${version}`);
      return false;
    },
  };
  return sent;
}

async function cursor(path: string): Promise<number> {
  const [row] = await journal<{ at: number }>(
    path,
    "SELECT value ->> 'replicatedSeq' AS at FROM metadata WHERE name = 'replica:0'",
  );
  return row?.at ?? 0;
}

/** Runs that are replicated, which the alarm has noted. */
async function createNoted(path: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push(await createAged(path));
  await replicated(path);
  await alarmIn(0, coordinator(path));
  expect(await cursor(path)).toBeGreaterThanOrEqual(count);
  return ids;
}

/** Lets the alarm of a new instance ring, and waits until the instance has nothing left to replicate. */
async function restartAndRetry(path: string): Promise<void> {
  await restart(path);
  await alarmIn(61_000, coordinator(path));
  await replicated(path);
}

// A day ahead, so that no alarm rings unless a test rings it.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
});

describe("after a restart", () => {
  it("exactly what was not replicated is replicated", async () => {
    const path = newRunsPath();
    const [first = ""] = await createNoted(path, 3);
    faults.writes = "down";
    const created = await createAged(path);
    await change(path, first, { type: "started" });
    const sent = noteSent(path);
    await restartAndRetry(path);
    await until(async () => (await rowOf(created)) !== null);
    expect(sent.sort()).toEqual([`${created}@1`, `${first}@2`].sort());
  });

  it("what was replicated is written again if no alarm had noted it, and nothing is once an alarm has", async () => {
    const path = newRunsPath();
    await createNoted(path, 2);
    const id = await createAged(path);
    await replicated(path);
    expect(await rowOf(id)).not.toBeNull();
    const sent = noteSent(path);
    await restartAndRetry(path);
    expect(sent).toEqual([`${id}@1`]);
    await alarmIn(61_000, coordinator(path));
    await restartAndRetry(path);
    expect(sent).toHaveLength(1);
  });

  it("a run that D1 refused is still known, though its number is below the cursor, and is tried again", async () => {
    const path = newRunsPath();
    vi.spyOn(console, "error").mockImplementation(() => {});
    faults.writes = { refuse: (bound) => bound.includes("poison") };
    const refused = await createAged(path, { actionName: "poison" });
    await until(async () => (await journal(path, "SELECT run_id FROM quarantined_runs")).length === 1);
    const others = [await createAged(path), await createAged(path)];
    await until(async () => (await rowOf(others[1] ?? "")) !== null);
    await alarmIn(0, coordinator(path));
    expect(await cursor(path)).toBe(3);
    const sent = noteSent(path);
    await restartAndRetry(path);
    await until(async () => (await rowOf(refused)) !== null);
    expect(sent).toEqual([`${refused}@1`]);
    await until(async () => (await journal(path, "SELECT run_id FROM quarantined_runs")).length === 0);
    await restartAndRetry(path);
    expect(sent).toHaveLength(1);
  });

  it("a clock that stepped back does not hide what was written after that", async () => {
    const path = newRunsPath();
    const [first = ""] = await createNoted(path, 2);
    vi.setSystemTime(Date.now() - HOUR_MS);
    faults.writes = "down";
    const created = await createAged(path, { deadlineAt: Date.now() + DAY_MS });
    await change(path, first, { type: "started" });
    const sent = noteSent(path);
    await restartAndRetry(path);
    await until(async () => (await rowOf(created)) !== null);
    expect(sent.sort()).toEqual([`${created}@1`, `${first}@2`].sort());
  });

  itHeld(
    "a change is replicated that was written before one of a run that was replicated again, if their batch failed",
    async ({ writer, restart, batch, batches, journal, write, idOf }) => {
      for (const name of ["a", "b"]) write(name, 1);
      await until(async () => batches.length === 1);
      batch(0).succeed();
      await until(async () => writer.pending.size === 0);
      writer.noteReplicated();
      writer.replicateAgain(journal.replicaIn(0).between("", "g", 1));
      await until(async () => batches.length === 2);
      const [again, other] = batch(1).rows[0] === "a@1" ? ["a", "b"] : ["b", "a"];
      write(other, 2);
      write(again, 2);
      batch(1).fail(OUTAGE);
      await until(async () => writer.pending.isAnyChangeWaiting && !writer.pending.isAgain(idOf(again)));
      writer.noteReplicated();
      const known = restart()
        .journal.replicaIn(0)
        .pending()
        .map(({ id }) => id);
      expect(known).toEqual([idOf(other), idOf(again)]);
    },
  );

  itHeld(
    "numbers go on after the run with the highest one was purged",
    async ({ writer, journal: first, restart, batch, batches, write, idOf }) => {
      write("a", 1);
      write("b", 1);
      await until(async () => batches.length === 1);
      batch(0).succeed();
      await until(async () => writer.pending.size === 0);
      writer.noteReplicated();
      expect(first.replicaIn(0).replicatedSeq).toBe(2);
      first.forget([idOf("b")]);
      writer.forget([idOf("b")]);
      const second = restart();
      write("c", 1, "{}", { instance: second });
      expect(second.writer.pending.firstSeq).toBe(3);
      expect(restart().journal.replicaIn(0).pending()).toMatchObject([{ id: idOf("c"), seq: 3 }]);
    },
  );
});

const SEED = 20260131;
const NAMES = ["a", "b", "c", "d"] as const;

/** `lose`: a batch commits and its answer is lost. */
type Step =
  | { readonly what: "write"; readonly name: (typeof NAMES)[number] }
  | { readonly what: "succeed" | "refuse" | "fail" | "lose"; readonly nth: number }
  | { readonly what: "pass"; readonly ms: number }
  | { readonly what: "retry" | "note" | "restart" };

const nth = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant("write"), name: fc.constantFrom(...NAMES) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant("succeed"), nth }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom("refuse", "fail", "lose"), nth }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("pass"), ms: fc.constantFrom(1, 50, 2500, 10_000) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom("retry", "note", "restart") }) },
) as fc.Arbitrary<Step>;

/** Plays a story, and after each step holds the journal against what D1 has. */
async function play({ restart, write, batches, idOf, storage, ...first }: HeldBatches, steps: readonly Step[]) {
  const written = new Map<string, number>();
  const inD1 = new Map<string, number>();
  const over = new Set<object>();
  let instance: ReturnType<typeof restart> = first;
  /** How many batches started before the last restart. They may still be written, but nobody hears of it. */
  let forgotten = 0;

  function end(what: "succeed" | "refuse" | "fail" | "lose", nth: number): void {
    const batch = batches.filter((some) => !over.has(some))[nth];
    if (batch === undefined) return;
    over.add(batch);
    for (const row of what === "succeed" || what === "lose" ? batch.rows : []) {
      const [name = "", version = ""] = row.split("@");
      inD1.set(name, Math.max(inD1.get(name) ?? 0, Number(version)));
    }
    if (batches.indexOf(batch) < forgotten) return;
    if (what === "succeed") batch.succeed();
    else batch.fail(what === "refuse" ? CONTENT : OUTAGE);
  }

  async function take(now: Step): Promise<void> {
    if (now.what === "write") {
      const version = (written.get(now.name) ?? 0) + 1;
      written.set(now.name, version);
      write(now.name, version, "{}", { instance });
    } else if (now.what === "pass") await vi.advanceTimersByTimeAsync(now.ms);
    else if (now.what === "note") instance.writer.noteReplicated();
    else if (now.what === "restart") {
      vi.clearAllTimers();
      forgotten = batches.length;
      instance = restart();
    } else if ("nth" in now) end(now.what, now.nth);
    else instance.writer.writeNow();
    await vi.advanceTimersByTimeAsync(0);
  }

  function check(): void {
    const next = new Journal(storage, first.journal.scope).replicaIn(0);
    const wouldReplicate = new Set(next.pending().map(({ id }) => id));
    for (const [name, version] of written) {
      if ((inD1.get(name) ?? 0) >= version) continue;
      expect(wouldReplicate.has(idOf(name))).toBe(true);
      const query = `
        SELECT change_seq AS seq, id IN (SELECT run_id FROM quarantined_runs) AS isRefused FROM runs WHERE id = ?`;
      const { seq, isRefused } = storage.sql.exec<{ seq: number; isRefused: number }>(query, idOf(name)).one();
      if (isRefused === 0) expect(next.replicatedSeq).toBeLessThan(seq);
    }
  }

  for (const now of steps) {
    await take(now);
    check();
  }
  // They belong to this story's object.
  vi.clearAllTimers();
}

it("the cursor never passes a run that is not replicated, whatever succeeds, fails, is refused, comes late, or is restarted", async () => {
  vi.useRealTimers();
  vi.useFakeTimers();
  const stories = fc.array(step, { minLength: 10, maxLength: 40 });
  const tell = (steps: readonly Step[]) => withHeldBatches((held) => play(held, steps));
  await fc.assert(fc.asyncProperty(stories, tell), { seed: SEED, numRuns: 20 });
});
