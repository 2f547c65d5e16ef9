/** GET …/metrics: every end counts exactly once, counts are whole or refused, and nobody who does not ask pays. */

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { selectRegistered } from "../../../../src/runs/d1/control-database.ts";
import { sweep } from "../../../../src/runs/d1/sweep.ts";
import { WALK_ROWS } from "../../../../src/runs/journal/run-walks.ts";
import type { RunEvent } from "../../../../src/runs/transition.ts";

import { askWith, envWith, untouchable } from "../../../support/bindings.ts";
import { later } from "../../../support/clock.ts";
import {
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  direct,
  hurryTimers,
  journal,
  MINUTE_MS,
  newIdIn,
  restart,
  sqlStorage,
  until,
} from "../../../support/direct.ts";
import { faults, faulty } from "../../../support/faults.ts";
import { givenReplicated, replicated } from "../../../support/replicated.ts";
import { ask, newRunsPath, ROOT, scopeOfPath } from "../../../support/requests.ts";
import { metricsPath, nonZero, samplesOf, scrape } from "../../../support/runs/metrics.ts";
import { fillJournal } from "../../../support/runs/rows-in-journal.ts";
import { grantToken } from "../../../support/tokens.ts";

const T0 = Date.parse("2027-01-01T00:00:00Z");
const PAST_RETENTION_MS = 30 * DAY_MS + 61 * MINUTE_MS;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: T0 });
});

async function ended(path: string): Promise<Record<string, number>> {
  return nonZero(await scrape(path), "action_runs_ended_total");
}

const cancelled = (runs: number) => ({ 'action_runs_ended_total{status="cancelled",cause="cancel"}': runs });

/** A run that these events change, each so many seconds after T0. */
async function play(path: string, ...events: readonly [at: number, event: RunEvent][]): Promise<void> {
  vi.setSystemTime(T0);
  const id = await createAged(path, { deadlineAt: T0 + DAY_MS });
  for (const [at, event] of events) {
    vi.setSystemTime(T0 + at * 1000);
    expect(await change(path, id, event)).toMatchObject({ ok: true });
  }
}

async function endRun(path: string): Promise<string> {
  const id = await createAged(path);
  expect(await change(path, id, { type: "cancelled" })).toMatchObject({ ok: true });
  return id;
}

/** An environment in which so many runs have ended, and D1 knows it. */
async function withEnds(runs: number): Promise<string> {
  const path = newRunsPath();
  for (let n = 0; n < runs; n++) await endRun(path);
  await replicated(path);
  return path;
}

const countRows = (path: string) => journal<{ seq: number }>(path, "SELECT counted_seq AS seq FROM ended_run_counts");

it("counts each way in which a run can end, and how long the run waited and ran", async () => {
  const path = newRunsPath();
  const asked = { type: "cancel_requested", by: "root", reason: null, graceMs: 60_000 } as const;
  const failed = { type: "failed", error: "no", output: null } as const;
  const succeeded = { type: "succeeded", output: null } as const;
  await play(path, [3, { type: "started" }], [93, succeeded]);
  await play(path, [1, { type: "started" }], [1, succeeded]);
  await play(path, [2.001, { type: "started" }], [20_000, failed]);
  // A report on a pending run says that the run has started.
  await play(path, [7, failed]);
  await play(path, [45, { type: "dispatch_failed", reason: "refused" }]);
  await play(path, [600, { type: "cancelled" }]);
  await play(path, [10, { type: "started" }], [20, asked], [50, failed]);
  await play(path, [10, { type: "started" }], [20, { ...asked, graceMs: 0 }]);
  // One that its deadline ends, one that is silent, and one that is silent after it was asked to stop.
  vi.setSystemTime(T0);
  await createAged(path, { deadlineAt: T0 + 50_000 * 1000 });
  const silent = () => createAged(path, { createdAt: T0, deadlineAt: T0 + DAY_MS, heartbeatTimeoutMs: 30_000 });
  await silent();
  const stopped = await silent();
  vi.setSystemTime(T0 + 5000);
  await change(path, stopped, { type: "started" });
  await change(path, stopped, asked);
  vi.setSystemTime(T0 + 60_000 * 1000);
  // The alarm ends them. Two more stay open.
  for (let again = 0; again < 2; again++) await alarmIn(0, coordinator(path));
  vi.useFakeTimers({ toFake: ["Date"], now: T0 + 60_000 * 1000 });
  const open = await createAged(path, { createdAt: Date.now() - 90_000 });
  await change(path, open, { type: "started" });
  await createAged(path, { createdAt: Date.now() - 30_000 });
  await createAged(path, { createdAt: Date.now() - 20_000 });
  await replicated(path);

  const samples = await scrape(path);
  const total = (status: string, cause: string) => `action_runs_ended_total{status="${status}",cause="${cause}"}`;
  expect(nonZero(samples, "action_runs_ended_total")).toEqual({
    [total("succeeded", "callback")]: 2,
    [total("failed", "callback")]: 2,
    [total("failed", "delivery")]: 1,
    [total("failed", "deadline")]: 1,
    [total("failed", "silence")]: 1,
    [total("cancelled", "cancel")]: 2,
    [total("cancelled", "callback")]: 1,
    [total("cancelled", "silence")]: 1,
  });
  const histogram = (name: string, status: string) => {
    const bucket = `${name}_bucket{status="${status}",le="`;
    const buckets = [...samples].filter(([key]) => key.startsWith(bucket)).map(([, n]) => n);
    const of = (part: string) => samples.get(`${name}_${part}{status="${status}"}`);
    return [buckets.join(" "), of("sum"), of("count")];
  };
  // Bounds: 1 2 5 10 30 60 120 300 600 1800 3600 7200 14400 43200 +Inf
  const [waited, ran] = ["action_runs_waited_seconds", "cicd_pipeline_run_duration_seconds"];
  const failedAfter = 2.001 + 7 + 30 + 45 + 50_000;
  expect(histogram(waited, "succeeded")).toEqual(["1 1 2 2 2 2 2 2 2 2 2 2 2 2 2", 4, 2]);
  expect(histogram(ran, "succeeded")).toEqual(["1 1 1 1 1 1 2 2 2 2 2 2 2 2 2", 90, 2]);
  expect(histogram(waited, "failed")).toEqual(["0 0 1 2 3 4 4 4 4 4 4 4 4 4 5", failedAfter, 5]);
  // Only two of them had started.
  expect(histogram(ran, "failed")).toEqual(["1 1 1 1 1 1 1 1 1 1 1 1 1 2 2", 19_997.999, 2]);
  expect(histogram(waited, "cancelled")).toEqual(["0 0 1 3 3 3 3 3 4 4 4 4 4 4 4", 5 + 10 + 10 + 600, 4]);
  expect(histogram(ran, "cancelled")).toEqual(["0 0 0 1 2 3 3 3 3 3 3 3 3 3 3", 10 + 30 + 40, 3]);
  expect(nonZero(samples, "cicd_pipeline_run_active")).toEqual({
    'cicd_pipeline_run_active{status="pending"}': 2,
    'cicd_pipeline_run_active{status="running"}': 1,
  });
  // The scrape came 10 s later.
  expect(nonZero(samples, "action_runs_oldest_open_age_seconds")).toEqual({
    'action_runs_oldest_open_age_seconds{status="pending"}': 40,
    'action_runs_oldest_open_age_seconds{status="running"}': 100,
  });
});

it("answers in Prometheus's text format, with every series from the first scrape on, and wakes nobody", async () => {
  const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
  const environment = envWith({ COORDINATORS: coordinators.binding });
  const { status, headers, body } = await askWith<string>(environment, "GET", metricsPath(newRunsPath()));
  expect(status).toBe(200);
  expect(headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(coordinators.uses).toEqual([]);
  expect(body.endsWith("\n")).toBe(true);
  const samples = samplesOf(body);
  const stored = Object.keys(nonZero(samples, ""));
  expect(stored).toEqual([
    'action_runs_storage_bytes{store="database"}',
    'action_runs_storage_ratio{store="database"}',
  ]);
  // 2 and 2 of open runs, 4 and 4 of waiting ones, 12 ends, two histograms of three statuses with 15 buckets, sum and
  // count, 4 of storage, and 2 of what D1 lacks.
  expect(samples.size).toBe(2 + 2 + 4 + 4 + 12 + 2 * 3 * 17 + 4 + 2);
  const labels = new Set([...body.matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
  expect([...labels].sort()).toEqual(["cause", "gate", "le", "status", "store"]);
});

it("counts each end once, over scrapes, restarts and changes of open runs", async () => {
  const path = newRunsPath();
  const open = await createAged(path);
  await endRun(path);
  await endRun(path);
  await replicated(path);
  expect(await ended(path)).toEqual(cancelled(2));
  await endRun(path);
  await change(path, open, { type: "started" });
  await restart(path);
  expect(await ended(path)).toEqual(cancelled(3));
  await change(path, open, { type: "succeeded", output: null });
  await restart(path);
  expect(await ended(path)).toEqual({
    ...cancelled(3),
    'action_runs_ended_total{status="succeeded",cause="callback"}': 1,
  });
  await restart(path);
  expect(Object.values(await ended(path)).reduce((a, b) => a + b)).toBe(4);
});

describe("nothing is written", () => {
  it("without a question, and by a question without news", async () => {
    const path = await withEnds(1);
    expect(await countRows(path)).toEqual([]);
    await scrape(path);
    expect(await countRows(path)).toHaveLength(1);
    // News of an open run is no news of an end.
    await createAged(path);
    const exec = vi.spyOn(await sqlStorage(path), "exec");
    await scrape(path);
    await scrape(path);
    const statements = exec.mock.calls.map(([sql]) => sql.trim());
    expect(statements.some((sql) => sql.includes("runs_open_due"))).toBe(true);
    expect(statements.filter((sql) => !sql.startsWith("SELECT"))).toEqual([]);
    exec.mockClear();
    await endRun(path);
    exec.mockClear();
    await scrape(path);
    expect(exec.mock.calls.filter(([sql]) => !sql.trim().startsWith("SELECT"))).toHaveLength(1);
  });
});

describe("a coordinator with more runs than one batch has", () => {
  const RUNS = 2 * WALK_ROWS + 100;

  async function filled(): Promise<string> {
    const { path } = await givenReplicated();
    await fillJournal(path, { rows: RUNS, isReplicated: false, endedAt: T0 - DAY_MS });
    // The new instance knows the rows.
    await restart(path);
    return path;
  }

  it("answers when it has counted all of them, and serves others between two batches", async () => {
    const path = await filled();
    const order: string[] = [];
    const counting = direct(path)
      .upkeep.counts()
      .then(() => order.push("counted"));
    const reading = direct(path)
      .runs.read(await newIdIn(path, T0))
      .then(() => order.push("read"));
    await Promise.all([counting, reading]);
    expect(order).toEqual(["read", "counted"]);
    expect(await ended(path)).toEqual(cancelled(RUNS));
  });

  it("counts none twice and loses none if it dies between two batches", async () => {
    const path = await filled();
    const prototype = await sqlStorage(path);
    const { exec } = prototype;
    let batches = 0;
    const dying = vi.spyOn(prototype, "exec").mockImplementation(function (this: SqlStorage, sql, ...bindings) {
      if (sql.includes("INSERT INTO ended_run_counts") && ++batches === 2) throw new Error("disk I/O error");
      return exec.call(this, sql, ...bindings) as never;
    });
    vi.spyOn(console, "error").mockImplementation(() => {});
    // The call's second try goes on where the first has failed.
    expect(await ended(path)).toEqual(cancelled(RUNS));
    expect(batches).toBeGreaterThan(2);
    dying.mockRestore();
    await restart(path);
    expect(await ended(path)).toEqual(cancelled(RUNS));
  });

  it("counts none twice if several ask at once", async () => {
    const path = await filled();
    const counts = await Promise.all([1, 2, 3].map(() => direct(path).upkeep.counts()));
    for (const { ended } of counts) expect(ended.ended).toEqual({ "cancelled/cancel": RUNS });
  });
});

describe("retention", () => {
  const purged = async (path: string) => {
    // The first one can only count.
    for (let again = 0; again < 2; again++) {
      vi.useFakeTimers({ toFake: ["Date"], now: T0 });
      await alarmIn(PAST_RETENTION_MS, coordinator(path));
    }
    await until(async () => (await journal(path, "SELECT id FROM runs")).length === 0);
    vi.useFakeTimers({ toFake: ["Date"], now: T0 + PAST_RETENTION_MS + DAY_MS });
  };

  it("takes runs that nobody has counted if nobody ever asked", async () => {
    const path = await withEnds(1);
    await purged(path);
    expect(await countRows(path)).toEqual([]);
    expect(await direct(path).upkeep.poke()).toBeNull();
    expect(await ended(path)).toEqual({});
  });

  it("counts a run before it takes it, once counting has begun", async () => {
    const path = await withEnds(1);
    expect(await ended(path)).toEqual(cancelled(1));
    await endRun(path);
    await endRun(path);
    await replicated(path);
    await purged(path);
    expect(await ended(path)).toEqual(cancelled(3));
  });

  it("counts a run before it takes it, also if nothing had ended when counting began", async () => {
    const { path, id } = await givenReplicated();
    expect(await ended(path)).toEqual({});
    expect(await change(path, id, { type: "cancelled" })).toMatchObject({ ok: true });
    await replicated(path);
    await purged(path);
    expect(await ended(path)).toEqual(cancelled(1));
  });

  it("makes room even if the count can't be written", async () => {
    const path = await withEnds(1);
    await scrape(path);
    await endRun(path);
    await replicated(path);
    const prototype = await sqlStorage(path);
    const { exec } = prototype;
    const lines: string[] = [];
    vi.spyOn(console, "error").mockImplementation((line) => void lines.push(String(line)));
    vi.spyOn(prototype, "exec").mockImplementation(function (this: SqlStorage, sql, ...bindings) {
      if (sql.includes("INSERT INTO ended_run_counts")) throw new Error("database or disk is full: SQLITE_FULL");
      return exec.call(this, sql, ...bindings) as never;
    });
    await purged(path);
    expect(lines.some((line) => line.includes("count_failed"))).toBe(true);
  });

  it("never lets a later run have a number that is counted already", async () => {
    const path = await withEnds(2);
    expect(await ended(path)).toEqual(cancelled(2));
    await purged(path);
    await restart(path);
    await endRun(path);
    expect(await ended(path)).toEqual(cancelled(3));
  });

  it("leaves a coordinator in D1's list that has counts and no runs, and the sweep seldom calls it", async () => {
    const path = await withEnds(1);
    await scrape(path);
    await purged(path);
    const dueAt = () =>
      env.DB.prepare("SELECT due_at FROM coordinators WHERE scope = ?").bind(scopeOfPath(path)).first<number>("due_at");
    await sweep(env, Date.now());
    expect(await dueAt()).toBe(Date.now() + 30 * DAY_MS);
    expect(await ended(path)).toEqual(cancelled(1));
  });

  it("and a restore of D1 that loses the list cost nothing after a resync", async () => {
    const path = await withEnds(1);
    await scrape(path);
    await purged(path);
    await env.DB.prepare("DELETE FROM coordinators WHERE scope = ?").bind(scopeOfPath(path)).run();
    expect(await ended(path)).toEqual({});
    expect((await ask("POST", path.replace(/action-runs$/, "resync"))).status).toBe(202);
    expect(await ended(path)).toEqual(cancelled(1));
    vi.setSystemTime(Date.now() + 2 * MINUTE_MS);
    await sweep(env, Date.now());
    expect(await selectRegistered(env.DB.withSession(), scopeOfPath(path)).first()).not.toBeNull();
  });
});

/** An environment whose coordinators answer each call in this way. */
function coordinatorsThat(call: () => Promise<unknown>) {
  return envWith({ COORDINATORS: { getByName: () => ({ call }) } as unknown as typeof env.COORDINATORS });
}

describe("the counts are refused", () => {
  it("if the coordinator is out of reach, and the next scrape asks again", async () => {
    const path = await withEnds(2);
    vi.spyOn(console, "error").mockImplementation(() => {});
    const broken = coordinatorsThat(() => Promise.reject(new Error("out of reach")));
    const answers = await Promise.all([1, 2].map(() => askWith<{ code: string }>(broken, "GET", metricsPath(path))));
    for (const { status, headers, body } of answers) {
      expect([status, body.code]).toEqual([503, "coordinator_unavailable"]);
      expect(headers.get("Retry-After")).toBe("5");
    }
    const { status, body } = await ask<string>("GET", metricsPath(path));
    expect(status).toBe(200);
    expect(nonZero(samplesOf(body), "action_runs_ended_total")).toEqual(cancelled(2));
  });

  it("if the coordinator does not answer within 8 s, which is less than Prometheus waits", async () => {
    const { path } = await givenReplicated();
    const hanging = coordinatorsThat(() => new Promise(() => {}));
    vi.spyOn(console, "error").mockImplementation(() => {});
    hurryTimers(8000, 8001);
    const { status, body } = await askWith<{ code: string }>(hanging, "GET", metricsPath(path));
    expect([status, body.code]).toEqual([503, "coordinator_unavailable"]);
  });

  it("if D1 does not answer", async () => {
    const path = await withEnds(1);
    faults.reads = "down";
    vi.spyOn(console, "error").mockImplementation(() => {});
    const broken = envWith({ DB: faulty(env.DB) });
    const { status, body } = await askWith<{ code: string }>(broken, "GET", metricsPath(path));
    expect([status, body.code]).toEqual([503, "database_unavailable"]);
    faults.reads = null;
    expect(await ended(path)).toEqual(cancelled(1));
  });

  it("and each environment has its own", async () => {
    const [one, other] = [newRunsPath(), newRunsPath()];
    await endRun(one);
    await endRun(other);
    await endRun(other);
    await replicated(one);
    await replicated(other);
    expect(await ended(one)).toEqual(cancelled(1));
    expect(await ended(other)).toEqual(cancelled(2));
  });
});

describe("a response is shared for 10 s", () => {
  /** Counts the questions that reach the coordinators. */
  function counted() {
    const questions: string[] = [];
    const getByName = (name: string) => {
      questions.push(name);
      return env.COORDINATORS.getByName(name);
    };
    return { questions, environment: envWith({ COORDINATORS: { getByName } as unknown as typeof env.COORDINATORS }) };
  }

  it("and among requests at the same time, which ask each coordinator once", async () => {
    const path = await withEnds(1);
    const { questions, environment } = counted();
    const scrapes = [1, 2, 3, 4].map(() => askWith<string>(environment, "GET", metricsPath(path)));
    const texts = (await Promise.all(scrapes)).map(({ body }) => body);
    expect(new Set(texts).size).toBe(1);
    await endRun(path);
    vi.setSystemTime(T0 + 9999);
    expect((await askWith(environment, "GET", metricsPath(path))).body).toBe(texts[0]);
    expect(questions).toHaveLength(1);
    vi.setSystemTime(T0 + 10_000);
    const { body } = await askWith<string>(environment, "GET", metricsPath(path));
    expect(nonZero(samplesOf(body), "action_runs_ended_total")).toEqual(cancelled(2));
    expect(questions).toHaveLength(2);
  });

  it("but not with a token that was revoked", async () => {
    const path = newRunsPath();
    const project = "/acme/shop";
    const { id, token } = await grantToken(project, {
      role: "viewer",
      envName: scopeOfPath(path).split("/")[2] ?? "",
      name: "scraper",
    });
    expect((await ask("GET", metricsPath(path), { token })).status).toBe(200);
    expect((await ask("DELETE", `${project}/tokens/${id}`, { token: ROOT })).status).toBe(200);
    expect((await ask("GET", metricsPath(path), { token })).status).toBe(401);
  });

  it("but not a read that was cancelled: 20 s later, others read again", async () => {
    const path = await withEnds(1);
    const held = Promise.withResolvers<never>();
    const asked = Promise.withResolvers<void>();
    const hanging = coordinatorsThat(() => {
      asked.resolve();
      return held.promise;
    });
    vi.spyOn(console, "error").mockImplementation(() => {});
    // A request that was cancelled never goes on. This one does, when the test is over.
    const cancelled = askWith(hanging, "GET", metricsPath(path));
    await asked.promise;
    const waiting = ask<string>("GET", metricsPath(path));
    later(20_000);
    expect((await waiting).status).toBe(200);
    held.reject(new Error("out of reach"));
    expect((await cancelled).status).toBe(503);
  });
});
