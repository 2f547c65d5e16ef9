/**
 * Random stories of bulk operations: calls that die before or after their work, answers that get lost, retries that
 * can't be decided, writes that fail, restarts, stops, and time. Whatever happens, each run is changed once at most, and
 * what an operation says of a run is true.
 */

import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { restart } from "../../support/direct.ts";
import { replicated } from "../../support/replicated.ts";
import { newRunsPath } from "../../support/requests.ts";
import {
  awake,
  begin,
  bulkOf,
  CANCEL,
  cancelledBy,
  createRuns,
  type Fate,
  failWrites,
  itemsOf,
  outside,
  pass,
  passUntil,
  RETRY,
  runIds,
  STOPPER,
  useStandInRunner,
} from "./stand-in-runner.ts";

const SEED = 20261129;
const STORIES = Number(process.env.BULK_STORIES ?? 6);
const RUNS = 70;

useStandInRunner();
let heal = () => {};
afterEach(() => heal());

interface Story {
  readonly path: string;
  /** Real ones, for cancels. */
  readonly runs: readonly string[];
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
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom("all", "cancel", "retry"), fc.integer({ min: 1, max: RUNS })).map(
      ([kind, count]): Step => ({
        what: kind === "all" ? "cancel all" : `${kind} ${count} runs`,
        go: async ({ path, runs, ids }) => {
          const wanted = {
            all: { request: CANCEL },
            cancel: { request: { ...CANCEL, graceSeconds: 0 }, named: runs.slice(-count) },
            retry: { request: RETRY, named: runIds(count) },
          }[kind];
          const id = await begin(path, wanted ?? {}).catch(() => "");
          if (id.includes("-")) ids.push(id);
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
            : awake(path, (object) => object.bulk.abort(id, STOPPER)).catch(() => {});
        },
      }),
    ),
  },
  { weight: 2, arbitrary: nothing.map((): Step => ({ what: "die", go: ({ path }) => restart(path) })) },
  {
    weight: 3,
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
        what: every === 0 ? "each retry can be decided" : `one retry in ${every} can't be decided or refuses`,
        go: async () => {
          let n = 0;
          outside.outcome = () => (every > 0 && ++n % every === 0 ? (n % 2 === 0 ? null : "skipped") : "accepted");
        },
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 5 })).map(
      ([n, times]): Step => ({
        what: `${times} writes fail after ${n - 1}`,
        go: async ({ path }) => {
          heal();
          heal = await failWrites(path, /runs|events|accepted_changes|bulk_|metadata/, n, times);
        },
      }),
    ),
  },
);

/** What an operation says is what happened. */
async function expectTrue({ path, ids }: Story): Promise<void> {
  for (const id of ids) {
    const { order, counts, status, abortReason } = await bulkOf(path, id);
    const items = await itemsOf(path, id);
    const of = (outcome: string | null) => items.filter((item) => item.outcome === outcome);
    for (const outcome of ["accepted", "skipped", "failed"] as const) {
      expect(of(outcome).length).toBe(counts[outcome]);
    }
    if (abortReason !== "too_many_runs") expect(items.length).toBe(counts.matched);
    if (status === "completed") expect(of(null)).toEqual([]);
    if (order.request.operation === "cancel") {
      expect(await cancelledBy(path, id)).toEqual(
        of("accepted")
          .map(({ runId }) => runId)
          .toSorted(),
      );
      continue;
    }
    const isDone = ({ runId }: { readonly runId: string }) => outside.retried.has(`${id} ${runId}`);
    expect(of("accepted").every(isDone)).toBe(true);
    expect(of("skipped").some(isDone)).toBe(false);
    // What a stopped operation had not reached was not changed.
    if (status === "aborted") expect(of(null).some(isDone)).toBe(false);
  }
}

it("each run is changed once at most, and the counts are exact", { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const works = { fate: () => "answered" as const, outcome: () => "accepted" as const };
      Object.assign(outside, works);
      heal();
      outside.retried.clear();
      const path = newRunsPath();
      const story: Story = { path, runs: await createRuns(path, RUNS), ids: [] };
      await replicated(path);
      const happened: string[] = [];
      try {
        for (const { what, go } of steps) {
          happened.push(what);
          await go(story);
          await expectTrue(story);
        }
        // From now on everything works, and time passes until nothing is under way.
        Object.assign(outside, works);
        heal();
        for (const id of story.ids) {
          await passUntil(path, async () => (await bulkOf(path, id)).completedAt !== null, 31_000);
        }
        await expectTrue(story);
      } catch (error) {
        throw new Error(`after ${happened.join("; ")}: ${error}`);
      }
    }),
    { seed: SEED, numRuns: STORIES },
  );
});
