/**
 * Random stories of ends, answers, deaths, failing matchings and time. Whatever happens, each end is told to each
 * endpoint in the end, to nobody else, and never by more attempts at a time than an endpoint may have.
 */

import fc from "fast-check";
import { expect, it, vi } from "vitest";
import { alarmAt, HOUR_MS, journal, MINUTE_MS, until } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { answer, die, end, notify, outside, pass, useStandInEndpoints } from "./stand-in-endpoints.ts";

const SEED = 20261128;
const STORIES = Number(process.env.TELLING_STORIES ?? 12);
const ENDPOINTS = ["chat@1", "pager@4"];
const AT_A_TIME = 2;
const LEASE_MS = 30_000;

useStandInEndpoints();

interface Story {
  readonly path: string;
  readonly ended: string[];
}

interface Step {
  readonly what: string;
  go(story: Story): Promise<unknown>;
}

const answers = [200, 204, 302, 422, 500, 503, "crash"] as const;

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constant<Step>({ what: "end", go: async ({ path, ended }) => ended.push(await end(path)) }),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat({ max: 3 }), fc.constantFrom(...answers)).map(
      ([n, result]): Step => ({
        what: `answer ${n} with ${result}`,
        go: async ({ path }) => {
          const attempt = outside.underWay[n % Math.max(outside.underWay.length, 1)];
          if (result === "crash") attempt?.crash();
          else await answer(path, [attempt], result);
        },
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(1, 4000, 6000, 31_000, MINUTE_MS, 6 * MINUTE_MS, 3 * HOUR_MS)
      .map((ms): Step => ({ what: `pass ${ms} ms`, go: ({ path }) => pass(path, ms) })),
  },
  {
    weight: 2,
    arbitrary: fc.constant<Step>({
      what: "die",
      go: async ({ path }) => {
        await die(path);
        outside.underWay = [];
      },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (fails): Step => ({
        what: fails ? "matchings fail" : "matchings work",
        go: async () => {
          outside.match = fails ? () => Promise.reject(new Error("D1 is down")) : null;
        },
      }),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ what: "PUT", go: ({ path }) => notify(path) }) },
);

async function expectBounded({ path }: Story): Promise<void> {
  for (const endpoint of ENDPOINTS) {
    const underWay = outside.underWay.filter(({ attempt }) => attempt.endpoint === endpoint);
    expect(underWay.length).toBeLessThanOrEqual(AT_A_TIME);
  }
  const [{ at } = { at: null }] = await journal<{ at: number | null }>(
    path,
    "SELECT min(due_at) AS at FROM messages",
  );
  if (at !== null) expect(await alarmAt(path)).toBeLessThanOrEqual(Math.max(at, Date.now() + LEASE_MS));
}

const waiting = async (path: string) =>
  (await journal(path, "SELECT 1 FROM messages WHERE state = 'waiting'")).length;

/** From now on everything works. Time passes until nothing waits any more. */
async function comeToRest({ path, ended }: Story): Promise<void> {
  outside.match = null;
  outside.answers = () => 200;
  await answer(path, outside.underWay, 200);
  for (let hours = 0; hours < 24; hours++) {
    await pass(path, HOUR_MS);
    await until(async () => outside.underWay.length === 0);
    const told = await journal(path, "SELECT DISTINCT run_id FROM messages");
    if (told.length === ended.length && (await waiting(path)) === 0) return;
  }
  const rows = await journal(path, "SELECT endpoint, run_id, state, attempt, next_at, due_at FROM messages");
  const marks = await journal(path, "SELECT name, value FROM marks");
  throw new Error(`not at rest: ${JSON.stringify({ now: Date.now(), ended, rows, marks })}`);
}

it("each end is told to each endpoint, and to nobody else", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      vi.useRealTimers();
      Object.assign(outside, { endpoints: ENDPOINTS, match: null, answers: null, sent: [], underWay: [] });
      const story: Story = { path: newRunsPath(), ended: [] };
      await end(story.path);
      await notify(story.path);
      const happened: string[] = [];
      try {
        for (const { what, go } of steps) {
          happened.push(what);
          await go(story);
          await expectBounded(story);
        }
        await comeToRest(story);
      } catch (error) {
        throw new Error(`after ${happened.join("; ")}: ${error}`);
      }
      const all = ENDPOINTS.flatMap((endpoint) => story.ended.map((id) => `${endpoint} ${id}`)).sort();
      const sent = [...new Set(outside.sent.map(({ endpoint, runId }) => `${endpoint} ${runId}`))].sort();
      expect(sent).toEqual(all);
    }),
    { seed: SEED, numRuns: STORIES },
  );
});
