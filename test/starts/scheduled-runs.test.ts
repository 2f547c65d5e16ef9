/** What happens when a time of a schedule comes: one run, or none, whatever dies or changes in between. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { everyMinute } from "../../src/cron.ts";
import { scheduleKey } from "../../src/runs/starts.ts";
import { clockFrom } from "../support/clock.ts";
import { alarmAt, change, coordinator, direct, journal, restart, until } from "../support/direct.ts";
import { faults, resetFaults } from "../support/faults.ts";
import { ask, scopeOfPath } from "../support/requests.ts";
import { AutomaticRetries, ScheduledStarts } from "../support/worker.ts";
import {
  comes,
  type Environment,
  givenAction,
  givenSchedule,
  HOURLY,
  ringAt,
  rowOf,
  runsIn,
  statusOf,
  stored,
  untilDecided,
} from "./schedules.ts";

const at = (time: string) => Date.parse(`2030-12-02T${time}Z`);
const DUE = at("10:00:00");
const toMs = clockFrom(at("09:30:00"));
const clockAt = (time: string) => toMs(at(time) - at("09:30:00"));

/** Runs of other schedules that nobody ends must not end by themselves. */
const LONG = { timeout: 6000 };

async function givenLong(schedule: object = {}, action: object = {}): Promise<Environment> {
  const environment = await givenAction({ ...LONG, ...action });
  await stored(environment.path, { ...HOURLY, ...schedule });
  return environment;
}

/** Calls of the Worker fail, or do what `instead` does, until it is restored. */
function replaceStarts(instead: () => Promise<void>) {
  return vi.spyOn(ScheduledStarts.prototype, "start").mockImplementation(instead);
}

/** Calls the Worker for a time that is not due any more, or never was. This isolate then knows the schedule. */
async function startStray(environment: Environment, time = 1): Promise<void> {
  await runInDurableObject(coordinator(environment.runs), async (_, state) => {
    const { exports } = state as unknown as { exports: { ScheduledStarts: ScheduledStarts } };
    const stray = { name: "nightly", at: time, version: 1, origin: "https://runs.example" };
    await exports.ScheduledStarts.start(scopeOfPath(environment.runs), [stray]);
  });
}

const outcomes = async (environment: Environment) => {
  const row = await rowOf(environment);
  return [row?.outcome, row?.decided_at, row?.next_at];
};

async function cancel(environment: Environment, id = ""): Promise<void> {
  const { status } = await ask("POST", `${environment.runs}/${id}/cancel`, { body: { graceSeconds: 0 } });
  if (status >= 300) throw new Error(`the cancel answered ${status}`);
}

describe("a time that comes", () => {
  it("starts one run of the action, as whoever stored the schedule", async () => {
    const environment = await givenSchedule({ parameters: { version: "1" }, labels: ["team:a"] });
    await comes(environment, DUE);
    const [run, ...more] = await runsIn(environment);
    expect(more).toEqual([]);
    expect(run).toMatchObject({
      actionName: "deploy",
      status: "pending",
      parameters: { version: "1" },
      triggeredBy: "root",
      details: { via: "schedule", schedule: "nightly", labels: ["schedule:nightly", "team:a"], source: "action" },
    });
    expect(await rowOf(environment)).toMatchObject({
      next_at: at("11:00:00"),
      decided_at: DUE,
      outcome: "started",
      last_run_id: run?.id,
    });
    expect((await statusOf(environment.path)).lastTime).toEqual({
      at: "2030-12-02T10:00:00.000Z",
      outcome: "started",
      runId: run?.id,
    });
    expect((await runsIn(environment, "&label=schedule:nightly")).map(({ id }) => id)).toEqual([run?.id]);
    expect(await alarmAt(environment.runs)).toBeLessThanOrEqual(at("11:00:00"));
  });

  it("does nothing before", async () => {
    const environment = await givenSchedule();
    await ringAt(environment.runs, DUE - 1);
    expect(await runsIn(environment)).toEqual([]);
    expect(await alarmAt(environment.runs)).toBeLessThanOrEqual(DUE);
  });

  it("has one run, although the Worker is asked again because its answer was lost", async () => {
    const environment = await givenSchedule();
    const { start } = ScheduledStarts.prototype;
    const starts = vi.spyOn(ScheduledStarts.prototype, "start").mockImplementation(async function (
      this: ScheduledStarts,
      ...args
    ) {
      await start.apply(this, args);
      await start.apply(this, args);
      throw new Error("lost");
    });
    await comes(environment, DUE);
    await ringAt(environment.runs, DUE + 60_000);
    expect(starts).toHaveBeenCalledTimes(1);
    expect(await runsIn(environment)).toHaveLength(1);
  });

  it("has one run, although two calls of the Worker create it at once", async () => {
    const environment = await givenSchedule();
    clockAt("10:00:00");
    const time = { name: "nightly", at: DUE, version: 1, origin: "https://runs.example" };
    await runInDurableObject(coordinator(environment.runs), async (_, state) => {
      const { exports } = state as unknown as { exports: { ScheduledStarts: ScheduledStarts } };
      const start = () => exports.ScheduledStarts.start(scopeOfPath(environment.runs), [time]);
      await Promise.all([start(), start(), start()]);
    });
    expect(await runsIn(environment)).toHaveLength(1);
    expect(await outcomes(environment)).toEqual(["started", DUE, at("11:00:00")]);
  });

  it("is tried again by the next object, if the object dies between the time and the run", async () => {
    const environment = await givenSchedule();
    const starts = replaceStarts(() => new Promise(() => {}));
    await ringAt(environment.runs, DUE);
    await until(async () => starts.mock.calls.length === 1);
    starts.mockRestore();
    await restart(environment.runs);
    await comes(environment, DUE);
    expect(await runsIn(environment)).toHaveLength(1);
  });

  it("has one run, if the object dies between the run and the answer", async () => {
    const environment = await givenSchedule();
    const { start } = ScheduledStarts.prototype;
    let isCreated = false;
    const starts = vi.spyOn(ScheduledStarts.prototype, "start").mockImplementation(async function (
      this: ScheduledStarts,
      ...args
    ) {
      await start.apply(this, args);
      isCreated = true;
      await new Promise(() => {});
    });
    await ringAt(environment.runs, DUE);
    await until(async () => isCreated);
    await restart(environment.runs);
    starts.mockRestore();
    await ringAt(environment.runs, DUE + 1000);
    await ringAt(environment.runs, DUE + 70_000);
    expect(await runsIn(environment)).toHaveLength(1);
    expect(await outcomes(environment)).toEqual(["started", DUE, at("11:00:00")]);
  });

  it("has one run, if the schedule is stored again between two tries", async () => {
    const environment = await givenSchedule();
    const starts = replaceStarts(() => Promise.reject(new Error("no")));
    await ringAt(environment.runs, DUE);
    await until(async () => starts.mock.calls.length === 1);
    await stored(environment.path, { ...HOURLY, parameters: { version: "2" } });
    starts.mockRestore();
    await comes(environment, DUE, DUE + 10_000);
    expect((await runsIn(environment)).map(({ parameters }) => parameters)).toEqual([{ version: "2" }]);
    // A PUT after the run makes no second one.
    await stored(environment.path, { ...HOURLY, parameters: { version: "3" } });
    await ringAt(environment.runs, DUE + 20_000);
    expect(await runsIn(environment)).toHaveLength(1);
  });

  it("is one of the schedule as it was, if a PUT with another cron comes between two tries", async () => {
    const environment = await givenSchedule();
    const starts = replaceStarts(() => Promise.reject(new Error("no")));
    await ringAt(environment.runs, DUE);
    await until(async () => starts.mock.calls.length === 1);
    clockAt("10:06:00");
    // 10:05 was before the PUT.
    await stored(environment.path, { ...HOURLY, cron: "5 * * * *" });
    starts.mockRestore();
    await comes(environment, DUE, at("10:07:00"));
    expect(await outcomes(environment)).toEqual(["started", DUE, at("11:05:00")]);
    expect(await runsIn(environment)).toHaveLength(1);
  });

  it("starts what D1 has, if the isolate remembers an older version than the coordinator knows", async () => {
    clockAt("09:59:50");
    const environment = await givenSchedule();
    const scope = scopeOfPath(environment.runs);
    await startStray(environment);
    const change = `UPDATE definitions SET version = version + 1, definition = json_set(definition, '$.parameters.version', '2')
                    WHERE scope = ? AND kind = 'schedule'`;
    await env.DB.prepare(change).bind(scope).run();
    await direct(environment.runs).definitions.changed();
    await comes(environment, DUE);
    expect((await runsIn(environment)).map(({ parameters }) => parameters)).toEqual([{ version: "2" }]);
  });

  it.each(["disabled", "deleted"])("has no run if the schedule is %s between two tries", async (what) => {
    const environment = await givenSchedule();
    const starts = replaceStarts(() => Promise.reject(new Error("no")));
    await ringAt(environment.runs, DUE);
    await until(async () => starts.mock.calls.length === 1);
    starts.mockRestore();
    if (what === "deleted") await ask("DELETE", environment.path);
    else await stored(environment.path, { ...HOURLY, disabled: true });
    await ringAt(environment.runs, DUE + 10_000);
    expect(await runsIn(environment)).toEqual([]);
    expect((await rowOf(environment))?.next_at ?? null).toBeNull();
  });

  it("has no run if D1 has no such schedule any more, although the coordinator has not heard of it", async () => {
    const environment = await givenSchedule();
    await env.DB.prepare("DELETE FROM definitions WHERE scope = ? AND kind = 'schedule'")
      .bind(scopeOfPath(environment.runs))
      .run();
    // The isolate remembers the schedule for 30 s.
    await ringAt(environment.runs, DUE);
    await ringAt(environment.runs, DUE + 40_000);
    expect(await runsIn(environment)).toEqual([]);
    await direct(environment.runs).definitions.changed();
    expect(await rowOf(environment)).toBeNull();
  });

  it("comes at the same instant for 100 schedules, and each has its run", async () => {
    const environment = await givenAction(LONG);
    const names = Array.from({ length: 100 }, (_, n) => `s-${n}`);
    for (const name of names) await stored(`${environment.schedules}/${name}`, HOURLY);
    await ringAt(environment.runs, DUE);
    await until(async () => {
      await ringAt(environment.runs, DUE);
      const [row] = await journal<{ n: number }>(
        environment.runs,
        "SELECT count(*) AS n FROM schedules WHERE decided_at = ?",
        DUE,
      );
      return row?.n === 100;
    });
    const keys = await journal<{ create_key: string }>(environment.runs, "SELECT create_key FROM runs");
    expect(keys.map(({ create_key }) => create_key).sort()).toEqual(names.map((name) => scheduleKey(name, DUE)).sort());
  });

  it("is found by the sweep, if the platform dropped the alarm", async () => {
    const environment = await givenSchedule();
    await runInDurableObject(coordinator(environment.runs), (_, { storage }) => storage.deleteAlarm());
    clockAt("09:32:00");
    await everyMinute(env, Date.now());
    // It has no run yet, but a time that comes.
    const select = env.DB.prepare("SELECT due_at FROM coordinators WHERE scope = ?");
    expect(await select.bind(scopeOfPath(environment.runs)).first("due_at")).toBeLessThanOrEqual(DUE);
    await runInDurableObject(coordinator(environment.runs), (_, { storage }) => storage.deleteAlarm());
    clockAt("10:05:00");
    await everyMinute(env, Date.now());
    await comes(environment, DUE, at("10:05:00"));
    expect(await runsIn(environment)).toHaveLength(1);
  });

  it.each(["a.b_c-D", "constructor", "0", "x".repeat(55)])("starts a run of the schedule %s", async (name) => {
    const environment = await givenAction();
    const path = `${environment.schedules}/${name}`;
    await stored(path, HOURLY);
    await comes({ ...environment, path }, DUE);
    const [run] = await runsIn(environment, `&label=schedule:${name}`);
    expect(run?.details.schedule).toBe(name);
  });
});

describe("one run of a schedule at a time:", () => {
  async function expectSkipped(environment: Environment): Promise<void> {
    const before = (await runsIn(environment)).length;
    await comes(environment, at("11:00:00"));
    expect(await outcomes(environment)).toEqual(["skipped", at("11:00:00"), at("12:00:00")]);
    expect(await runsIn(environment)).toHaveLength(before);
    expect((await statusOf(environment.path)).lastTime).toMatchObject({ outcome: "skipped", runId: null });
  }

  async function expectStarted(environment: Environment): Promise<void> {
    await comes(environment, at("12:00:00"));
    expect((await rowOf(environment))?.outcome).toBe("started");
  }

  it("a time is skipped while the run before is open, and the next one starts a run after its end", async () => {
    const environment = await givenLong();
    await comes(environment, DUE);
    const [run] = await runsIn(environment);
    await change(environment.runs, run?.id ?? "", { type: "started" });
    await expectSkipped(environment);
    await cancel(environment, run?.id);
    // A call that was lost comes when there would be room.
    await startStray(environment, at("11:00:00"));
    expect(await runsIn(environment)).toHaveLength(1);
    await expectStarted(environment);
  });

  it("a run that waits for approval is open", async () => {
    const environment = await givenLong({}, { approval: {}, waitTimeout: 6000 });
    await comes(environment, DUE);
    const [run] = await runsIn(environment);
    expect(run?.details.waiting?.for).toBe("approval");
    await expectSkipped(environment);
  });

  it.each(["is planned", "waits for its time"])("an automatic retry that %s counts", async (what) => {
    if (what === "is planned") {
      vi.spyOn(AutomaticRetries.prototype, "make").mockImplementation(() => new Promise(() => {}));
    }
    const environment = await givenLong({}, { retry: { attempts: 1, delaySeconds: 7200 } });
    await comes(environment, DUE);
    const [run] = await runsIn(environment);
    await change(environment.runs, run?.id ?? "", { type: "failed", error: "no", output: null });
    const before = (await runsIn(environment)).length;
    await comes(environment, at("11:00:00"));
    expect((await rowOf(environment))?.outcome).toBe("skipped");
    expect((await runsIn(environment)).length - before).toBeLessThanOrEqual(1);
  });

  it("an automatic retry that has begun counts", async () => {
    const environment = await givenLong({}, { retry: { attempts: 1, delaySeconds: 60 } });
    await comes(environment, DUE);
    const [run] = await runsIn(environment);
    await change(environment.runs, run?.id ?? "", { type: "failed", error: "no", output: null });
    await until(async () => (await runsIn(environment)).length === 2);
    await ringAt(environment.runs, DUE + 61_000);
    const retry = (await runsIn(environment)).find(({ id }) => id !== run?.id);
    await change(environment.runs, retry?.id ?? "", { type: "started" });
    await expectSkipped(environment);
    await cancel(environment, retry?.id);
    await expectStarted(environment);
  });

  it("a retry of somebody does not count", async () => {
    const environment = await givenLong();
    await comes(environment, DUE);
    const [run] = await runsIn(environment);
    await cancel(environment, run?.id);
    const { status, body } = await ask("POST", `${environment.runs}/${run?.id}/retry`, { body: {} });
    expect(status).toBe(201);
    await change(environment.runs, body.id, { type: "started" });
    await comes(environment, at("11:00:00"));
    expect((await rowOf(environment))?.outcome).toBe("started");
  });

  it("a run that somebody starts by hand, or another schedule, holds up nothing", async () => {
    const environment = await givenLong();
    await stored(`${environment.schedules}/other`, HOURLY);
    expect((await ask("POST", `${environment.action}/runs`, { body: {} })).status).toBe(201);
    await comes(environment, DUE);
    await untilDecided({ ...environment, path: `${environment.schedules}/other` }, DUE);
    expect(await runsIn(environment)).toHaveLength(3);
  });
});

describe("a time is tried for 15 minutes:", () => {
  it("while D1 is down, and when D1 is back, the run starts", async () => {
    const environment = await givenSchedule();
    // The isolate has forgotten what it knew.
    clockAt("09:59:00");
    vi.spyOn(console, "error").mockImplementation(() => {});
    faults.reads = "down";
    const starts = vi.spyOn(ScheduledStarts.prototype, "start");
    await ringAt(environment.runs, DUE);
    await until(async () => starts.mock.calls.length === 1);
    await ringAt(environment.runs, at("10:14:00"));
    await until(async () => starts.mock.calls.length === 2);
    expect((await rowOf(environment))?.decided_at).toBeNull();
    resetFaults();
    await comes(environment, DUE, at("10:14:45"));
    expect(await outcomes(environment)).toEqual(["started", DUE, at("11:00:00")]);
  });

  it("what the isolate remembers is enough while D1 is down", async () => {
    const environment = await givenSchedule({ cron: "31 9 * * *" });
    const time = at("09:31:00");
    // Both are read once.
    await ask("GET", environment.path);
    expect((await ask("POST", `${environment.action}/runs`, { body: {} })).status).toBe(201);
    await startStray(environment);
    faults.reads = "down";
    await comes(environment, time);
    expect((await rowOf(environment))?.outcome).toBe("started");
  });

  it("then it is skipped", async () => {
    const environment = await givenSchedule();
    replaceStarts(() => Promise.reject(new Error("no")));
    await ringAt(environment.runs, DUE);
    await ringAt(environment.runs, at("10:14:59"));
    expect((await rowOf(environment))?.decided_at).toBeNull();
    await ringAt(environment.runs, at("10:15:00"));
    expect(await outcomes(environment)).toEqual(["skipped", DUE, at("11:00:00")]);
  });

  it("a create that comes later creates nothing", async () => {
    const environment = await givenSchedule();
    const { start } = ScheduledStarts.prototype;
    let mayGo = false;
    vi.spyOn(ScheduledStarts.prototype, "start").mockImplementation(async function (this: ScheduledStarts, ...args) {
      while (!mayGo) await scheduler.wait(1);
      await start.apply(this, args);
    });
    await ringAt(environment.runs, DUE);
    clockAt("10:15:00");
    mayGo = true;
    await untilDecided(environment, DUE);
    expect(await outcomes(environment)).toEqual(["skipped", DUE, at("11:00:00")]);
    expect(await runsIn(environment)).toEqual([]);
  });

  it("after a long outage, only the newest time starts a run, in one step", async () => {
    const environment = await givenLong({ cron: "* * * * *" });
    const decide = vi.spyOn(ScheduledStarts.prototype, "start");
    const later = at("10:00:30") + 40 * 86_400_000;
    await ringAt(environment.runs, later);
    await untilDecided(environment, later - 30_000);
    expect(await runsIn(environment)).toHaveLength(1);
    expect(decide).toHaveBeenCalledTimes(1);
    expect((await rowOf(environment))?.next_at).toBe(later + 30_000);
  });

  it("after a long outage, a time that is too old is skipped, and the status says when the last one was", async () => {
    const environment = await givenSchedule();
    await ringAt(environment.runs, at("15:20:00"));
    expect(await outcomes(environment)).toEqual(["skipped", at("15:00:00"), at("16:00:00")]);
    expect(await runsIn(environment)).toEqual([]);
  });
});

describe("the times of a version", () => {
  it("begin with the PUT, even if the coordinator reads it later", async () => {
    const environment = await givenAction();
    clockAt("09:59:59");
    faults.endpoints = () => Promise.reject(new Error("down"));
    vi.spyOn(console, "error").mockImplementation(() => {});
    await stored(environment.path, HOURLY);
    expect(await rowOf(environment)).toBeNull();
    faults.endpoints = null;
    clockAt("10:01:00");
    await direct(environment.runs).definitions.changed();
    expect((await rowOf(environment))?.next_at).toBe(DUE);
    await comes(environment, DUE, at("10:01:00"));
    expect((await rowOf(environment))?.outcome).toBe("started");
  });

  it("an older version that a restore of D1 brings back starts nothing of the past", async () => {
    clockAt("09:45:00");
    const environment = await givenSchedule({ cron: "50 9 * * *" });
    const version = (await rowOf(environment))?.version ?? 0;
    clockAt("09:48:00");
    await stored(environment.path, { ...HOURLY, cron: "0 23 * * *" });
    clockAt("09:55:00");
    await env.DB.prepare(
      "UPDATE definitions SET version = ?1, filter = json_set(filter, '$.cron', '50 9 * * *') WHERE scope = ?2 AND kind = 'schedule'",
    )
      .bind(version, scopeOfPath(environment.runs))
      .run();
    await direct(environment.runs).definitions.changed();
    expect(await rowOf(environment)).toMatchObject({ version, next_at: at("09:50:00") + 86_400_000 });
  });

  it("a schedule that a restore brings back after its deletion starts nothing of the past", async () => {
    const environment = await givenSchedule();
    const select = "SELECT * FROM definitions WHERE scope = ? AND kind = 'schedule'";
    const row = await env.DB.prepare(select).bind(scopeOfPath(environment.runs)).first<Record<string, unknown>>();
    await ask("DELETE", environment.path);
    clockAt("12:05:00");
    const names = Object.keys(row ?? {});
    await env.DB.prepare(`INSERT INTO definitions (${names.join()}) VALUES (${names.map(() => "?").join()})`)
      .bind(...Object.values(row ?? {}))
      .run();
    await direct(environment.runs).definitions.changed();
    expect((await rowOf(environment))?.next_at).toBe(at("13:00:00"));
  });
});
