/** Who watches the feed of changes: streams and waits, how often they are woken, and what they share. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_PER_TOKEN } from "../../../../src/runs/coordinator/subscriptions.ts";
import { RunRows } from "../../../../src/runs/journal/run-rows.ts";
import { hurryTime, later } from "../../../support/clock.ts";
import { createAged, direct, spyOnCalls, until } from "../../../support/direct.ts";
import { ask, createRun, newRunsPath, report } from "../../../support/requests.ts";
import { changesOf, cursorOf, loseCoordinator, nextChanges, openFeed, seqOf } from "../../../support/runs/changes.ts";
import { within } from "../../../support/runs/stream.ts";
import { givenProject, grantToken, type Refusal, revokeElsewhere } from "../../../support/tokens.ts";

const NOTHING = { runs: [], caughtUp: true };

const BEGINNING = { epoch: 0, seq: 0 };

const subscriber = (tokenId = "a token") => ({ key: crypto.randomUUID(), tokenId });

describe("a stream of the feed", () => {
  it("begins with a cursor, has each change with its cursor as the id, and a new one goes on after any id", async () => {
    const path = newRunsPath();
    hurryTime();
    const stream = await openFeed(path);
    expect(stream.headers.get("Content-Type")).toBe("text/event-stream; charset=utf-8");
    const first = await nextChanges(stream);
    expect(first).toEqual({ ...NOTHING, cursor: "0", id: "0" });
    const run = await createRun(path);
    const created = await nextChanges(stream);
    expect([created.runs.map(({ status }) => status), created.id]).toEqual([["pending"], created.cursor]);
    await report(run, { status: "succeeded" });
    const ended = await nextChanges(stream);
    expect([ended.runs.map(({ status }) => status), seqOf(ended.cursor)]).toEqual([["succeeded"], 2]);
    await stream.cancel();

    const resumed = await openFeed(path, `?after=${ended.cursor}`, { lastEventId: created.cursor });
    expect(await nextChanges(resumed)).toEqual(ended);
    await resumed.cancel();
    const after = await openFeed(path, `?after=${created.cursor}&include=details&actionName=deploy`);
    const { runs } = await nextChanges(after);
    expect(runs[0]?.details).toMatchObject({ source: "none" });
    await after.cancel();
  });

  it("has one event a second at most, with all changes since the last one", async () => {
    const path = newRunsPath();
    const stream = await openFeed(path, "?after=0");
    await nextChanges(stream);
    await createRun(path);
    expect((await nextChanges(stream)).runs).toHaveLength(1);
    const at = performance.now();
    const next = nextChanges(stream);
    for (let n = 0; n < 3; n++) await createRun(path);
    expect((await next).runs).toHaveLength(3);
    expect(performance.now() - at).toBeGreaterThan(700);
    await stream.cancel();
  });

  it("ends when the coordinator can't be reached, and its last id misses nothing that comes meanwhile", async () => {
    const path = newRunsPath();
    hurryTime();
    const stream = await openFeed(path, "?after=0");
    await nextChanges(stream);
    await createRun(path);
    const { cursor } = await nextChanges(stream);
    const { restore, state } = loseCoordinator(path);
    await expect(nextChanges(stream)).rejects.toThrow("the feed has ended");
    // One call for news, and one that ends the subscription. Each is repeated once.
    expect(state.tries).toBe(4);
    restore();
    const run = await createRun(path);
    const resumed = await openFeed(path, "", { lastEventId: cursor });
    expect((await nextChanges(resumed)).runs).toMatchObject([{ id: run.id }]);
    await resumed.cancel();
  });

  it("moves its id on behind runs that the filter leaves out", async () => {
    const path = newRunsPath();
    // The calls' time must be up, and then the stream's time for a comment.
    hurryTime();
    const stream = await openFeed(path, "?actionName=deploy");
    await nextChanges(stream);
    const next = nextChanges(stream);
    await createRun(path, { actionName: "test" });
    const { cursor, id, ...others } = await next;
    expect([others, seqOf(cursor), id]).toEqual([NOTHING, 1, cursor]);
    await stream.cancel();
  });

  it("ends when its token is revoked, without the next change, and its subscription ends", async () => {
    const { project, path } = givenProject();
    const token = await grantToken(project, { role: "viewer" });
    const stream = await openFeed(path, "", { token: token.token });
    await nextChanges(stream);
    const end = nextChanges(stream);
    await revokeElsewhere(env.DB, token.id);
    later(30_000);
    const unwatched = spyOnCalls("watches", "unwatch");
    await createRun(path);
    await expect(end).rejects.toThrow("the feed has ended");
    await until(async () => unwatched.mock.calls.length > 0);
  });

  it("of HEAD has no body and makes no subscription", async () => {
    const path = newRunsPath();
    const calls = spyOnCalls("watches", "watchChanges");
    const headers = { Accept: "text/event-stream" };
    const { status, body } = await ask<null>("HEAD", `${path}/changes`, { headers });
    expect([status, body, calls.mock.calls.length]).toEqual([200, null, 0]);
  });
});

describe("a subscriber", () => {
  it("whose subscription was given to others meanwhile misses no change", async () => {
    const path = newRunsPath();
    const stub = direct(path);
    const me = subscriber();
    const calls = spyOnCalls("watches", "watchChanges");
    const first = stub.watches.watchChanges({ after: BEGINNING }, me, 10_000);
    await createAged(path);
    const told = await first;
    if (!told.ok) throw new Error(told.reason);
    const waiting = stub.watches.watchChanges({ after: told.readTo }, me, 10_000);
    await until(async () => calls.mock.calls.length === 2);
    // It is not told for a second.
    await createAged(path);
    await stub.watches.unwatch(me.key);
    expect(await waiting).toEqual({ ...told, runs: "", isCaughtUp: false });
  });

  it("is woken at most once a second, at once after a quiet second, and gets every change", async () => {
    const path = newRunsPath();
    const stub = direct(path);
    const me = subscriber();
    const answers: number[] = [];
    let after = BEGINNING;
    const startedAt = performance.now();
    const following = (async () => {
      while (after.seq < 40) {
        const answer = await stub.watches.watchChanges({ after }, me, 10_000);
        if (!answer.ok) throw new Error(answer.reason);
        after = answer.readTo;
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
    const me = subscriber();
    const startedAt = performance.now();
    let after = BEGINNING;
    for (let n = 0; n < 3; n++) {
      const answer = await stub.watches.watchChanges({ after }, me, 10_000);
      if (answer.ok) after = answer.readTo;
    }
    expect(after.seq).toBe(3);
    expect(performance.now() - startedAt).toBeLessThan(900);
    await stub.watches.unwatch(me.key);
  });

  it("shares a page with those that have its cursor and its filters", async () => {
    const path = newRunsPath();
    const stub = direct(path);
    await stub.watches.changes({ after: BEGINNING });
    const reads = vi.spyOn(RunRows.prototype, "byIds");
    const subscribers = Array.from({ length: 30 }, (_, n) => subscriber(`token ${n}`));
    const waiting = subscribers.map((me) =>
      stub.watches.watchChanges({ after: BEGINNING, actionName: "deploy" }, me, 10_000),
    );
    const other = stub.watches.watchChanges({ after: BEGINNING, include: "details" }, subscriber(), 10_000);
    // So that all of them wait.
    await stub.watches.changes({ after: BEGINNING });
    await createAged(path);
    const answers = await within(10_000, Promise.all([...waiting, other]));
    expect(new Set(answers.slice(0, 30).map((answer) => JSON.stringify(answer))).size).toBe(1);
    const pages = reads.mock.calls.filter(([ids]) => ids.length === 1);
    expect(pages).toHaveLength(2);
    for (const { key } of subscribers) await stub.watches.unwatch(key);
  });

  it("beyond the 500 of a token or the 2000 of an environment is 503, and a subscription that is free is given again", async () => {
    const path = newRunsPath();
    const stub = direct(path);
    const take = (tokenId: string, key: string = crypto.randomUUID()) =>
      stub.watches.watchChanges({ after: BEGINNING }, { key, tokenId }, 0);
    const first = crypto.randomUUID();
    expect((await take("root", first)).ok).toBe(true);
    const others = await Promise.all(Array.from({ length: SUBSCRIPTIONS_PER_TOKEN - 1 }, () => take("root")));
    expect(others.every(({ ok }) => ok)).toBe(true);
    expect(await take("root")).toEqual({ ok: false, reason: "too_many_watchers" });
    const headers = { Accept: "text/event-stream" };
    for (const query of [{ headers }, {}]) {
      const { status, body } = await changesOf<Refusal>(path, "?after=0&wait=5", query);
      expect([status, body.code]).toEqual([503, "too_many_watchers"]);
    }
    await Promise.all(
      Array.from({ length: SUBSCRIPTIONS_MAX - SUBSCRIPTIONS_PER_TOKEN }, (_, n) => take(`token ${n % 5}`)),
    );
    expect(await take("another")).toMatchObject({ reason: "too_many_watchers" });
    expect((await changesOf(path, "?after=0")).status).toBe(200);
    await stub.watches.unwatch(first);
    expect((await take("another")).ok).toBe(true);
  });

  it("that hangs up ends its subscription, and makes no other", async () => {
    const path = newRunsPath();
    const calls = spyOnCalls("watches", "watchChanges");
    const left = spyOnCalls("watches", "unwatch");
    const stream = await openFeed(path, "?after=0");
    await nextChanges(stream);
    const next = stream.next().catch(() => null);
    await until(async () => calls.mock.calls.length === 2);
    await stream.cancel();
    await next;
    await until(async () => left.mock.calls.length > 0);
    await Promise.all(calls.mock.results.map(({ value }) => value));
    await createRun(path);
    expect(calls).toHaveBeenCalledTimes(2);
    const keys = new Set(left.mock.calls.map(([, [key]]) => key));
    expect(keys.size).toBe(1);
  });

  it("that waits ends its subscription when it has its answer", async () => {
    const path = newRunsPath();
    const cursor = await cursorOf(path);
    const left = spyOnCalls("watches", "unwatch");
    const waiting = changesOf(path, `?after=${cursor}&wait=60`);
    await createRun(path);
    expect((await waiting).body.runs).toHaveLength(1);
    await until(async () => left.mock.calls.length > 0);
  });
});
