/** GET …/metrics beyond the ends of runs: what waits, actions, storage, and what D1 lacks. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { writeReport } from "../../../../src/database/database-state.ts";
import { type CountedRun, NO_ENDED, withRuns } from "../../../../src/runs/run-counts.ts";
import { askWith, envWith } from "../../../support/bindings.ts";
import { later } from "../../../support/clock.ts";
import { createAged, direct, journal, MINUTE_MS, restart, until } from "../../../support/direct.ts";
import { breakD1, faults, faulty, resetFaults } from "../../../support/faults.ts";
import { givenReplicated, replicated } from "../../../support/replicated.ts";
import { newRunsPath } from "../../../support/requests.ts";
import { decide, gatedRun, LATER, startGated, storeGated } from "../../../support/runs/gated.ts";
import { metricsPath, nonZero, samplesOf, scrape } from "../../../support/runs/metrics.ts";
import { useSettings } from "../../../support/use-settings.ts";
import { end } from "../../../webhook-endpoints/deliveries.ts";

await useSettings("databases");

describe("a run that waits at a gate", () => {
  it("has an age of its own, and counts as the oldest open run only from its release on", async () => {
    const path = newRunsPath();
    later(0);
    const approved = await gatedRun(path, { approval: { allowSelf: true } });
    await storeGated(path, {}, "later");
    await startGated(path, { notBefore: LATER }, {}, "later");
    await replicated(path);
    later(90 * MINUTE_MS);
    const waiting = await scrape(path);
    const age = 90 * 60 + 10;
    expect(nonZero(waiting, "cicd_pipeline_run_active")).toEqual({ 'cicd_pipeline_run_active{status="pending"}': 2 });
    expect(nonZero(waiting, "action_runs_oldest_open_age_seconds")).toEqual({});
    expect(nonZero(waiting, "action_runs_waiting")).toEqual({
      'action_runs_waiting{gate="time"}': 1,
      'action_runs_waiting{gate="approval"}': 1,
    });
    expect(nonZero(waiting, "action_runs_oldest_waiting_age_seconds")).toEqual({
      'action_runs_oldest_waiting_age_seconds{gate="time"}': age,
      'action_runs_oldest_waiting_age_seconds{gate="approval"}': age,
    });
    expect((await decide(path, approved.id, "approve")).status).toBe(200);
    const released = await scrape(path);
    expect(released.get('action_runs_waiting{gate="approval"}')).toBe(0);
    expect(nonZero(released, "action_runs_oldest_open_age_seconds")).toEqual({
      'action_runs_oldest_open_age_seconds{status="pending"}': 10,
    });
  });
});

describe("ended runs by action", () => {
  const run = (actionName: string, source: CountedRun["source"] = "action"): CountedRun => ({
    actionName,
    source,
    status: "failed",
    endCause: "callback",
    createdAt: 0,
    startedAt: 0,
    completedAt: 1,
  });

  it("count stored actions only, whatever their names are", () => {
    const runs = [run("constructor"), run("deploy"), run("constructor"), run("typed", "none")];
    const { byAction } = withRuns(NO_ENDED, runs);
    expect(byAction).toEqual({ constructor: { failed: 2 }, deploy: { failed: 1 } });
    expect(withRuns(JSON.parse(JSON.stringify({ ...NO_ENDED, byAction })), runs).byAction).toMatchObject({
      constructor: { failed: 4 },
    });
  });

  it("name the first 100 actions, and count the runs of all others together", () => {
    const hundred = withRuns(
      NO_ENDED,
      Array.from({ length: 100 }, (_, n) => run(`a${n}`)),
    );
    const { byAction } = withRuns(hundred, [run("a99"), run("late"), run("later")]);
    expect(Object.keys(byAction)).toHaveLength(101);
    expect([byAction.a99, byAction._other, byAction.late]).toEqual([{ failed: 2 }, { failed: 2 }, undefined]);
  });

  it("have a series for each status from the first one on", async () => {
    const path = newRunsPath();
    later(0);
    await end(path, "succeeded", { stored: true });
    await end(path, "succeeded");
    await replicated(path);
    const samples = await scrape(path);
    const ofAction = (status: string) =>
      samples.get(`action_runs_ended_by_action_total{action="deploy",status="${status}"}`);
    expect(["succeeded", "failed", "cancelled"].map(ofAction)).toEqual([1, 0, 0]);
  });
});

describe("storage", () => {
  const ratio = (text: string, store: string) => samplesOf(text).get(`action_runs_storage_ratio{store="${store}"}`);

  it("is that of the object, and that of the database where the environment lives", async () => {
    const path = newRunsPath();
    await createAged(path);
    await replicated(path);
    faults.databaseBytes = 8_100_000_000;
    const { body } = await askWith<string>(envWith({ DB: faulty(env.DB) }), "GET", metricsPath(path));
    expect(ratio(body, "database")).toBe(0.81);
    expect(samplesOf(body).get('action_runs_storage_bytes{store="object"}')).toBeGreaterThan(0);
  });

  it("is what the cron has seen of another database, and is left out until it has looked", async () => {
    const path = newRunsPath();
    await direct(path).moves.chooseHome(2);
    await createAged(path);
    await replicated(path);
    later(0);
    const of = (samples: Map<string, number>) => samples.get('action_runs_storage_ratio{store="database"}');
    expect(of(await scrape(path))).toBeUndefined();
    const state = { number: 2, status: "ready", sizeBytes: 5_000_000_000, waitingUnderOlderKeys: 0 } as const;
    await writeReport(env.DB, { lookedAt: Date.now(), keyId: "k", databases: [state], archive: null }).run();
    expect(of(await scrape(path))).toBe(0.5);
  });
});

it("says how many runs D1 lacks, and since when", async () => {
  const { path } = await givenReplicated();
  later(0);
  breakD1("down");
  vi.spyOn(console, "error").mockImplementation(() => {});
  await createAged(path);
  later(2 * MINUTE_MS);
  resetFaults();
  const samples = await scrape(path);
  expect(samples.get("action_runs_unreplicated")).toBe(1);
  expect(samples.get("action_runs_oldest_unreplicated_age_seconds")).toBe(130);
});

it("says since when D1 lacks a run whose content it refuses, also to an object that has just begun", async () => {
  const { path } = await givenReplicated();
  later(0);
  faults.writes = { refuse: (bound) => bound.includes("poison") };
  vi.spyOn(console, "error").mockImplementation(() => {});
  await createAged(path, { actionName: "poison" });
  const age = "action_runs_oldest_unreplicated_age_seconds";
  await until(async () => (await journal(path, "SELECT 1 FROM quarantined_runs")).length === 1);
  later(2 * MINUTE_MS);
  const ages = [(await scrape(path)).get(age)];
  await restart(path);
  await until(async () => (await journal(path, "SELECT 1 FROM quarantined_runs")).length === 1);
  later(MINUTE_MS);
  ages.push((await scrape(path)).get(age));
  expect(Math.min(...ages.map(Number))).toBeGreaterThanOrEqual(120);
});
