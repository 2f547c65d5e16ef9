/**
 * After the clock stepped back by an hour, nothing lasts longer than promised or waits until the clock has caught up.
 */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { streamEvents } from "../../src/runs/api/following.ts";
import { recallEnded, rememberEnded } from "../../src/runs/api/read-runs.ts";
import { SUBSCRIPTIONS_MAX, Subscriptions } from "../../src/runs/coordinator/subscriptions.ts";

import { CONTENT, itHeld } from "../runs/replication/held-batches.ts";
import {
  alarmAt,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  HOUR_MS,
  MINUTE_MS,
  restart,
  spyOnCalls,
  until,
} from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { grantToken, newProject, type Refusal, revokeElsewhere } from "../support/tokens.ts";

// A day ahead, so that no alarm rings unless a test rings it.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
});

function stepBack(): void {
  vi.setSystemTime(Date.now() - HOUR_MS);
}

describe("the retry of a row that is not replicated", () => {
  it.each<[what: string, go: (path: string) => Promise<unknown>]>([
    ["the next change", (path) => createAged(path)],
    ["the alarm", (path) => runDurableObjectAlarm(coordinator(path))],
    ["the sweep", (path) => direct(path).upkeep.poke()],
  ])("is set for within a minute by %s", async (_what, go) => {
    const path = newRunsPath();
    faults.writes = "down";
    await createAged(path, { deadlineAt: Date.now() + DAY_MS });
    stepBack();
    await go(path);
    expect(await alarmAt(path)).toBeLessThanOrEqual(Date.now() + MINUTE_MS);
  });
});

it("a list shows what is created and changed after that, in the order of ids", async () => {
  const path = newRunsPath();
  const [before, changed] = [await createRun(path), await createRun(path)];
  await replicated(path);
  faults.writes = "down";
  stepBack();
  const after = await createRun(path);
  await ask("DELETE", `${path}/${changed.id}`);
  const list = async (query: string) => (await ask<ActionRun[]>("GET", `${path}?${query}`)).body.map(({ id }) => id);
  const oldest = [after.id, ...[before.id, changed.id].sort()];
  expect(await list("order=oldest")).toEqual(oldest);
  expect(await list("status=pending")).toEqual([before.id, after.id]);
  expect(await list(`createdBefore=${before.createdAt}`)).toEqual([after.id]);
  expect(await list("limit=2")).toEqual(oldest.toReversed().slice(0, 2));
});

describe("the sweep", () => {
  const dueAt = (path: string) =>
    env.DB.prepare("SELECT due_at FROM coordinators WHERE scope = ?").bind(scopeOfPath(path)).first<number>("due_at");

  it.each([{ restarted: false }, { restarted: true }])(
    "looks within ten minutes after the next change; restarted: $restarted",
    async ({ restarted }) => {
      const path = newRunsPath();
      await createAged(path, { deadlineAt: Date.now() + DAY_MS });
      stepBack();
      if (restarted) await restart(path);
      expect(await dueAt(path)).toBeGreaterThan(Date.now() + HOUR_MS);
      await createAged(path, { deadlineAt: Date.now() + DAY_MS });
      expect(await dueAt(path)).toBe(Date.now() + 600_000);
    },
  );
});

describe("a subscriber of a run", () => {
  it("gets an answer within twice the time that it asked for", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    const asked = spyOnCalls("watches", "waitForEnd");
    const waiting = ask("GET", `${path}/${run.id}?wait=1`);
    await until(async () => asked.mock.calls.length > 0);
    stepBack();
    expect((await waiting).body.status).toBe("pending");
  });

  it("gets an answer from the coordinator in time, even if there is news", async () => {
    const path = newRunsPath();
    const id = await createAged(path, { deadlineAt: Date.now() + DAY_MS });
    const asked = spyOnCalls("watches", "waitForEnd");
    const waiting = direct(path).watches.waitForEnd(
      id,
      { key: crypto.randomUUID(), tokenId: "" },
      { maxMs: 1000, isLast: true },
    );
    await until(async () => asked.mock.calls.length > 0);
    stepBack();
    await change(path, id, { type: "heartbeat" });
    expect(await waiting).toMatchObject({ ok: true, isOver: false });
  });

  it("on a stream is disconnected to resume, instead of waiting for an hour", async () => {
    const nothing = { ok: true, events: [], lastSeq: 1, newestSeq: 1, isOver: false } as const;
    const source = { next: async () => nothing, leave: vi.fn() };
    const reader = streamEvents({ ...nothing, events: ['{"seq":1}'] }, source).getReader();
    await reader.read();
    await reader.read();
    stepBack();
    expect((await reader.read()).done).toBe(true);
    expect(source.leave).toHaveBeenCalled();
  });

  it("may subscribe if other subscribers have vanished", () => {
    const subscriptions = new Subscriptions();
    let runs = 0;
    const add = () =>
      subscriptions.add(
        `run-${runs++ % 10}`,
        { key: crypto.randomUUID(), tokenId: crypto.randomUUID() },
        Date.now(),
        25_000,
      );
    for (let n = 0; n < SUBSCRIPTIONS_MAX; n++) expect(add()).toBe(true);
    expect(add()).toBe(false);
    stepBack();
    expect(add()).toBe(true);
  });
});

describe("what an isolate remembers", () => {
  it("of a token is not trusted, so a token that was revoked meanwhile is refused", async () => {
    const project = newProject();
    const { id, token } = await grantToken(project, { role: "admin" });
    const status = async () => (await ask("GET", `${project}/tokens`, { token })).status;
    expect(await status()).toBe(200);
    await revokeElsewhere(env.DB, id);
    expect(await status()).toBe(200);
    stepBack();
    expect(await status()).toBe(401);
  });

  it("of a token is not trusted while D1 is down, because its age is unknown", async () => {
    const project = newProject();
    const { token } = await grantToken(project, { role: "admin" });
    // A create needs no other answer of D1 than that.
    const create = () =>
      ask<Refusal>("POST", `${project}/envs/e/action-runs`, { token, body: { actionName: "deploy" } });
    expect((await create()).status).toBe(201);
    faults.reads = "down";
    expect((await create()).status).toBe(201);
    stepBack();
    expect(await create()).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
  });

  it("of an ended run is read again", () => {
    const now = Date.now();
    rememberEnded("o/p/e", "id", { actionRun: "{}" }, now + DAY_MS, now);
    expect(recallEnded("o/p/e", "id", now)).toMatchObject({ actionRun: "{}" });
    expect(recallEnded("o/p/e", "id", now - HOUR_MS)).toBeNull();
  });
});

itHeld(
  "a run that D1 refused is sent again with the next batch, not an hour later",
  async ({ writer, batch, batches, write }) => {
    write("a", 1);
    await Promise.resolve();
    batch(0).fail(CONTENT);
    await until(async () => writer.quarantined.size === 1);
    writer.writeNow();
    await scheduler.wait(0);
    expect(batches).toHaveLength(1);
    stepBack();
    writer.writeNow();
    await Promise.resolve();
    expect(batches).toHaveLength(2);
  },
);

it("a client that was rate limited is served again when it sends a valid token", async () => {
  const project = newProject();
  const { token } = await grantToken(project, { role: "admin" });
  const headers = { "CF-Connecting-IP": `2001:db8::${crypto.randomUUID().slice(0, 4)}` };
  const tryIt = async (sent: string) => (await ask("GET", `${project}/tokens`, { token: sent, headers })).status;
  const unknown = () =>
    `terr_${crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true })}`;
  let status = 401;
  for (let n = 0; n < 200 && status === 401; n++) status = await tryIt(unknown());
  expect(status).toBe(429);
  stepBack();
  expect(await tryIt(token)).toBe(200);
});
