/**
 * Random stories of bulk operations: calls that die before or after their work, answers that get lost, runs that can't
 * be decided, a D1 that lags, evictions, stops, and time. Whatever happens, each run is changed once at most, and what
 * an operation says of a run is true.
 */

import fc from "fast-check";
import { expect, it } from "vitest";
import { coordinatorOf } from "../../../../src/runs/protocol.ts";
import { newRunsPath } from "../../../support/requests.ts";
import {
  awake,
  begin,
  bulkOf,
  die,
  type Fate,
  itemsOf,
  outside,
  pass,
  passUntil,
  runIds,
  STOPPER,
  useStandInRunner,
} from "./stand-in-runner.ts";

const SEED = 20261129;
const STORIES = Number(process.env.BULK_STORIES ?? 6);

useStandInRunner();

interface Story {
  readonly path: string;
  readonly ids: string[];
}

interface Step {
  readonly what: string;
  go(story: Story): Promise<unknown>;
}

const FATES: readonly Fate[] = ["answered", "answered", "crashes", "unheard", "hangs"];
const nothing = fc.constant(null);

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc
      .constantFrom(0, 1, 1250, 1250, 5000, 30_000, 61_000)
      .map((ms): Step => ({ what: `pass ${ms} ms`, go: ({ path }) => pass(path, ms) })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 70 })).map(
      ([isNamed, runs]): Step => ({
        what: isNamed ? `begin with ${runs} named runs` : "begin with a filter",
        go: async ({ path, ids }) => {
          const id = await begin(path, isNamed ? { named: runIds(70).slice(-runs) } : {});
          if (id !== "too_many_bulk_operations") ids.push(id);
        },
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat({ max: 9 }).map(
      (n): Step => ({
        what: `stop ${n}`,
        go: ({ path, ids }) => {
          const id = ids[n % Math.max(ids.length, 1)];
          return id === undefined
            ? Promise.resolve()
            : awake(path, (object) => coordinatorOf(object).bulk.abort(id, STOPPER));
        },
      }),
    ),
  },
  { weight: 2, arbitrary: nothing.map((): Step => ({ what: "die", go: ({ path }) => die(path) })) },
  {
    weight: 4,
    arbitrary: fc.array(fc.constantFrom(...FATES), { minLength: 1, maxLength: 6 }).map(
      (fates): Step => ({
        what: `the next calls: ${fates.join(", ")}`,
        go: async () => {
          const next = [...fates];
          outside.fate = () => next.shift() ?? "answered";
        },
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat({ max: 4 }).map(
      (every): Step => ({
        what: every === 0 ? "each run can be decided" : `one run in ${every} can't be decided or refuses`,
        go: async () => {
          let n = 0;
          outside.outcome = () =>
            every > 0 && ++n % every === 0 ? (n % 2 === 0 ? null : "skipped") : "accepted";
        },
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (lags): Step => ({
        what: lags ? "D1 lags" : "D1 has everything",
        go: async () => {
          outside.isSettled = !lags;
        },
      }),
    ),
  },
);

/** What an operation says is what happened. */
async function expectTrue({ path, ids }: Story): Promise<void> {
  for (const id of ids) {
    const { counts, status, abortReason } = await bulkOf(path, id);
    const items = await itemsOf(path, id);
    const of = (outcome: string | null) => items.filter((item) => item.outcome === outcome);
    for (const outcome of ["accepted", "skipped", "failed"] as const) {
      expect(of(outcome).length).toBe(counts[outcome]);
    }
    if (abortReason !== "too_many_runs") expect(items.length).toBe(counts.matched);
    const isDone = ({ runId }: { readonly runId: string }) => outside.done.has(`${id} ${runId}`);
    expect(of("accepted").every(isDone)).toBe(true);
    expect(of("skipped").some(isDone)).toBe(false);
    if (status === "completed") expect(of(null)).toEqual([]);
    // What a stopped operation had not reached was not changed.
    if (status === "aborted") expect(of(null).some(isDone)).toBe(false);
  }
}

it("each run is changed once at most, and the counts are exact", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      Object.assign(outside, { fate: () => "answered", outcome: () => "accepted", isSettled: true });
      outside.done.clear();
      outside.runs = runIds(70).map((id, i) => ({ id, isWaiting: i % 4 === 0 }));
      const story: Story = { path: newRunsPath(), ids: [] };
      story.ids.push(await begin(story.path));
      const happened: string[] = [];
      try {
        for (const { what, go } of steps) {
          happened.push(what);
          await go(story);
          await expectTrue(story);
        }
        // From now on everything works, and time passes until nothing is under way.
        Object.assign(outside, { fate: () => "answered", outcome: () => "accepted", isSettled: true });
        for (const id of story.ids) {
          await passUntil(
            story.path,
            async () => (await bulkOf(story.path, id)).completedAt !== null,
            31_000,
          );
        }
        await expectTrue(story);
      } catch (error) {
        throw new Error(`after ${happened.join("; ")}: ${error}`);
      }
    }),
    { seed: SEED, numRuns: STORIES },
  );
});
