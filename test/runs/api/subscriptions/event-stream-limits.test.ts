/** The limits of watching. Neither many subscribers nor slow ones hold up anyone else. */

import { describe, expect, it, vi } from "vitest";
import {
  SUBSCRIPTIONS_MAX,
  SUBSCRIPTIONS_PER_RUN,
  SUBSCRIPTIONS_PER_RUN_AND_TOKEN,
  SUBSCRIPTIONS_PER_TOKEN,
} from "../../../../src/runs/coordinator/subscriptions.ts";
import type { Subscriber } from "../../../../src/runs/run-calls.ts";

import { change, createAged, direct, givenAged, until } from "../../../support/direct.ts";
import { ask, givenRun, newRunsPath, report } from "../../../support/requests.ts";
import { EVENT_STREAM, eventsOf, openStream, type Stream, within } from "../../../support/runs/stream.ts";
import { grantToken, type Refusal } from "../../../support/tokens.ts";

function expectTooMany({ status, headers, body }: Awaited<ReturnType<typeof ask<Refusal>>>): void {
  expect([status, body.code]).toEqual([503, "too_many_watchers"]);
  expect(Number(headers.get("Retry-After"))).toBeGreaterThan(0);
}

/** `/{o}/{p}` of a path. */
function projectOf(path: string): string {
  return path.split("/").slice(0, 3).join("/");
}

function askStream(runPath: string, headers: Record<string, string> = {}) {
  return ask<Refusal>("GET", `${runPath}/events`, { headers: { Accept: EVENT_STREAM, ...headers } });
}

function stream(tokenId: string = crypto.randomUUID()): Subscriber {
  return { key: crypto.randomUUID(), tokenId };
}

describe("100 streams of one run by one token", () => {
  async function open(runPath: string): Promise<Stream[]> {
    const streams = await Promise.all(
      Array.from({ length: SUBSCRIPTIONS_PER_RUN_AND_TOKEN }, () => openStream(runPath)),
    );
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    return streams;
  }

  it("are served and get the end; one more stream or wait is 503, but pages, other runs and other tokens are not", async () => {
    const { path, run, runPath } = await givenRun();
    const streams = await open(runPath);
    await Promise.all(streams.map((one) => one.events(1)));
    const ends = Promise.all(streams.map((one) => one.rest()));
    expectTooMany(await askStream(runPath));
    expect((await eventsOf(runPath)).status).toBe(200);
    expectTooMany(await ask<Refusal>("GET", `${runPath}?wait=5`));
    const { token } = await grantToken(projectOf(path), { role: "viewer" });
    const waiting = ask("GET", `${runPath}?wait=5`, { token });
    const neighbour = await createAged(path);
    const other = await openStream(`${path}/${neighbour}`);
    expect(other.status).toBe(200);
    await other.cancel();
    expect(await report(run, { status: "succeeded" })).toMatchObject({ status: 200 });
    for (const events of await ends) expect(events.map(({ type }) => type)).toEqual(["started", "ended"]);
    expect((await waiting).body.status).toBe("succeeded");
    expect((await openStream(runPath)).status).toBe(200);
  });

  it("let another one in as soon as one of them leaves", async () => {
    const { runPath } = await givenRun();
    const streams = await open(runPath);
    await Promise.all(streams.map((one) => one.events(1)));
    expectTooMany(await askStream(runPath));
    await streams[42]?.cancel();
    let again: Stream | undefined;
    await until(async () => {
      again = await openStream(runPath);
      return again.status === 200;
      // A subscription that nobody ends is kept for 10 s and longer.
    }, 9000);
    expectTooMany(await askStream(runPath));
    await Promise.all([...streams.filter((_, n) => n !== 42), again].map((one) => one?.cancel()));
  });

  it("hold no subscription after they ended, were refused or got 204", async () => {
    const { path, id, runPath } = await givenAged();
    for (let n = 0; n < SUBSCRIPTIONS_PER_RUN_AND_TOKEN + 20; n++) {
      expect((await askStream(runPath, { "Last-Event-ID": "7" })).status).toBe(400);
    }
    await change(path, id, { type: "cancelled" });
    for (let n = 0; n < SUBSCRIPTIONS_PER_RUN_AND_TOKEN + 20; n++) {
      expect((await askStream(runPath, { "Last-Event-ID": "2" })).status).toBe(204);
      expect((await (await openStream(runPath)).rest()).length).toBe(2);
    }
  });
});

describe("the subscriptions of an environment", () => {
  const FIRST = { after: 0, limit: 1 };
  const ANSWERED = { ok: true };
  const REFUSED = { ok: false, reason: "too_many_watchers" };

  it("are 2000, and one more subscriber is 503 until another leaves or is forgotten", async () => {
    const path = newRunsPath();
    const ids = await Promise.all(Array.from({ length: 21 }, () => createAged(path)));
    const stub = direct(path);
    const last = ids[20] ?? "";
    const subscribers = Array.from({ length: SUBSCRIPTIONS_MAX }, (_, n) => stream(`token ${n % 10}`));
    const answers = await Promise.all(
      subscribers.map((subscriber, n) => stub.watches.watch(ids[n % 20] ?? "", FIRST, subscriber, 0)),
    );
    expect(new Set(answers.map(({ ok }) => ok))).toEqual(new Set([true]));
    expectTooMany(await askStream(`${path}/${last}`));
    expectTooMany(await ask<Refusal>("GET", `${path}/${last}?wait=1`));
    // Whoever has a subscription keeps it, and has one however often it asks.
    expect((await stub.watches.watch(ids[0] ?? "", FIRST, subscribers[0] ?? stream(), 0)).ok).toBe(true);
    expect((await ask("GET", `${path}/${last}`)).status).toBe(200);
    expect((await change(path, last, { type: "started" })).ok).toBe(true);

    await stub.watches.unwatch(subscribers[0]?.key ?? "");
    await stub.watches.unwatch("one that nobody has");
    const served = await openStream(`${path}/${last}`);
    expect(served.status).toBe(200);
    expectTooMany(await askStream(`${path}/${last}`));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11_000 });
    const after = await openStream(`${path}/${last}`);
    expect(after.status).toBe(200);
    await Promise.all([served.cancel(), after.cancel()]);
  });

  it("are never all taken by one token: it gets 500, and other tokens still get some", async () => {
    const path = newRunsPath();
    const ids = await Promise.all(Array.from({ length: 5 }, () => createAged(path)));
    const stub = direct(path);
    const ask = (tokenId: string | undefined, n: number) =>
      stub.watches.watch(ids[n % 5] ?? "", FIRST, stream(tokenId), 0);
    const greedy = await Promise.all(Array.from({ length: SUBSCRIPTIONS_MAX }, (_, n) => ask("greedy", n)));
    expect(greedy.filter(({ ok }) => ok)).toHaveLength(SUBSCRIPTIONS_PER_TOKEN);
    expect(greedy.at(-1)).toEqual(REFUSED);
    expect(await ask("another", 0)).toMatchObject(ANSWERED);
    // Of a Worker that still runs older code.
    expect(await ask(undefined, 0)).toMatchObject(ANSWERED);
  });

  it("for one run are 200 for streams and waits together, and one token gets at most half", async () => {
    const { path, id } = await givenAged();
    const stub = direct(path);
    const wait = (tokenId: string) =>
      stub.watches.waitForEnd(id, { key: crypto.randomUUID(), tokenId }, { maxMs: 20_000, isLast: true });
    const waits = Array.from({ length: SUBSCRIPTIONS_PER_RUN_AND_TOKEN }, () => wait("greedy"));
    expect(await wait("greedy")).toEqual(REFUSED);
    expect(await stub.watches.watch(id, FIRST, stream("greedy"), 0)).toEqual(REFUSED);
    for (let n = SUBSCRIPTIONS_PER_RUN_AND_TOKEN; n < SUBSCRIPTIONS_PER_RUN; n++) {
      expect(await stub.watches.watch(id, FIRST, stream(`token ${n}`), 0)).toMatchObject(ANSWERED);
    }
    expect(await stub.watches.watch(id, FIRST, stream("late"), 0)).toEqual(REFUSED);
    expect(await stub.watches.watch(await createAged(path), FIRST, stream("late"), 0)).toMatchObject(ANSWERED);
    expect(await change(path, id, { type: "cancelled" })).toMatchObject(ANSWERED);
    for (const answer of await Promise.all(waits)) expect(answer).toMatchObject({ ok: true, isOver: true });
  });

  it("are free as soon as a wait is given up, and the same subscribers can take them again", async () => {
    const { path, id } = await givenAged();
    const stub = direct(path);
    const subscribers = Array.from({ length: SUBSCRIPTIONS_PER_RUN_AND_TOKEN }, () => stream("a token"));
    const waits = subscribers.map((subscriber) =>
      stub.watches.waitForEnd(id, subscriber, { maxMs: 60_000, isLast: false }),
    );
    expect(await stub.watches.watch(id, FIRST, stream("a token"), 0)).toEqual(REFUSED);
    for (const { key } of subscribers) await stub.watches.unwatch(key);
    for (const answer of await within(50_000, Promise.all(waits))) expect(answer).toMatchObject(ANSWERED);
    const again = subscribers.map(() => stub.watches.watch(id, FIRST, stream("a token"), 0));
    for (const answer of await Promise.all(again)) expect(answer).toMatchObject(ANSWERED);
  });
});
