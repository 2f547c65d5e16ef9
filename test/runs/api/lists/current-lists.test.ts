/** A list shows every change that was answered before it, whatever D1 has of it, or says that it is stale. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { RunCoordinator } from "../../../../src/runs/coordinator/coordinator.ts";
import { coordinatorOf } from "../../../../src/runs/protocol.ts";

import { askWith, calledThrough, envWith } from "../../../support/bindings.ts";
import {
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  HOUR_MS,
  hurryTimers,
  journal,
  restart,
  until,
} from "../../../support/direct.ts";
import { faults, holdWrites, queueBatches, resetFaults } from "../../../support/faults.ts";
import { givenReplicated, replicated } from "../../../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, scopeOfPath } from "../../../support/requests.ts";
import { decide, startGated, storeGated } from "../../../support/runs/gated.ts";
import { fillJournal } from "../../../support/runs/rows-in-journal.ts";

const KIB = 1024;

interface Listed {
  readonly ids: readonly string[];
  readonly runs: readonly ActionRun[];
  readonly next: string | null;
  readonly isStale: boolean;
}

async function list(path: string, query = "", environment = envWith({})): Promise<Listed> {
  const { status, headers, body } = await askWith<ActionRun[]>(environment, "GET", `${path}?${query}`);
  expect(status).toBe(200);
  const next = /[?&]cursor=([^&>]+)/.exec(headers.get("Link") ?? "")?.[1] ?? null;
  const isStale = headers.get("Action-Runs-Stale") === "true";
  return { ids: body.map(({ id }) => id), runs: body, next, isStale };
}

/** Follows the links. */
async function pages(path: string, query: string): Promise<Listed[]> {
  const all = [await list(path, query)];
  for (let next = all[0]?.next; next; next = all.at(-1)?.next) {
    all.push(await list(path, `${query}&cursor=${next}`));
  }
  return all;
}

/** D1 takes no row of a run of this environment. */
function refuseRuns(path: string): void {
  const refuse = (bound: string, sql: string) =>
    sql.startsWith("INSERT INTO runs") && bound.endsWith(scopeOfPath(path));
  faults.writes = { refuse };
}

/** How D1 lags behind. Returns what ends it. */
const LAGS: Readonly<Record<string, (path: string) => () => void>> = {
  "takes no writes": () => {
    faults.writes = "down";
    return resetFaults;
  },
  "is slow": (path) => queueBatches(scopeOfPath(path)).open,
  "hangs when it is written": () => {
    faults.writes = "hang";
    return resetFaults;
  },
  "refuses the rows of these runs": (path) => {
    refuseRuns(path);
    return resetFaults;
  },
};

describe.each(Object.entries(LAGS))("while D1 %s", (what, lag) => {
  it("a list shows each change at once, and each filter goes by the newest version", async () => {
    const path = newRunsPath();
    await storeGated(path, { approval: { allowSelf: true } }, "gated");
    const [reported, cancelled, still] = [await createRun(path), await createRun(path), await createRun(path)];
    const waits = (await startGated(path, {}, {}, "gated")).body.id;
    await replicated(path);
    const open = lag(path);
    await report(reported, { status: "succeeded" });
    await ask("DELETE", `${path}/${cancelled.id}`);
    expect((await decide(path, waits, "approve")).status).toBe(200);
    const { id: created } = await createRun(path);
    const expectCurrent = async () => {
      const all = [created, waits, still.id, cancelled.id, reported.id].sort().reverse();
      const { runs, ids, isStale } = await list(path);
      expect([ids, isStale]).toEqual([all, false]);
      expect(runs.find(({ id }) => id === reported.id)?.status).toBe("succeeded");
      const pending = [created, waits, still.id].sort().reverse();
      expect((await list(path, "status=pending")).ids).toEqual(pending);
      expect((await list(path, "status=succeeded")).ids).toEqual([reported.id]);
      expect((await list(path, "status=cancelled&status=failed")).ids).toEqual([cancelled.id]);
      expect((await list(path, "waiting=any")).ids).toEqual([]);
      expect((await list(path, "waiting=approval&actionName=gated")).ids).toEqual([]);
      expect((await list(path, "actionName=gated&status=pending")).ids).toEqual([waits]);
    };
    await expectCurrent();
    if (what.startsWith("refuses")) {
      const quarantined = () => journal(path, "SELECT run_id FROM quarantined_runs");
      await until(async () => (await quarantined()).length === 4);
      await expectCurrent();
    }
    await restart(path);
    await expectCurrent();
    open();
    if (what === "is slow") await replicated(path);
    await expectCurrent();
  });
});

describe("pages over runs that are replicated and runs that are not", () => {
  it.each(["newest", "oldest"])("lose and repeat none, whatever their limit: %s first", async (order) => {
    const path = newRunsPath();
    const runs: { id: string; status: string }[] = [];
    for (let n = 0; n < 12; n++) runs.push({ id: await createAged(path), status: "pending" });
    await replicated(path);
    refuseRuns(path);
    for (const [n, run] of runs.entries()) {
      if (n % 3 > 0) continue;
      run.status = n % 2 > 0 ? "succeeded" : "cancelled";
      await change(path, run.id, n % 2 > 0 ? { type: "succeeded", output: null } : { type: "cancelled" });
    }
    for (let n = 0; n < 5; n++) runs.push({ id: await createAged(path), status: "pending" });
    const inOrder = runs.sort((a, b) => (a.id < b.id === (order === "oldest") ? -1 : 1));
    for (const limit of [1, 2, 7]) {
      for (const status of [null, "pending", "cancelled"]) {
        const asked = `order=${order}&limit=${limit}${status === null ? "" : `&status=${status}`}`;
        const listed = await pages(path, asked);
        const expected = inOrder.filter((run) => status === null || run.status === status);
        const seen = listed.flatMap((page) => page.runs.map((run) => ({ id: run.id, status: run.status })));
        expect([asked, seen]).toEqual([asked, expected]);
        expect(listed.every(({ ids }) => ids.length <= limit)).toBe(true);
        expect(listed.length).toBe(Math.ceil(expected.length / limit));
      }
    }
  });

  it("end where the object has looked at 5000 runs, and the next one goes on", async () => {
    const path = newRunsPath();
    const deadlineAt = Date.now() + HOUR_MS;
    const ended = await createAged(path, { createdAt: Date.now() - DAY_MS, deadlineAt });
    await change(path, ended, { type: "cancelled" });
    await replicated(path);
    refuseRuns(path);
    await fillJournal(path, { rows: 5001, isReplicated: false });
    await restart(path);
    const listed = await pages(path, "status=cancelled&limit=2");
    expect(listed.map(({ ids }) => ids)).toEqual([[], [ended]]);
  });

  it("end at 1 MiB of runs that are not replicated, with those among them that are, and the next one goes on", async () => {
    const path = newRunsPath();
    const parameters = JSON.stringify({ text: "x".repeat(100 * KIB) });
    const ids: string[] = [];
    for (let n = 0; n < 30; n++) ids.push(await createAged(path, n % 2 > 0 ? {} : { parameters }));
    await replicated(path);
    refuseRuns(path);
    for (const [n, id] of ids.entries()) if (n % 2 === 0) await change(path, id, { type: "cancelled" });
    const listed = await pages(path, "limit=200");
    expect(listed.flatMap((page) => page.ids)).toEqual(ids.sort().reverse());
    expect(listed.length).toBe(2);
  });
});

it("a list includes the details of a run that is not replicated, as it does afterwards", async () => {
  const path = newRunsPath();
  refuseRuns(path);
  await createRun(path, { actionName: "deploy", labels: ["a"] });
  const { runs } = await list(path, "include=details&label=a");
  expect(runs).toMatchObject([{ details: { labels: ["a"] } }]);
  faults.writes = null;
  // Its row is tried again 5 s after the refusal.
  await alarmIn(6000, coordinator(path));
  await replicated(path);
  expect((await list(path, "include=details&label=a")).runs).toEqual(runs);
});

it("a list shows no run that was purged before it is replicated, and none that the next object forgets", async () => {
  const path = newRunsPath();
  refuseRuns(path);
  await change(path, await createAged(path), { type: "cancelled" });
  await alarmIn(32 * DAY_MS, coordinator(path));
  await until(async () => (await journal(path, "SELECT id FROM runs")).length === 0);
  expect(await list(path)).toMatchObject({ ids: [], isStale: false });
  await restart(path);
  expect(await list(path)).toMatchObject({ ids: [], isStale: false });
});

it.each(["before", "after"])("a run that is replicated %s the object answers a list is in it once", async (when) => {
  const path = newRunsPath();
  const batches = queueBatches(scopeOfPath(path));
  const id = await createAged(path);
  const replicate = async () => {
    batches.open();
    await replicated(path);
  };
  const around = calledThrough(async (_name, go) => {
    if (when === "before") await replicate();
    const answer = await go();
    await replicate();
    return answer;
  });
  expect((await list(path, "", envWith(around))).ids).toEqual([id]);
});

describe("a list is stale, and shows what D1 has,", () => {
  /** A run that is replicated, and one that is not. */
  async function lagging() {
    const { path, id } = await givenReplicated();
    refuseRuns(path);
    const later = await createAged(path);
    return { path, id, later };
  }

  it.each<[why: string, answer: () => unknown]>([
    [
      "the object can't be reached",
      () => {
        throw new Error("the object is gone");
      },
    ],
    [
      "the platform calls the object overloaded",
      () => {
        throw Object.assign(new Error("too many requests"), { overloaded: true });
      },
    ],
    ["the object says that it is overloaded", () => ({ ok: false, reason: "overloaded" })],
    ["the object hangs", () => new Promise(() => {})],
  ])("while %s", async (_why, answer) => {
    const { path, id, later } = await lagging();
    hurryTimers();
    const broken = envWith(calledThrough(async () => answer()));
    expect(await list(path, "", broken)).toMatchObject({ ids: [id], isStale: true });
    expect(await list(path)).toMatchObject({ ids: [later, id].sort().reverse(), isStale: false });
  });

  it("while a resync walks, and then no longer", async () => {
    const { path, id } = await givenReplicated();
    const gate = holdWrites();
    await direct(path).upkeep.resync();
    expect(await list(path)).toMatchObject({ ids: [id], isStale: true });
    gate.open();
    await replicated(path);
    expect(await list(path)).toMatchObject({ ids: [id], isStale: false });
  });
});

it("the object refuses large answers while the platform holds many back, and answers again afterwards", async () => {
  const path = newRunsPath();
  refuseRuns(path);
  await createAged(path, { parameters: JSON.stringify({ text: "x".repeat(900 * KIB) }) });
  await runInDurableObject(coordinator(path), async (object: RunCoordinator) => {
    const { upkeep } = coordinatorOf(object);
    const answers = await Promise.all(Array.from({ length: 50 }, () => upkeep.lacking({ limit: 1 })));
    expect(answers[0]).toMatchObject({ ok: true });
    expect(answers.at(-1)).toEqual({ ok: false, reason: "overloaded" });
    expect(await upkeep.lacking({ limit: 1 })).toMatchObject({ ok: true });
  });
});
