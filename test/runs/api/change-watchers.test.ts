/** Who watches the feed of changes: streams and waits, how often they are woken, and what they share. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { RunCoordinator } from "../../../src/runs/coordinator/coordinator.ts";
import { WATCHERS_MAX, WATCHERS_PER_TOKEN } from "../../../src/runs/coordinator/watchers.ts";
import { RunRows } from "../../../src/runs/journal/run-rows.ts";
import { COORDINATORS, coordinatorOfKey } from "../../../src/runs/run-id.ts";
import { changesOf, cursorOf, loseCoordinators, nextChanges, openFeed } from "../../support/changes.ts";
import { hurryTime, later } from "../../support/clock.ts";
import { createAged, direct, until } from "../../support/direct.ts";
import { ask, createRun, newRunsPath, report } from "../../support/requests.ts";
import { within } from "../../support/stream.ts";
import { grantToken, newProject, type Refusal, revokeElsewhere } from "../../support/tokens.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const NOTHING = { runs: [], caughtUp: true, incomplete: false };

function createIn(path: string, n: number, body: Record<string, unknown> = { actionName: "deploy" }) {
  let key: string = crypto.randomUUID();
  while (coordinatorOfKey(key) !== n) key = crypto.randomUUID();
  return createRun(path, body, { headers: { "Idempotency-Key": key } });
}

const watcher = (tokenId = "a token") => ({ key: crypto.randomUUID(), tokenId });

describe("a stream of the feed", () => {
  it("begins with a cursor, has each change with its cursor as the id, and a new one goes on after any id", async () => {
    const path = newRunsPath();
    hurryTime();
    const stream = await openFeed(path);
    expect(stream.headers.get("Content-Type")).toBe("text/event-stream; charset=utf-8");
    expect(stream.headers.get("x-d1-bookmark")?.split(".")).toHaveLength(COORDINATORS);
    const first = await nextChanges(stream);
    expect(first).toEqual({ ...NOTHING, cursor: "0.0.0.0", id: "0.0.0.0" });
    const run = await createIn(path, 2);
    const created = await nextChanges(stream);
    expect([created.runs.map(({ status }) => status), created.id]).toEqual([["pending"], "0.0.1.0"]);
    await report(run, { status: "succeeded" });
    const ended = await nextChanges(stream);
    expect([ended.runs.map(({ status }) => status), ended.cursor]).toEqual([["succeeded"], "0.0.2.0"]);
    await stream.cancel();

    const resumed = await openFeed(path, "?after=0.0.2.0", { lastEventId: "0.0.1.0" });
    expect(await nextChanges(resumed)).toEqual(ended);
    await resumed.cancel();
    const after = await openFeed(path, "?after=0.0.1.0&include=details&actionName=deploy");
    const { runs } = await nextChanges(after);
    expect(runs[0]?.details).toMatchObject({ source: "none" });
    await after.cancel();
  });

  it("asks only the coordinator again that has answered, and keeps its calls to the others", async () => {
    const path = newRunsPath();
    hurryTime();
    const calls = vi.spyOn(RunCoordinator.prototype, "watchChanges");
    const stream = await openFeed(path);
    await nextChanges(stream);
    for (let n = 0; n < 3; n++) {
      const next = nextChanges(stream);
      await createIn(path, 1);
      await next;
    }
    const next = stream.next().catch(() => null);
    const ofStream = () => {
      const key = calls.mock.lastCall?.[1].key;
      return calls.mock.calls.filter(([, { key: other }]) => other === key).length;
    };
    // All at the beginning, all that wait, and then one after each event.
    await until(async () => ofStream() >= 4 + 4 + 3);
    expect(ofStream()).toBe(4 + 4 + 3);
    await stream.cancel();
    await next;
  });

  it("has one event a second at most, with the changes of all coordinators", async () => {
    const path = newRunsPath();
    const stream = await openFeed(path, "?after=0");
    await nextChanges(stream);
    await createIn(path, 0);
    expect((await nextChanges(stream)).runs).toHaveLength(1);
    const at = performance.now();
    const next = nextChanges(stream);
    for (const n of [1, 2, 3]) await createIn(path, n);
    expect((await next).runs).toHaveLength(3);
    expect(performance.now() - at).toBeGreaterThan(700);
    await stream.cancel();
  });

  it("says that it is incomplete, and complete again, and goes on with what came meanwhile", async () => {
    const path = newRunsPath();
    hurryTime();
    const { restore } = loseCoordinators(path, 3);
    const stream = await openFeed(path, "?after=0");
    expect(await nextChanges(stream)).toMatchObject({ runs: [], incomplete: true });
    restore();
    const run = await createIn(path, 3);
    const next = await nextChanges(stream);
    expect(next).toMatchObject({ incomplete: false, runs: [{ id: run.id }] });
    await stream.cancel();
  });

  it("moves its id on behind runs that the filter leaves out", async () => {
    const path = newRunsPath();
    // The calls' time must be up, and then the stream's time for a comment.
    hurryTime();
    const stream = await openFeed(path, "?actionName=deploy");
    await nextChanges(stream);
    const next = nextChanges(stream);
    await createIn(path, 0, { actionName: "test" });
    expect(await next).toEqual({ ...NOTHING, cursor: "1.0.0.0", id: "1.0.0.0" });
    await stream.cancel();
  });

  it("ends when its token is revoked, without the next change, and frees its seats", async () => {
    const project = newProject();
    const path = `${project}/envs/prod/action-runs`;
    const token = await grantToken(project, { role: "viewer" });
    const stream = await openFeed(path, "", { token: token.token });
    await nextChanges(stream);
    const end = nextChanges(stream);
    await revokeElsewhere(env.DB, token.id);
    later(30_000);
    const unwatched = vi.spyOn(RunCoordinator.prototype, "unwatch");
    await createRun(path);
    await expect(end).rejects.toThrow("the feed has ended");
    await until(async () => unwatched.mock.calls.length >= COORDINATORS);
  });

  it("of HEAD has no body and takes no seat", async () => {
    const path = newRunsPath();
    const calls = vi.spyOn(RunCoordinator.prototype, "watchChanges");
    const headers = { Accept: "text/event-stream" };
    const { status, body } = await ask<null>("HEAD", `${path}/changes`, { headers });
    expect([status, body, calls.mock.calls.length]).toEqual([200, null, 0]);
  });
});

describe("a watcher", () => {
  it("whose seat was given to others meanwhile misses no change", async () => {
    const path = newRunsPath();
    const stub = direct(path);
    const me = watcher();
    const calls = vi.spyOn(RunCoordinator.prototype, "watchChanges");
    const first = stub.watches.watchChanges({ after: 0 }, me, 10_000);
    await createAged(path);
    await first;
    const waiting = stub.watches.watchChanges({ after: 1 }, me, 10_000);
    await until(async () => calls.mock.calls.length === 2);
    // It is not told for a second.
    await createAged(path);
    await stub.watches.unwatch(me.key);
    expect(await waiting).toMatchObject({ ok: true, runs: "", readSeq: 1 });
  });

  it("is woken at most once a second, at once after a quiet second, and gets every change", async () => {
    const path = newRunsPath();
    const stub = direct(path);
    const me = watcher();
    const answers: number[] = [];
    let after = 0;
    const startedAt = performance.now();
    const following = (async () => {
      while (after < 40) {
        const answer = await stub.watches.watchChanges({ after }, me, 10_000);
        if (!answer.ok) throw new Error(answer.reason);
        after = answer.readSeq;
        answers.push(performance.now() - startedAt);
      }
    })();
    for (let n = 0; n < 40; n++) {
      await createAged(path);
      await scheduler.wait(10);
    }
    await within(30_000, following);
    // The first change at once, and then what came in each second after it.
    expect(answers[0]).toBeLessThan(900);
    expect(answers.length).toBeGreaterThan(1);
    for (const [n, at] of answers.slice(1).entries()) expect(at - (answers[n] ?? 0)).toBeGreaterThan(500);
    await stub.watches.unwatch(me.key);
  });

  it("that is behind reads on without a pause", async () => {
    const path = newRunsPath();
    for (let n = 0; n < 3; n++) await createAged(path, { parameters: `{"a":"${"x".repeat(900_000)}"}` });
    const stub = direct(path);
    const me = watcher();
    const startedAt = performance.now();
    let after = 0;
    for (let n = 0; n < 3; n++) {
      const answer = await stub.watches.watchChanges({ after }, me, 10_000);
      if (answer.ok) after = answer.readSeq;
    }
    expect(after).toBe(3);
    expect(performance.now() - startedAt).toBeLessThan(900);
    await stub.watches.unwatch(me.key);
  });

  it("shares a page with those that have its cursor and its filters", async () => {
    const path = newRunsPath();
    const stub = direct(path);
    await stub.watches.changes({ after: 0 });
    const reads = vi.spyOn(RunRows.prototype, "byIds");
    const watchers = Array.from({ length: 30 }, (_, n) => watcher(`token ${n}`));
    const waiting = watchers.map((me) =>
      stub.watches.watchChanges({ after: 0, actionName: "deploy" }, me, 10_000),
    );
    const other = stub.watches.watchChanges({ after: 0, include: "details" }, watcher(), 10_000);
    // So that all of them wait.
    await stub.watches.changes({ after: 0 });
    await createAged(path);
    const answers = await within(10_000, Promise.all([...waiting, other]));
    expect(new Set(answers.slice(0, 30).map((answer) => JSON.stringify(answer))).size).toBe(1);
    const pages = reads.mock.calls.filter(([ids]) => ids.length === 1);
    expect(pages).toHaveLength(2);
    for (const { key } of watchers) await stub.watches.unwatch(key);
  });

  it("beyond the 250 of a token or the 1000 of a coordinator is 503, and a free seat is taken again", async () => {
    const path = newRunsPath();
    const stub = direct(path);
    const take = (tokenId: string, key: string = crypto.randomUUID()) =>
      stub.watches.watchChanges({ after: 0 }, { key, tokenId }, 0);
    const first = crypto.randomUUID();
    expect((await take("root", first)).ok).toBe(true);
    const others = await Promise.all(Array.from({ length: WATCHERS_PER_TOKEN - 1 }, () => take("root")));
    expect(others.every(({ ok }) => ok)).toBe(true);
    expect(await take("root")).toEqual({ ok: false, reason: "too_many_watchers" });
    const headers = { Accept: "text/event-stream" };
    for (const query of [{ headers }, {}]) {
      const { status, body } = await changesOf<Refusal>(path, "?after=0.0.0.0&wait=5", query);
      expect([status, body.code]).toEqual([503, "too_many_watchers"]);
    }
    await Promise.all(
      Array.from({ length: WATCHERS_MAX - WATCHERS_PER_TOKEN }, (_, n) => take(`token ${n % 5}`)),
    );
    expect(await take("another")).toMatchObject({ reason: "too_many_watchers" });
    expect((await changesOf(path, "?after=0")).status).toBe(200);
    await stub.watches.unwatch(first);
    expect((await take("another")).ok).toBe(true);
  });

  it("that hangs up frees its seats, and takes no seat again", async () => {
    const path = newRunsPath();
    const calls = vi.spyOn(RunCoordinator.prototype, "watchChanges");
    const left = vi.spyOn(RunCoordinator.prototype, "unwatch");
    const stream = await openFeed(path, "?after=0");
    await nextChanges(stream);
    const next = stream.next().catch(() => null);
    await until(async () => calls.mock.calls.length === 2 * COORDINATORS);
    await stream.cancel();
    await next;
    await until(async () => left.mock.calls.length >= COORDINATORS);
    await Promise.all(calls.mock.results.map(({ value }) => value));
    await createRun(path);
    expect(calls).toHaveBeenCalledTimes(2 * COORDINATORS);
    const keys = new Set(left.mock.calls.map(([key]) => key));
    expect(keys.size).toBe(1);
  });

  it("that waits frees its seats when it has its answer", async () => {
    const path = newRunsPath();
    const cursor = await cursorOf(path);
    const left = vi.spyOn(RunCoordinator.prototype, "unwatch");
    const waiting = changesOf(path, `?after=${cursor}&wait=60`);
    await createRun(path);
    expect((await waiting).body.runs).toHaveLength(1);
    await until(async () => left.mock.calls.length >= COORDINATORS);
  });
});
