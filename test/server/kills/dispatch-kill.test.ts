/**
 * Dispatch on the real server, killed twice with `kill -9` while attempts are under way. The story is played once, and
 * each test checks a part of the outcome.
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer } from "../../support/receiver/client.ts";
import { startReceiver } from "../../support/receiver/server.ts";
import { newDoor } from "../door.ts";
import { killAll, newInstallation, type Server } from "../installation.ts";
import { type ActionRun, ask, type CreatedRun, forEachOf } from "../load.ts";
import { bytesOf, dispatchesIn, letTimePass } from "../state.ts";
import { until } from "../until.ts";

const CALLERS = 6;
const LEASE_MS = 30_000;
const HELD: Answer = { delayMs: 600_000 };

const HEADER_SECRET = randomBytes(24).toString("hex");
const PAYLOAD_SECRET = randomBytes(24).toString("hex");
const URL_SECRET = randomBytes(24).toString("hex");
const SIGNING_KEY = randomBytes(32);
const SIGNING_SECRET = `whsec_${SIGNING_KEY.toString("base64")}`;
/** Not secret. If a search finds this, it would also find a secret. */
const ACTION = "deploy-that-all-may-see";

interface TimelineEvent {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly attempt?: number;
  readonly outcome?: string;
  readonly cause?: string;
}

/** An acknowledged run, and the receiver's inbox that its trigger calls. */
interface Told extends CreatedRun {
  readonly key: string;
}

const cleanUps: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The ids of all runs whose webhook request is still stored. */
const keptRequests = (state: string) => dispatchesIn(state).map(({ runId }) => runId);

/** Two servers end by `kill -9`. The third gets no request until everything is dispatched. */
async function play() {
  const installation = await newInstallation("ALLOW_INSECURE_WEBHOOKS=true\n");
  cleanUps.push(installation.remove);
  const receiver = await startReceiver();
  cleanUps.push(receiver.close);
  const { token, runs } = installation;
  const door = await newDoor(receiver.url);
  cleanUps.push(door.close);
  const acknowledged: Told[] = [];
  const keys: string[] = [];
  const found: string[] = [];

  async function create(name: string, { origin = receiver.url, retry = {} } = {}): Promise<Told> {
    const key = `${name}-${keys.length}`;
    keys.push(key);
    const trigger = {
      type: "webhook",
      url: `${origin}/${key}?key=${URL_SECRET}`,
      headers: { Authorization: `Bearer ${HEADER_SECRET}` },
      payload: { secret: PAYLOAD_SECRET, token: "{{ run.callbackToken }}" },
      signingSecret: SIGNING_SECRET,
      retry: { initialDelayMs: 100, ...retry },
    };
    const body = { actionName: ACTION, timeout: 24 * 60, trigger };
    const created = await ask<CreatedRun>("POST", runs, { token, body });
    if (created.status !== 201) throw new Error(JSON.stringify(created.body));
    const told = { ...created.body, key };
    acknowledged.push(told);
    return told;
  }

  /** Creates a run and waits until its first attempt has arrived. The receiver gives these answers. */
  async function createCalled(name: string, ...answers: Answer[]): Promise<Told> {
    receiver.script(`${name}-${keys.length}`, answers);
    const told = await create(name);
    await until(`${name} is called`, () => receiver.inbox(told.key).length === 1);
    return told;
  }

  /** Creates from several callers at once, and kills when the `n`th run is acknowledged. */
  async function killUnderLoad(server: Server, n: number): Promise<void> {
    let killed: Promise<void> | undefined;
    let created = 0;
    const caller = async () => {
      for (;;) {
        // Out of step, so that the kill finds each caller at another point of its request.
        await delay(Math.random() * 40);
        await create("load");
        if (++created === n) killed = killAll(server);
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: CALLERS }, caller));
    for (const { reason } of ends as PromiseRejectedResult[]) if (!(reason instanceof TypeError)) throw reason;
    await killed;
  }

  function search(when: string): void {
    const hmacs = acknowledged.map(({ callback }) => callback.token.split(":")[2] ?? "");
    const signing = [SIGNING_SECRET.slice("whsec_".length), SIGNING_KEY];
    const ours = bytesOf(join(installation.state, "v3/d1"), join(installation.state, "v3/do"));
    const log = Buffer.concat(installation.logged);
    if (!ours.some((bytes) => bytes.includes(ACTION))) throw new Error("stored: the search finds nothing at all");
    if (!log.includes('"event":"request"')) throw new Error("logged: the search finds nothing at all");
    const note = (where: string, places: readonly Buffer[], secrets: readonly (string | Buffer)[]) => {
      for (const secret of secrets)
        if (places.some((bytes) => bytes.includes(secret))) found.push(`${when}, ${where}: ${secret}`);
    };
    const secrets = [HEADER_SECRET, PAYLOAD_SECRET, URL_SECRET, ...signing, ...hmacs];
    note("in a file", bytesOf(installation.state), secrets);
    note("in the log", [log], secrets);
  }

  const first = await installation.start();
  const held = await createCalled("held", HELD, {});
  const conflicting = await createCalled("conflicting", HELD, { status: 409 });
  const reported = await createCalled("reported", HELD, {});
  const beating = await createCalled("beating", HELD, {});
  const tactless = `who sends ${HEADER_SECRET}, ${PAYLOAD_SECRET} and ${SIGNING_SECRET}?`;
  const comeBackLater = { status: 503, headers: { "Retry-After": "1800" }, body: tactless };
  const retrying = await createCalled("retrying", comeBackLater);
  const { token: workflow, url } = reported.callback;
  const report = await ask<ActionRun>("POST", url, { token: workflow, body: { status: "succeeded" } });
  const heartbeat = beating.callback.url.replace(/callback$/, "heartbeat");
  const beat = await ask<Pick<ActionRun, "status">>("POST", heartbeat, { token: beating.callback.token, body: {} });
  search("while attempts fly");
  await killUnderLoad(first, 40);
  search("after the first kill");

  const second = await installation.start();
  const absent = await Promise.all(
    Array.from({ length: 5 }, () =>
      create("absent", { origin: door.url, retry: { initialDelayMs: 5000, maxAttempts: 10 } }),
    ),
  );
  await killUnderLoad(second, 1);
  const calledBeforeTheDoorOpened = absent.filter(({ key }) => receiver.inbox(key).length > 0);
  search("after the second kill");

  const leases = new Map(dispatchesIn(installation.state).map(({ runId, leaseUntil }) => [runId, leaseUntil]));
  // Now the leases of all attempts are over, so a wrong second call would come at once.
  letTimePass(installation.state, LEASE_MS);
  const passedAt = Date.now();

  await door.open();
  await installation.start();
  const toBeCalledAgain = [held, conflicting];
  const isDispatched = ({ key }: Told) =>
    receiver.inbox(key).length > (toBeCalledAgain.some((one) => one.key === key) ? 1 : 0);
  await until("all are dispatched", () => acknowledged.every(isDispatched));
  // Without its request, a run can't be called again.
  await until("nothing else is left to send", () => keptRequests(installation.state).join() === retrying.id);
  search("when all is dispatched but what waits for its next attempt");

  const readRun = async ({ id }: Pick<ActionRun, "id">) =>
    (await ask<ActionRun & { readonly startedAt: string | null }>("GET", `${runs}/${id}`, { token })).body;
  const readEvents = async ({ id }: Pick<ActionRun, "id">) =>
    (await ask<TimelineEvent[]>("GET", `${runs}/${id}/events`, { token })).body;
  const cancel = async ({ id }: Pick<ActionRun, "id">) =>
    (await ask<ActionRun>("DELETE", `${runs}/${id}`, { token })).body;
  const cast = { held, conflicting, reported, beating, retrying, absent, report, beat };
  const record = { acknowledged, keys, found, calledBeforeTheDoorOpened, leases, passedAt };
  return { ...cast, ...record, receiver, state: installation.state, readRun, readEvents, cancel };
}

let story: Awaited<ReturnType<typeof play>>;
beforeAll(async () => {
  story = await play();
});

const DISPATCHED =
  /^created( attempt_started attempt_answered:retry)* attempt_started attempt_answered:accepted started:delivery$/;

/** A timeline in one line: each type with its outcome or cause. */
function inOneLine(events: readonly TimelineEvent[]): string {
  return events.map(({ type, outcome, cause }) => [type, outcome ?? cause].filter(Boolean).join(":")).join(" ");
}

describe("kill -9 between accept and dispatch, and between dispatch and its journal", () => {
  test("every acknowledged run is dispatched without a request, each time under its own id", async () => {
    const { acknowledged, receiver, reported, retrying, readRun } = story;
    expect(acknowledged.length).toBeGreaterThan(45);
    await forEachOf(acknowledged, async (told) => {
      const requests = receiver.inbox(told.key);
      expect(requests.length).toBeGreaterThan(0);
      for (const { headers, body } of requests) {
        expect(headers).toMatchObject({ "webhook-id": told.id, "idempotency-key": told.id });
        expect(JSON.parse(body)).toEqual({ secret: PAYLOAD_SECRET, token: told.callback.token });
      }
      const others = { [reported.id]: "succeeded", [retrying.id]: "pending" };
      expect(await readRun(told)).toMatchObject({ id: told.id, status: others[told.id] ?? "running" });
    });
  });

  test("every request was recorded before it was sent", async () => {
    const { keys, acknowledged, receiver, readRun, readEvents } = story;
    expect(keys.length).toBeGreaterThan(acknowledged.length);
    await forEachOf(keys, async (key) => {
      const requests = receiver.inbox(key);
      const [id, ...more] = new Set(requests.map(({ headers }) => headers["webhook-id"] ?? ""));
      expect(more).toEqual([]);
      if (id === undefined) return;
      expect(await readRun({ id })).toMatchObject({ id, actionName: ACTION });
      const started = (await readEvents({ id })).filter(({ type }) => type === "attempt_started");
      expect(requests.length).toBeLessThanOrEqual(started.length);
    });
  });

  test("the timeline is complete and in order", async () => {
    const { acknowledged, reported, beating, retrying, readRun, readEvents } = story;
    const others = {
      [reported.id]: /^created attempt_started started:callback ended:callback$/,
      [beating.id]: /^created attempt_started started:heartbeat heartbeat$/,
      [retrying.id]: /^created attempt_started attempt_answered:retry$/,
    };
    await forEachOf(acknowledged, async (told) => {
      const events = await readEvents(told);
      expect(inOneLine(events)).toMatch(others[told.id] ?? DISPATCHED);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, n) => n + 1));
      const instants = events.map(({ at }) => at);
      expect(instants).toEqual(instants.toSorted());
      const attempts = events.filter(({ type }) => type === "attempt_started");
      expect(attempts.map(({ attempt }) => attempt)).toEqual(attempts.map((_, n) => n + 1));
      const startedAt = events.find(({ type }) => type === "started")?.at ?? null;
      expect(await readRun(told)).toMatchObject({ startedAt });
    });
  });

  test("a receiver that was down is called when it is up", async () => {
    const { absent, calledBeforeTheDoorOpened, receiver, readEvents } = story;
    expect(calledBeforeTheDoorOpened).toEqual([]);
    await forEachOf(absent, async (told) => {
      expect(receiver.inbox(told.key)).toHaveLength(1);
      const events = await readEvents(told);
      expect(events.filter(({ type }) => type === "attempt_started").length).toBeGreaterThan(1);
    });
  });

  test.each([
    { what: "accepts the repeat", who: "held", status: 200 },
    { what: "answers 409 to the repeat because it has the first", who: "conflicting", status: 409 },
  ] as const)(
    "an attempt whose response was lost is repeated after its lease; a receiver that $what starts the run once",
    async ({ who, status }) => {
      const { receiver, readEvents, leases, passedAt } = story;
      const [first, again, ...more] = receiver.inbox(story[who].key);
      expect(more).toEqual([]);
      expect(again?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
      const calledAgainAt = again?.at ?? 0;
      // On a busy machine, the lease can end by itself before the second kill.
      const leaseUntil = calledAgainAt > passedAt ? leases.get(story[who].id) : calledAgainAt;
      expect((leaseUntil ?? 0) - (first?.at ?? 0)).toBeGreaterThan(LEASE_MS - 1000);
      expect(await readEvents(story[who])).toMatchObject([
        { type: "created" },
        { type: "attempt_started", attempt: 1 },
        { type: "attempt_answered", attempt: 1, outcome: "retry", status: null },
        { type: "attempt_started", attempt: 2 },
        { type: "attempt_answered", attempt: 2, outcome: "accepted", status, nextAttemptAt: null },
        { type: "started", cause: "delivery" },
      ]);
    },
  );

  test.each([
    { who: "reported", told: "report" },
    { who: "beating", told: "beat" },
  ] as const)("a run whose workflow sent a $told before the kill is not dispatched again", async ({ who, told }) => {
    const { status, body } = story[told];
    expect(status).toBe(200);
    const run = await story.readRun(story[who]);
    if ("id" in body) expect(run).toEqual(body);
    else expect(run.status).toBe(body.status);
    expect(story.receiver.inbox(story[who].key)).toHaveLength(1);
  });
});

describe("a trigger's secrets", () => {
  test("are in no file and no log: during an attempt, after a kill, before a retry, at the end", () => {
    expect(story.found).toEqual([]);
  });

  test("are stored, sealed, only while they are needed", async () => {
    const { state, retrying, cancel } = story;
    expect(keptRequests(state)).toEqual([retrying.id]);
    expect(await cancel(retrying)).toMatchObject({ status: "cancelled" });
    expect(keptRequests(state)).toEqual([]);
  });
});
