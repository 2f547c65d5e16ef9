/** POST …/cancel: what it answers, what it leaves behind, and what the job hears. */

import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { ACCEPTED_MAX } from "../../../../src/runs/journal/timeline-rows.ts";
import { later } from "../../../support/clock.ts";
import {
  alarmIn,
  change,
  coordinator,
  DAY_MS,
  direct,
  givenAged,
  journal,
  restart,
  until,
} from "../../../support/direct.ts";
import {
  type ActionRun,
  type Answer,
  type Ask,
  ask,
  type CreatedRun,
  createRun,
  givenRun,
  keyed,
  newRunsPath,
  replayed,
  report,
} from "../../../support/requests.ts";
import { beat, eventsOf, givenStarted } from "../../../support/runs/stream.ts";
import { grantToken } from "../../../support/tokens.ts";

type Told = ActionRun & { readonly code?: string; readonly error: string | null };

function cancel(path: string, id: string, body: unknown = {}, options: Ask = {}): Promise<Answer<Told>> {
  return ask("POST", `${path}/${id}/cancel`, { body, ...options });
}

async function started(body: Record<string, unknown> = { actionName: "deploy" }) {
  const { path, run } = await givenStarted(body);
  return { path, run };
}

function get(path: string, id: string): Promise<Answer<Told>> {
  return ask("GET", `${path}/${id}`);
}

async function storyOf(path: string, id: string): Promise<string[]> {
  return (await eventsOf(`${path}/${id}`)).body.map(({ type }) => type);
}

describe("a pending run", () => {
  it.each([{}, { graceSeconds: 3600 }, { graceSeconds: 0, reason: "wrong branch" }])(
    "is cancelled at once: %j",
    async (body) => {
      const { path, run, runPath } = await givenRun();
      const answer = await cancel(path, run.id, body);
      expect(answer).toMatchObject({ status: 200, body: { status: "cancelled", startedAt: null, error: null } });
      expect((await get(path, run.id)).body).toEqual(answer.body);
      const { body: events } = await eventsOf(runPath);
      const { graceSeconds: _, ...reason } = { graceSeconds: 0, ...body };
      expect(events.slice(1)).toEqual([
        {
          seq: 2,
          type: "ended",
          at: answer.body.completedAt,
          status: "cancelled",
          cause: "cancel",
          by: "root",
          ...reason,
        },
      ]);
      expect(await beat(run)).toMatchObject({ status: 409, body: { code: "run_cancelled" } });
    },
  );

  it("needs no body and no Content-Type", async () => {
    const { runPath } = await givenRun();
    expect((await ask("POST", `${runPath}/cancel`)).status).toBe(200);
  });
});

describe("a running run", () => {
  it("is asked to stop: 202, a new version, the timeline says who, why and until when", async () => {
    const { path, run } = await started();
    const project = path.split("/").slice(0, 3).join("/");
    const { token } = await grantToken(project, { role: "member", name: "portal" });
    const answer = await cancel(path, run.id, { reason: "wrong branch", graceSeconds: 30 }, { token });
    expect(answer).toMatchObject({ status: 202, body: { status: "running", completedAt: null } });
    const { body: events } = await eventsOf(`${path}/${run.id}`);
    const asked = events.at(-1);
    const until = new Date(Date.parse(asked?.at ?? "") + 30_000).toISOString();
    expect(asked).toMatchObject({ type: "cancel_requested", by: "portal", reason: "wrong branch", until });
  });

  it("tells its job with each heartbeat", async () => {
    const { path, run } = await started();
    expect((await beat(run)).body.cancel).toBeNull();
    await cancel(path, run.id, { reason: "wrong branch", graceSeconds: 30 });
    const { body } = await beat(run);
    expect(body).toMatchObject({ status: "running", cancel: { reason: "wrong branch" } });
    const { requestedAt = "", until = "", remainingMs = 0 } = body.cancel ?? {};
    expect(Date.parse(until) - Date.parse(requestedAt)).toBe(30_000);
    expect(remainingMs).toBeGreaterThan(0);
    expect(remainingMs).toBeLessThanOrEqual(30_000);
    expect(Object.keys(body)).toEqual(["status", "deadlineAt", "cancel"]);
    expect(Object.keys(body.cancel ?? {})).toEqual(["reason", "requestedAt", "until", "remainingMs"]);
  });

  it("tells its job also with a heartbeat that makes a new version", async () => {
    const { path, run } = await started();
    await cancel(path, run.id, { reason: "wrong branch" });
    const { body } = await beat(run, { externalUrl: "https://ci.example/1" });
    expect(body.cancel?.reason).toBe("wrong branch");
  });

  it("without a grace ends in the same critical section, and its job hears 409", async () => {
    const { path, run } = await started();
    const answer = await cancel(path, run.id, { graceSeconds: 0 });
    expect(answer).toMatchObject({ status: 200, body: { status: "cancelled", error: null } });
    expect(await beat(run)).toMatchObject({ status: 409, body: { code: "run_cancelled" } });
    expect(await storyOf(path, run.id)).toEqual(["created", "started", "heartbeat", "ended"]);
  });

  it("has a minute if the request says nothing, and never more than its deadline", async () => {
    const { path, run } = await started({ actionName: "deploy", timeout: 1 });
    await cancel(path, run.id);
    const { body } = await beat(run);
    expect(body.cancel?.until).toBe(run.callback.expiresAt);
    const other = await started();
    await cancel(other.path, other.run.id);
    const { requestedAt = "", until = "" } = (await beat(other.run)).body.cancel ?? {};
    expect(Date.parse(until) - Date.parse(requestedAt)).toBe(60_000);
  });

  it.each<[name: string, ms: number, cause: string, body: Record<string, unknown>]>([
    ["when its grace ends", 30_000, "cancel", { actionName: "deploy" }],
    ["at its deadline, which the grace can't outlive", 60_000, "cancel", { actionName: "deploy", timeout: 1 }],
    ["by silence", 60_000, "silence", { actionName: "deploy", heartbeatTimeout: 1 }],
  ])("ends as cancelled %s, by the alarm alone", async (_name, ms, cause, wanted) => {
    const { path, run } = await started(wanted);
    await cancel(path, run.id, { graceSeconds: ms === 30_000 ? 30 : 3600 });
    const stub = coordinator(path);
    const due = await runInDurableObject(stub, (_instance, { storage }) => storage.getAlarm());
    expect(due).toBeLessThanOrEqual(Date.now() + ms);
    await alarmIn(ms + 1000, stub);
    const { body } = await get(path, run.id);
    expect(body).toMatchObject({ status: "cancelled", error: null });
    const { body: events } = await eventsOf(`${path}/${run.id}`);
    expect(events.at(-1)).toMatchObject({ type: "ended", status: "cancelled", cause });
  });

  it("that reports a success in time succeeds", async () => {
    const { path, run } = await started();
    await cancel(path, run.id);
    expect(await report(run, { status: "succeeded" })).toMatchObject({ status: 200, body: { status: "succeeded" } });
  });

  it("that reports a failure ends as cancelled and keeps the error, and the report may be repeated", async () => {
    const { path, run } = await started();
    await cancel(path, run.id);
    const failed = { status: "failed", error: "killed by SIGTERM", output: { n: 1 } };
    const first = await report(run, failed, keyed("r1"));
    const told = { status: "cancelled", error: "killed by SIGTERM", output: { n: 1 } };
    expect(first).toMatchObject({ status: 200, body: told });
    const again = await report(run, failed, keyed("r1"));
    expect(again).toMatchObject({ status: 200, body: first.body });
    for (const late of [await report(run, failed), await report(run, { status: "succeeded" })])
      expect(late).toMatchObject({ status: 409, body: { code: "run_cancelled" } });
  });

  it("that is asked twice keeps the grace that ends first", async () => {
    const { path, run } = await started();
    await cancel(path, run.id, { graceSeconds: 30, reason: "first" });
    const story = await storyOf(path, run.id);
    const writes = () => journal(path, "SELECT change_seq, change_key FROM runs");
    const before = await writes();
    expect(await cancel(path, run.id, { graceSeconds: 60, reason: "second" })).toMatchObject({ status: 202 });
    expect(await writes()).toEqual(before);
    expect((await beat(run)).body.cancel?.reason).toBe("first");
    expect(await storyOf(path, run.id)).toEqual(story);
    expect(await cancel(path, run.id, { graceSeconds: 10, reason: "third" })).toMatchObject({ status: 202 });
    expect((await beat(run)).body.cancel?.reason).toBe("third");
    expect(await cancel(path, run.id, { graceSeconds: 0 })).toMatchObject({ status: 200 });
  });

  it("is still refused by DELETE", async () => {
    const { path, run } = await started();
    await cancel(path, run.id);
    const answer = await ask("DELETE", `${path}/${run.id}`);
    expect(answer).toMatchObject({ status: 409, body: { code: "run_running" } });
  });
});

describe("a run that has ended is 409, and stays as it is", () => {
  const ENDS: Readonly<Record<string, (run: CreatedRun, path: string) => Promise<unknown>>> = {
    run_succeeded: (run) => report(run, { status: "succeeded" }),
    run_failed: (run) => report(run, { status: "failed", error: "no" }),
    run_cancelled: (run, path) => ask("DELETE", `${path}/${run.id}`),
    run_timed_out: (_, path) => alarmIn(61_000, coordinator(path)),
  };

  it.each(Object.entries(ENDS))("is %s, with a grace period or without", async (code, end) => {
    const { path, run } = await givenRun({ actionName: "deploy", heartbeatTimeout: 1 });
    await end(run, path);
    const before = (await get(path, run.id)).body;
    for (const graceSeconds of [0, 60]) {
      expect(await cancel(path, run.id, { graceSeconds })).toMatchObject({ status: 409, body: { code } });
    }
    expect((await get(path, run.id)).body).toEqual(before);
  });

  it("delivery_failed", async () => {
    const { path, id } = await givenAged();
    await change(path, id, { type: "dispatch_failed", reason: "x." });
    expect(await cancel(path, id)).toMatchObject({ status: 409, body: { code: "delivery_failed" } });
  });

  it("a run that is unknown is 404", async () => {
    const path = newRunsPath();
    for (const id of [crypto.randomUUID(), "x"]) {
      expect(await cancel(path, id)).toMatchObject({ status: 404, body: { code: "run_not_found" } });
    }
  });
});

describe("the body", () => {
  it.each<[body: unknown, place: string]>([
    [{ reason: "a\nb" }, "reason"],
    [{ reason: "a\u0007" }, "reason"],
    [{ reason: "a\u0085b" }, "reason"],
    [{ reason: "a\u2028b" }, "reason"],
    [{ reason: "\ud800" }, "reason"],
    [{ reason: "é".repeat(513) }, "reason"],
    [{ reason: 1 }, "reason"],
    [{ reason: null }, "reason"],
    [{ graceSeconds: -1 }, "graceSeconds"],
    [{ graceSeconds: 3601 }, "graceSeconds"],
    [{ graceSeconds: 0.5 }, "graceSeconds"],
    [{ graceSeconds: "60" }, "graceSeconds"],
    [{ grace: 1 }, "grace"],
    [[], "send a JSON object"],
  ])("%j is 400 and changes nothing", async (body, place) => {
    const { path, run } = await started();
    const answer = await cancel(path, run.id, body);
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_body" } });
    expect(answer.body.error).toContain(place);
    expect((await beat(run)).body.cancel).toBeNull();
  });

  it.each(["", "é".repeat(512), "\u{1f680} ::error::x"])("the reason %j is kept to the letter", async (reason) => {
    const { path, run } = await started();
    await cancel(path, run.id, { reason });
    expect((await beat(run)).body.cancel?.reason).toBe(reason);
  });
});

describe("the same request with the same key", () => {
  const body = { reason: "wrong branch", graceSeconds: 30 };

  it("answers as before: while the run stops, after a report, and after its grace", async () => {
    const { path, run } = await started();
    const first = await cancel(path, run.id, body, keyed("k"));
    expect([first.status, replayed(first)]).toEqual([202, null]);
    const again = await cancel(path, run.id, body, keyed("k"));
    expect([again.status, replayed(again), again.body]).toEqual([202, "true", first.body]);
    const story = await storyOf(path, run.id);
    expect(story.filter((type) => type === "cancel_requested")).toHaveLength(1);
    await report(run, { status: "failed", error: "stopped" });
    const late = await cancel(path, run.id, body, keyed("k"));
    expect([late.status, replayed(late), late.body.status]).toEqual([202, "true", "cancelled"]);
    expect((await cancel(path, run.id, body)).status).toBe(409);
  });

  it("answers 200 again if it ended the run", async () => {
    for (const { path, run } of [await started(), { path: newRunsPath(), run: null }]) {
      const { id } = run ?? (await createRun(path));
      const now = { graceSeconds: 0 };
      const first = await cancel(path, id, now, keyed("k"));
      const again = await cancel(path, id, now, keyed("k"));
      expect([again.status, replayed(again), again.body]).toEqual([200, "true", first.body]);
    }
  });

  const SECONDS: readonly [what: string, graceSeconds: number][] = [
    ["that asks for more time than the first", 60],
    ["that asks for less time", 10],
    ["that ends the run at once", 0],
  ];
  const ENDS: Readonly<Record<string, (run: CreatedRun) => Promise<unknown>>> = {
    "reports a success": (run) => report(run, { status: "succeeded" }),
    "reports a failure": (run) => report(run, { status: "failed", error: "stopped" }),
    "is silent until the grace is over": async () => later(61_000),
  };
  it.each(SECONDS.flatMap(([what, grace]) => Object.keys(ENDS).map((end) => [what, end, grace] as const)))(
    "of a second cancel %s, and of the first one, gets its own status again after the job %s",
    async (_what, end, graceSeconds) => {
      const { path, run } = await started();
      const sent = [
        ["k1", body],
        ["k2", { graceSeconds }],
      ] as const;
      const first = [];
      for (const [key, asked] of sent) first.push((await cancel(path, run.id, asked, keyed(key))).status);
      expect(first).toEqual([202, graceSeconds === 0 ? 200 : 202]);
      await ENDS[end]?.(run);
      for (const [i, [key, asked]] of sent.entries()) {
        const again = await cancel(path, run.id, asked, keyed(key));
        expect([again.status, replayed(again)]).toEqual([first[i], "true"]);
      }
    },
  );

  it("gets its own status again for each of 20 callers, also after a restart", async () => {
    const { path, run } = await started();
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    const all = () => Promise.all(keys.map((key, n) => cancel(path, run.id, { graceSeconds: 60 - n }, keyed(key))));
    expect(new Set((await all()).map(({ status }) => status))).toEqual(new Set([202]));
    await report(run, { status: "failed", error: "stopped" });
    await restart(path);
    for (const answer of await all()) expect([answer.status, replayed(answer)]).toEqual([202, "true"]);
  });

  it.each([
    ["the first cancel", "k1"],
    ["a second cancel", "k2"],
  ])("but another body with the key of %s is 422, and changes nothing", async (_what, key) => {
    const { path, run } = await started();
    await cancel(path, run.id, body, keyed("k1"));
    await cancel(path, run.id, { graceSeconds: 60 }, keyed("k2"));
    for (const graceSeconds of [0, 5]) {
      const other = await cancel(path, run.id, { graceSeconds }, keyed(key));
      expect(other).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
    }
    expect((await get(path, run.id)).body.status).toBe("running");
    await report(run, { status: "failed", error: "stopped" });
    expect((await cancel(path, run.id, { graceSeconds: 0 }, keyed(key))).status).toBe(422);
  });

  it("under the key of a DELETE is another request: 422", async () => {
    const { path, run, runPath } = await givenRun();
    expect((await ask("DELETE", runPath, keyed("k"))).status).toBe(200);
    expect((await cancel(path, run.id, {}, keyed("k"))).status).toBe(422);
    expect((await ask("DELETE", runPath, keyed("k"))).status).toBe(200);
  });

  it("is remembered for 1000 cancels of a run, and purging them does not hold up the object", async () => {
    const { path, run } = await started();
    await journal(
      path,
      `WITH RECURSIVE counted (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM counted WHERE k < ?2)
       INSERT INTO accepted_changes (run_id, key, fingerprint, has_grace, at)
       SELECT ?1, 't:root:' || k, '', 1, 0 FROM counted`,
      run.id,
      ACCEPTED_MAX - 1,
    );
    const kept = async () => (await journal(path, "SELECT key FROM accepted_changes")).length;
    expect((await cancel(path, run.id, body, keyed("the last"))).status).toBe(202);
    expect(await kept()).toBe(ACCEPTED_MAX);
    expect((await cancel(path, run.id, body, keyed("one more"))).status).toBe(202);
    expect(await kept()).toBe(ACCEPTED_MAX);
  });

  it("without a key is not remembered if it changes nothing, because nobody can repeat it", async () => {
    const { path, run } = await started();
    const kept = () => journal(path, "SELECT key FROM accepted_changes");
    for (let n = 0; n < 3; n++) expect((await cancel(path, run.id, body)).status).toBe(202);
    expect(await kept()).toHaveLength(1);
  });

  it("is forgotten with its run", async () => {
    const { path, run } = await started();
    await cancel(path, run.id, { graceSeconds: 0 }, keyed("k"));
    const kept = async () => (await journal(path, "SELECT key FROM accepted_changes")).length;
    expect(await kept()).toBe(1);
    await alarmIn(31 * DAY_MS, coordinator(path));
    await until(async () => (await kept()) === 0);
  });
});

it("survives a restart between the request and the end of its grace", async () => {
  const { path, id } = await givenAged();
  await change(path, id, { type: "started" });
  const request = { type: "cancel_requested", by: "ci", reason: "why", graceMs: 30_000 } as const;
  const key = { key: "t:root:k", fingerprint: "f" };
  expect(await direct(path).runs.cancel(id, request, key)).toMatchObject({ ok: true, isOver: false });
  await restart(path);
  later(31_000);
  expect(await direct(path).runs.cancel(id, request, key)).toMatchObject({
    ok: true,
    replayed: true,
    status: "cancelled",
    hasGrace: true,
  });
});
