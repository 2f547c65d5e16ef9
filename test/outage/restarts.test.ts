/** Every answer stays true when the object is restarted between any two steps, with or without an outage of D1. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { sweep } from "../../src/runs/d1/sweep.ts";
import { alarmIn, coordinator, MINUTE_MS, restart, until } from "../support/direct.ts";
import { type Fault, faults } from "../support/faults.ts";
import { type ActionRun, ask, type CreatedRun, createRun, newRunsPath, report, rowOf } from "../support/requests.ts";
import { beat } from "../support/runs/stream.ts";

interface Story {
  readonly path: string;
  created?: CreatedRun;
  startedAt?: string | null;
  last?: ActionRun;
}

/** What may happen to a run, in order. Each leaves in the story what the caller was told. */
const STEPS: readonly { name: string; go: (story: Story) => Promise<void> }[] = [
  {
    name: "create",
    go: async (story) => {
      const headers = { "Idempotency-Key": "a" };
      story.created = await createRun(story.path, { actionName: "deploy" }, { headers });
    },
  },
  {
    name: "create again",
    go: async (story) => {
      const headers = { "Idempotency-Key": "a" };
      expect(await createRun(story.path, { actionName: "deploy" }, { headers })).toEqual(story.created);
    },
  },
  {
    name: "heartbeat",
    go: async (story) => {
      const answer = await beat(of(story), { message: "building", progress: 0.5 });
      expect(answer).toMatchObject({ status: 200, body: { status: "running" } });
      story.startedAt = (await decided(story)).startedAt;
      expect(story.startedAt).not.toBeNull();
    },
  },
  {
    name: "the same heartbeat",
    go: async (story) => {
      const answer = await beat(of(story), { message: "building", progress: 0.5 });
      expect(answer).toMatchObject({ status: 200, body: { status: "running" } });
      expect((await decided(story)).startedAt).toBe(story.startedAt);
    },
  },
  {
    name: "callback",
    go: async (story) => {
      const headers = { "Idempotency-Key": "b" };
      const answer = await report(of(story), { status: "failed", error: "no" }, { headers });
      expect(answer).toMatchObject({ status: 200, body: { status: "failed", error: "no" } });
      story.last = answer.body;
    },
  },
  {
    name: "callback again",
    go: async (story) => {
      const headers = { "Idempotency-Key": "b" };
      const answer = await report(of(story), { status: "failed", error: "no" }, { headers });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("Idempotent-Replayed")).toBe("true");
      expect(answer.body).toEqual(story.last);
    },
  },
  {
    name: "another callback",
    go: async (story) => {
      expect(await report(of(story), { status: "succeeded" })).toMatchObject({
        status: 409,
        body: { code: "run_failed" },
      });
    },
  },
  {
    name: "another heartbeat",
    go: async (story) => {
      expect(await beat(of(story), {})).toMatchObject({ status: 409, body: { code: "run_failed" } });
    },
  },
  {
    name: "cancel",
    go: async (story) => {
      expect((await ask("DELETE", `${story.path}/${of(story).id}`)).status).toBe(409);
    },
  },
  {
    name: "alarm",
    go: async (story) => {
      await runDurableObjectAlarm(coordinator(story.path));
    },
  },
  {
    name: "get",
    go: async (story) => {
      expect(await decided(story)).toEqual(story.last);
    },
  },
  {
    name: "events",
    go: async (story) => {
      const { body } = await ask<unknown>("GET", `${story.path}/${of(story).id}/events`);
      expect(body).toEqual([
        { seq: 1, type: "created", at: of(story).createdAt, by: "root" },
        { seq: 2, type: "started", at: story.startedAt, cause: "heartbeat" },
        { seq: 3, type: "heartbeat", at: story.startedAt, message: "building", progress: 0.5 },
        { seq: 4, type: "ended", at: story.last?.completedAt, status: "failed", cause: "callback" },
      ]);
    },
  },
  {
    name: "wait",
    go: async (story) => {
      expect((await ask("GET", `${story.path}/${of(story).id}?wait=60`)).body).toEqual(story.last);
    },
  },
  { name: "sweep", go: () => sweep(env, Date.now()) },
];

function of(story: Story): CreatedRun {
  if (story.created === undefined) throw new Error("no run was created");
  return story.created;
}

/** The run as its coordinator has it. */
async function decided(story: Story): Promise<ActionRun> {
  return (await ask("GET", `${story.path}/${of(story).id}`)).body;
}

const FAULTS: readonly (Extract<Fault, string> | null)[] = [null, "down", "committed_then_error"];

describe.each(FAULTS)("with writes to D1: %s", (fault) => {
  const places = STEPS.slice(1).map((step, n) => ({ place: n + 1, before: step.name }));
  it.each(places)("a restart before: $before", async ({ place }) => {
    faults.writes = fault;
    await play((n) => n === place);
  });

  it("a restart before every step", async () => {
    faults.writes = fault;
    await play(() => true);
  });
});

it("with writes to D1 that hang, a restart before every step", async () => {
  faults.writes = "hang";
  await play(() => true);
});

async function play(restartsBefore: (n: number) => boolean): Promise<void> {
  const story: Story = { path: newRunsPath() };
  for (const [n, step] of STEPS.entries()) {
    if (story.created !== undefined && restartsBefore(n)) await restart(story.path);
    await step.go(story);
  }
  faults.writes = null;
  await alarmIn(MINUTE_MS, coordinator(story.path));
  await until(async () => (await rowOf(of(story).id))?.version === 3);
  expect((await ask("GET", `${story.path}/${of(story).id}`)).body).toEqual(story.last);
  expect((await ask("GET", story.path)).body).toEqual([story.last]);
}
