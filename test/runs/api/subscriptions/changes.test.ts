/** GET …/action-runs/changes: which runs the feed has, its cursors, and what it says when it can't read everything. */

import { describe, expect, it, vi } from "vitest";
import { hurryTime } from "../../../support/clock.ts";
import {
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  givenAged,
  journal,
  restart,
  until,
} from "../../../support/direct.ts";
import { breakD1, faults } from "../../../support/faults.ts";
import { replicated } from "../../../support/replicated.ts";
import { type ActionRun, ask, createRun, givenRun, newRunsPath, report } from "../../../support/requests.ts";
import { changesOf, cursorOf, loseCoordinator, nextChanges, openFeed, seqOf } from "../../../support/runs/changes.ts";
import { fillJournal } from "../../../support/runs/rows-in-journal.ts";
import { beat } from "../../../support/runs/stream.ts";
import type { Refusal } from "../../../support/tokens.ts";

/** Who create runs and end them beside a test. */
const WORKERS = 4;
const NOTHING = { runs: [], caughtUp: true };

const idsOf = (runs: readonly { readonly id: string }[]) => runs.map(({ id }) => id);

describe("the feed", () => {
  it("without a cursor has no runs and a cursor for now, and after it each change, in the run's newest version", async () => {
    const { path } = await givenRun();
    const { status, body } = await changesOf(path);
    expect([status, body]).toEqual([200, { ...NOTHING, cursor: body.cursor }]);
    const run = await createRun(path);
    await beat(run);
    const { body: done } = await report(run, { status: "succeeded", output: { a: 1 } });
    const { body: next } = await changesOf(path, `?after=${body.cursor}`);
    expect(next).toEqual({ ...NOTHING, runs: [done], cursor: next.cursor });
    expect(next.cursor).not.toBe(body.cursor);
    expect((await changesOf(path, `?after=${next.cursor}`)).body).toEqual({ ...NOTHING, cursor: next.cursor });
    // Read again from an older cursor, it is the same.
    expect((await changesOf(path, `?after=${body.cursor}`)).body).toEqual(next);
  });

  it("has every run that is kept after the cursor 0, in the order of their last changes", async () => {
    const path = newRunsPath();
    const runs = [];
    for (let n = 0; n < 3; n++) runs.push(await createRun(path));
    const [first, ...others] = runs;
    if (first !== undefined) await report(first, { status: "failed", error: "no" });
    const { body } = await changesOf(path, "?after=0");
    expect(idsOf(body.runs)).toEqual([...idsOf(others), first?.id]);
  });

  it("has a change at once, although the same page was asked for at the same moment", async () => {
    const path = newRunsPath();
    const first = await createRun(path);
    const now = Date.now();
    vi.spyOn(Date, "now").mockReturnValue(now);
    expect(idsOf((await changesOf(path, "?after=0")).body.runs)).toEqual([first.id]);
    const second = await createRun(path);
    expect(idsOf((await changesOf(path, "?after=0")).body.runs)).toEqual([first.id, second.id]);
  });

  it("has details with include=details, the last heartbeat included, and heartbeats that change nothing are no changes", async () => {
    const { path, run, runPath } = await givenRun({ actionName: "deploy", labels: ["b", "a"] });
    await beat(run, { message: "one" });
    const { body } = await changesOf(path, "?after=0&include=details");
    const { body: got } = await ask("GET", `${runPath}?include=details`);
    expect(body.runs).toEqual([got]);
    expect(body.runs[0]?.details).toMatchObject({ labels: ["a", "b"], heartbeat: { message: "one" } });
    await beat(run, { message: "two" });
    expect((await changesOf(path, `?after=${body.cursor}`)).body.runs).toEqual([]);
  });

  it("has only the runs that match, and what a filter leaves out moves the cursor all the same", async () => {
    const path = newRunsPath();
    const both = await createRun(path, { actionName: "deploy", labels: ["a", "b"] });
    const one = await createRun(path, { actionName: "deploy", labels: ["a"] });
    const other = await createRun(path, { actionName: "test", labels: ["a", "b", "c"] });
    const now = await cursorOf(path);
    const matching = async (query: string) => {
      const { body } = await changesOf(path, `?after=0&${query}`);
      expect([query, body.cursor, body.caughtUp]).toEqual([query, now, true]);
      return idsOf(body.runs).sort();
    };
    expect(await matching("actionName=deploy")).toEqual([both.id, one.id].sort());
    expect(await matching("label=b&label=a")).toEqual([both.id, other.id].sort());
    expect(await matching("label=b&label=a&actionName=deploy")).toEqual([both.id]);
    expect(await matching("actionName=none")).toEqual([]);
  });

  it("sends a run that no longer matches nothing, because there is no filter by status", async () => {
    const path = newRunsPath();
    expect((await changesOf<Refusal>(path, "?after=0&status=failed")).body.code).toBe("invalid_query");
  });

  it("reads no D1, also while D1 does not answer", async () => {
    const { path, run } = await givenRun();
    await replicated(path);
    await changesOf(path);
    const before = faults.calls;
    const { open } = breakD1("down");
    const { body } = await changesOf(path, "?after=0");
    open();
    expect(idsOf(body.runs)).toEqual([run.id]);
    expect(faults.calls).toBe(before);
  });
});

describe("a page of the feed", () => {
  async function filled(rows: number): Promise<string> {
    const path = newRunsPath();
    await fillJournal(path, { rows, isReplicated: false });
    // The next instance knows the rows.
    await restart(path);
    return path;
  }

  it("has at most 200 runs, and says that there are more", async () => {
    const path = await filled(450);
    const pages = [];
    for (let cursor = "0", isOver = false; !isOver; ) {
      const { body } = await changesOf(path, `?after=${cursor}`);
      pages.push([body.runs.length, body.caughtUp, seqOf(body.cursor)]);
      ({ cursor, caughtUp: isOver } = body);
    }
    expect(pages).toEqual([
      [200, false, 200],
      [200, false, 400],
      [50, true, 450],
    ]);
  });

  it("walks at most 5000 rows, and comes without runs if the filter leaves all of them out", async () => {
    const path = await filled(5003);
    const { body } = await changesOf(path, "?after=0&actionName=rare");
    expect([body.runs, seqOf(body.cursor), body.caughtUp]).toEqual([[], 5000, false]);
    await createAged(path, { actionName: "rare" });
    const { body: next } = await changesOf(path, `?after=${body.cursor}&actionName=rare`);
    expect([next.runs.length, seqOf(next.cursor), next.caughtUp]).toEqual([1, 5004, true]);
  });

  it("has at most 1 MiB, in bytes, and a run that is larger is alone", async () => {
    const path = newRunsPath();
    // 200 000 bytes of UTF-8 each, and half as many characters.
    const parameters = JSON.stringify({ a: "é".repeat(100_000) });
    for (let n = 0; n < 7; n++) await createAged(path, { parameters });
    const { body } = await changesOf(path, "?after=0");
    expect([body.runs.length, seqOf(body.cursor), body.caughtUp]).toEqual([5, 5, false]);
    expect((await changesOf(path, `?after=${body.cursor}`)).body.runs).toHaveLength(2);
    const huge = newRunsPath();
    for (const id of ["a", "b"]) {
      await createAged(huge, { parameters: JSON.stringify({ [id]: "x".repeat(1_200_000) }) });
    }
    const { body: first } = await changesOf(huge, "?after=0");
    expect([first.runs.length, seqOf(first.cursor), first.caughtUp]).toEqual([1, 1, false]);
  });
});

describe("a cursor", () => {
  it.each([
    "",
    "x",
    "1",
    "1.",
    ".1",
    "1.0",
    "0.1",
    "1.1.1",
    "1.-1",
    "1.01",
    "1.1e3",
    "1,1",
    "00",
    "-0",
    "1.9999999999999999",
    "9999999999999999.1",
    "٣.1",
    "1.1%00",
    "1.1%0A",
    "null",
    "MC4wLjAuMA",
  ])("that is none is 400, in the query and as Last-Event-ID: %s", async (text) => {
    const path = newRunsPath();
    const { status, body } = await changesOf<Refusal>(path, `?after=${text}`);
    expect([status, body.code]).toEqual([400, "invalid_cursor"]);
    expect(body.error).toMatch(/^after is not a cursor.*Send /);
    const headers = { Accept: "text/event-stream", "Last-Event-ID": text.replace(/[^ -~]/g, "?") };
    const ofStream = await changesOf<Refusal>(path, "?after=0", { headers });
    if (text === "") return;
    expect([ofStream.status, ofStream.body.code]).toEqual([400, "invalid_cursor"]);
  });

  it("beyond the newest change, or of another epoch, is 410 and says what to do, even with a wait or in a stream", async () => {
    const { path } = await givenRun();
    const cursor = await cursorOf(path);
    const [epoch] = cursor.split(".");
    for (const query of [`?after=${epoch}.2`, `?after=${epoch}.2&wait=60`, `?after=${Number(epoch) - 1}.1`]) {
      const { status, body } = await changesOf<Refusal>(path, query);
      expect([query, status, body.code]).toEqual([query, 410, "cursor_gone"]);
      expect(body.error).toMatch(/restored or resynced.*take a new cursor, list the runs, and follow/);
    }
    const headers = { Accept: "text/event-stream", "Last-Event-ID": `${epoch}.2` };
    expect((await changesOf<Refusal>(path, "?after=0", { headers })).status).toBe(410);
    expect((await changesOf(path, `?after=${cursor}`)).status).toBe(200);
  });

  it("is not behind a create that was refused, so no later number is at or below it", async () => {
    const path = newRunsPath();
    const headers = { "Idempotency-Key": "k" };
    const run = await createRun(path, { actionName: "deploy" }, { headers });
    expect((await ask<Refusal>("POST", path, { body: { actionName: "x" }, headers })).status).toBe(422);
    const cursor = await cursorOf(path);
    await restart(path);
    expect((await changesOf(path, `?after=${cursor}`)).body).toEqual({ ...NOTHING, cursor });
    await report(run, { status: "succeeded" });
    expect(idsOf((await changesOf(path, `?after=${cursor}`)).body.runs)).toEqual([run.id]);
  });

  it("stays when the run with the newest change was purged, and after a restart", async () => {
    const { path, id } = await givenAged();
    await change(path, id, { type: "cancelled", by: "root" });
    await replicated(path);
    const cursor = await cursorOf(path);
    await alarmIn(31 * DAY_MS, coordinator(path));
    await until(async () => (await changesOf(path, "?after=0")).body.runs.length === 0);
    await restart(path);
    expect((await changesOf(path, `?after=${cursor}`)).body).toEqual({ ...NOTHING, cursor });
    const next = await createAged(path);
    expect(idsOf((await changesOf(path, `?after=${cursor}`)).body.runs)).toEqual([next]);
  });

  it("of an environment that was never written to is 0, and stays before every change", async () => {
    const path = newRunsPath();
    expect((await changesOf(path)).body).toEqual({ ...NOTHING, cursor: "0" });
    const run = await createRun(path);
    expect(idsOf((await changesOf(path, "?after=0")).body.runs)).toEqual([run.id]);
  });

  it("from before a resync is gone when the resync is done, and 0 is before every change", async () => {
    const { path, run } = await givenRun();
    await replicated(path);
    const before = await cursorOf(path);
    hurryTime();
    const waiting = changesOf<Refusal>(path, `?after=${before}&wait=60`);
    const stream = await openFeed(path, `?after=${before}`);
    await nextChanges(stream);
    await resynced(path);
    expect((await changesOf<Refusal>(path, `?after=${before}`)).body.code).toBe("cursor_gone");
    expect((await waiting).body.code).toBe("cursor_gone");
    await expect(nextChanges(stream)).rejects.toThrow("the feed has ended");
    const { body } = await changesOf(path, "?after=0");
    expect(idsOf(body.runs)).toEqual([run.id]);
    expect((await changesOf(path, `?after=${body.cursor}`)).body).toEqual({ ...NOTHING, cursor: body.cursor });
    const again = await cursorOf(path);
    await restart(path);
    expect(await cursorOf(path)).toBe(again);
  });

  it("of changes that a restore of the object lost is gone after the resync, although others have their numbers", async () => {
    const { path } = await givenAged();
    await resynced(path);
    await createAged(path);
    const lost = await cursorOf(path);
    // The object as it was before the second run, when its clock was ahead.
    await journal(path, "DELETE FROM runs WHERE change_seq = 2");
    const ahead = Date.now() + DAY_MS;
    await journal(path, "UPDATE metadata SET value = ? WHERE name = 'epoch'", String(ahead));
    await restart(path);
    await createAged(path);
    await resynced(path);
    const now = await cursorOf(path);
    expect([seqOf(now), now]).toEqual([seqOf(lost), `${ahead + 1}.2`]);
    expect((await changesOf<Refusal>(path, `?after=${lost}`)).body.code).toBe("cursor_gone");
  });

  it("of an environment means nothing in another, and opens nothing there", async () => {
    const { path, run } = await givenRun();
    const cursor = await cursorOf(path);
    const other = newRunsPath();
    expect((await changesOf<Refusal>(other, `?after=${cursor}`)).status).toBe(410);
    expect((await changesOf(other, "?after=0")).body.runs).toEqual([]);
    expect((await changesOf<Refusal>(path, "?after=0", { token: run.callback.token })).status).toBe(401);
  });
});

it("while the coordinator can't be reached, the feed is 503 and asks for a pause, with and without a cursor", async () => {
  const { path } = await givenRun();
  const cursor = await cursorOf(path);
  loseCoordinator(path);
  for (const accept of ["application/json", "text/event-stream"]) {
    for (const query of ["", "?after=0", `?after=${cursor}&wait=60`]) {
      const { status, headers, body } = await changesOf<Refusal>(path, query, { headers: { Accept: accept } });
      expect([status, body.code]).toEqual([503, "coordinator_unavailable"]);
      expect(headers.get("Retry-After")).toBe("5");
    }
  }
});

/** Resyncs the environment, to the end. */
async function resynced(path: string): Promise<void> {
  await direct(path).upkeep.resync();
  await replicated(path);
}

describe("a cursor, and then a list", () => {
  it("have every run while D1 takes no writes, and the cursor is the newest", async () => {
    const path = newRunsPath();
    faults.writes = "down";
    const ids = [await createAged(path), await createAged(path)];
    const { body } = await changesOf(path);
    expect([body.runs, seqOf(body.cursor), body.caughtUp]).toEqual([[], 2, true]);
    expect(idsOf((await ask<ActionRun[]>("GET", path)).body).sort()).toEqual(ids.sort());
  });

  it("misses no run that is created or changed meanwhile, and none that was created before", async () => {
    const path = newRunsPath();
    const created: string[] = [];
    const ended = new Set<string>();
    let isOver = false;
    /** Up to how many runs each worker goes on, as fast as it can. Each view reads all runs. */
    let upTo = 0;
    /** Creates runs and ends them. Not through this isolate, which would remember the changes. */
    const work = async () => {
      for (let made = 0; !isOver; made++) {
        while (made >= upTo && !isOver) await scheduler.wait(1);
        const id = await createAged(path);
        created.push(id);
        await change(path, id, { type: "succeeded", output: null });
        ended.add(id);
      }
    };
    const workers = Array.from({ length: WORKERS }, work);
    const views: { seen: Map<string, string>; cursor: string; before: string[] }[] = [];
    for (let n = 0; n < 12; n++) {
      const made = WORKERS * upTo;
      await until(async () => ended.size >= made);
      upTo += 10;
      const before = [...ended];
      const { body } = await changesOf(path);
      const seen = new Map<string, string>();
      for (let cursor = ""; ; ) {
        const listed = await ask<ActionRun[]>("GET", `${path}?limit=50${cursor}`);
        for (const { id, status } of listed.body) seen.set(id, status);
        const [, next] = /[?&](cursor=[^&>]+)/.exec(listed.headers.get("Link") ?? "") ?? [];
        if (next === undefined) break;
        cursor = `&${next}`;
      }
      views.push({ seen, cursor: body.cursor, before });
    }
    isOver = true;
    await Promise.all(workers);
    for (const { seen, cursor, before } of views) {
      // What had ended before the cursor was taken is in the list.
      for (const id of before) expect(seen.get(id)).toBe("succeeded");
      for (let after = cursor, caughtUp = false; !caughtUp; ) {
        const { body } = await changesOf(path, `?after=${after}`);
        for (const { id, status } of body.runs) seen.set(id, status);
        ({ cursor: after, caughtUp } = body);
      }
      expect(seen.size).toBe(created.length);
      expect([...seen.values()].every((status) => status === "succeeded")).toBe(true);
    }
    expect(created.length).toBeGreaterThan(100 * WORKERS);
  });
});

describe("a wait", () => {
  it("answers with the next change, or after its time with nothing", async () => {
    const path = newRunsPath();
    const cursor = await cursorOf(path);
    hurryTime();
    const waiting = changesOf(path, `?after=${cursor}&wait=60`);
    const run = await createRun(path);
    const { body } = await waiting;
    expect(idsOf(body.runs)).toEqual([run.id]);
    expect((await changesOf(path, `?after=${body.cursor}&wait=1`)).body).toEqual({ ...NOTHING, cursor: body.cursor });
  });

  it("answers at once if there is a change already, if there is no cursor, and for wait=0", async () => {
    const { path } = await givenRun();
    const startedAt = performance.now();
    const { body } = await changesOf(path, "?after=0&wait=60");
    expect(body.runs).toHaveLength(1);
    await changesOf(path, "?wait=60");
    await changesOf(path, `?after=${body.cursor}&wait=0`);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  it("goes on for a run that the filter leaves out, and its cursor moves on", async () => {
    const path = newRunsPath();
    const cursor = await cursorOf(path);
    hurryTime();
    const waiting = changesOf(path, `?after=${cursor}&wait=60&actionName=deploy`);
    const other = await createRun(path, { actionName: "test" });
    await change(path, other.id, { type: "cancelled", by: "root" });
    const run = await createRun(path);
    const { body } = await waiting;
    expect(idsOf(body.runs)).toEqual([run.id]);
    expect(seqOf(body.cursor)).toBe(3);
  });
});
