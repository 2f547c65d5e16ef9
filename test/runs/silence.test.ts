/** `heartbeatTimeout`: a run whose workflow is silent for longer fails, at that very instant, whoever notices. */

import { describe, expect, it, vi } from "vitest";
import { alarmAt, alarmIn, coordinator, givenAged, journal, MINUTE_MS, restart, until } from "../support/direct.ts";
import { replicatedRow } from "../support/replicated.ts";
import { ask, givenRun, newRunsPath, report, rowOf } from "../support/requests.ts";
import { beat, eventsOf } from "../support/runs/stream.ts";
import type { Refusal } from "../support/tokens.ts";

/** From here on the clock stands still at `at`. */
function clockAt(at: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: at });
}

/** A run in an environment of its own that may be silent for so many minutes. */
function givenQuiet(heartbeatTimeout: number, timeout = 60) {
  return givenRun({ actionName: "deploy", timeout, heartbeatTimeout });
}

async function decided(path: string, { id }: { id: string }) {
  return (await ask("GET", `${path}/${id}`)).body;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

describe("heartbeatTimeout on create", () => {
  it.each([0, -1, 1.5, 43_201, "5", null, true])("%j is 400 and names the place", async (heartbeatTimeout) => {
    const body = { actionName: "deploy", heartbeatTimeout };
    const answer = await ask<Refusal>("POST", newRunsPath(), { body });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_body" } });
    expect(answer.body.error).toMatch(/heartbeatTimeout.*1 to 43200/);
  });

  it.each([1, 43_200])("%j is taken, and is in the run's answer no more than a timeout is", async (minutes) => {
    expect((await givenQuiet(minutes)).run).not.toHaveProperty("heartbeatTimeout");
  });
});

describe("a run that is silent for too long", () => {
  it.each([
    [1, "silent for a minute"],
    [5, "silent for 5 minutes"],
  ])("fails by the alarm at the last sign of life + %i min, and says: %s", async (minutes, words) => {
    const { path, run } = await givenQuiet(minutes);
    await beat(run);
    const started = await decided(path, run);
    const heard = Date.parse(started.startedAt ?? "");
    await alarmIn(minutes * MINUTE_MS + 30_000, coordinator(path));
    await until(async () => (await rowOf(run.id))?.status === "failed");
    const ended = JSON.parse((await rowOf(run.id))?.body ?? "");
    expect(ended).toMatchObject({
      ...started,
      status: "failed",
      error: expect.any(String),
      completedAt: iso(heard + minutes * MINUTE_MS),
    });
    expect(ended.error).toMatch(/^\[timeout\] [A-Z].*\.$/);
    expect(ended.error).toContain(words);
    expect(ended.error).toContain(iso(heard));
    const { body: events } = await eventsOf(`${path}/${run.id}`);
    expect(events.at(-1)).toEqual({ seq: 4, type: "ended", at: ended.completedAt, status: "failed", cause: "silence" });
  });

  it("that never began counts from its creation", async () => {
    const { path, run } = await givenQuiet(1);
    expect(await alarmAt(path)).toBeLessThanOrEqual(Date.parse(run.createdAt) + MINUTE_MS);
    await alarmIn(MINUTE_MS, coordinator(path));
    expect(await decided(path, run)).toMatchObject({
      status: "failed",
      startedAt: null,
      completedAt: iso(Date.parse(run.createdAt) + MINUTE_MS),
    });
  });

  it("refuses a heartbeat, a report and a cancel from that instant, before any alarm", async () => {
    for (const late of [0, 30_000]) {
      const { path, run } = await givenQuiet(1);
      const upAt = Date.parse(run.createdAt) + MINUTE_MS;
      clockAt(upAt + late);
      for (const go of [
        () => beat(run),
        () => report(run, { status: "succeeded" }),
        () => ask("DELETE", `${path}/${run.id}`),
      ]) {
        expect(await go()).toMatchObject({ status: 409, body: { code: "run_timed_out" } });
      }
      expect(await decided(path, run)).toMatchObject({ status: "failed", completedAt: iso(upAt) });
      expect((await replicatedRow(path, run.id))?.status).toBe("failed");
      vi.useRealTimers();
    }
  });

  it("ends by itself, with nobody asking", async () => {
    const createdAt = Date.now();
    const { id } = await givenAged({ createdAt, heartbeatTimeoutMs: 300 });
    await until(async () => (await rowOf(id))?.status === "failed");
    expect(JSON.parse((await rowOf(id))?.body ?? "").completedAt).toBe(iso(createdAt + 300));
  });
});

describe("a heartbeat", () => {
  it.each([{ message: "with news" }, {}])("puts the end off, whatever it says: %j", async (body) => {
    const { path, run } = await givenQuiet(2);
    const createdAt = Date.parse(run.createdAt);
    for (const minutes of [1, 2.5, 4]) {
      clockAt(createdAt + minutes * MINUTE_MS);
      expect((await beat(run, body)).status).toBe(200);
      vi.useRealTimers();
      await alarmIn(createdAt + (minutes + 1.4) * MINUTE_MS - Date.now(), coordinator(path));
      expect((await decided(path, run)).status).toBe("running");
    }
    await restart(path);
    // The alarm found out that the run is due later, and rings then and not before.
    expect(await alarmAt(path)).toBe(createdAt + 6 * MINUTE_MS);
    const due = await journal<{ due_at: number }>(path, "SELECT due_at FROM runs WHERE id = ?", run.id);
    expect(due).toEqual([{ due_at: createdAt + 6 * MINUTE_MS }]);
    await alarmIn(createdAt + 6 * MINUTE_MS - Date.now(), coordinator(path));
    expect(await decided(path, run)).toMatchObject({ status: "failed", completedAt: iso(createdAt + 6 * MINUTE_MS) });
  });

  it("is remembered over a restart", async () => {
    const { path, run } = await givenQuiet(1);
    const heardAt = Date.parse(run.createdAt) + 50_000;
    clockAt(heardAt);
    await beat(run);
    vi.useRealTimers();
    await restart(path);
    await alarmIn(70_000, coordinator(path));
    expect((await decided(path, run)).status).toBe("running");
    await alarmIn(heardAt + MINUTE_MS - Date.now(), coordinator(path));
    expect((await decided(path, run)).completedAt).toBe(iso(heardAt + MINUTE_MS));
  });
});

describe("the deadline", () => {
  it.each([
    { heartbeatTimeout: 3, timeout: 2 },
    { heartbeatTimeout: 2, timeout: 2 },
  ])("comes first where it is no later than the silence: %j", async ({ heartbeatTimeout, timeout }) => {
    const { path, run } = await givenQuiet(heartbeatTimeout, timeout);
    await alarmIn(10 * MINUTE_MS, coordinator(path));
    const ended = await decided(path, run);
    expect(ended).toMatchObject({ status: "failed", completedAt: run.callback.expiresAt });
    expect(ended.error).not.toContain("silent");
    expect((await eventsOf(`${path}/${run.id}`)).body.at(-1)).toMatchObject({ cause: "deadline" });
  });
});
