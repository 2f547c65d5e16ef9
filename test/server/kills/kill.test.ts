/** `kill -9` of the real server under load: every acknowledged answer is still true afterwards. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Installation, killAll, newInstallation, type Server } from "../installation.ts";
import { type ActionRun, ask, type CreatedRun, forEachOf, type Known, type Load, startLoad } from "../load.ts";
import { journaled, letTimePass, lockD1, rowsInD1 } from "../state.ts";
import { until } from "../until.ts";
import type { Told } from "./gated-load.ts";
import { playGates } from "./gated-story.ts";

const CALLERS = 16;
/** How many requests of each kind are repeated after the restart. */
const SAMPLE = 20;

let installation: Installation;
/** The next one is started after each kill. */
let server: Server;
let unlockD1 = () => {};
beforeAll(async () => {
  installation = await newInstallation("ALLOW_INSECURE_WEBHOOKS=true\n");
  server = await installation.start();
});
afterEach(() => unlockD1());
afterAll(() => installation.remove());

/** The ids of runs whose row in D1 is older than their journal. */
function notReplicated(state: string): string[] {
  const rows = rowsInD1(state);
  return [...journaled(state)].filter(([id, version]) => rows.get(id)?.version !== version).map(([id]) => id);
}

/** Resolves when the callers have created so many more runs. */
async function untilCreated(more: number, { known, surprises }: Load): Promise<void> {
  const target = known.length + more;
  await until(`${target} runs are created`, () => known.length >= target || surprises.length > 0);
  expect(surprises).toEqual([]);
}

/** Whether the run is as the caller was told, or as an unanswered change could have left it. */
function isTrue(one: Known, run: ActionRun): boolean {
  if (JSON.stringify(run) === JSON.stringify(one.run)) return true;
  const ends = one.report === undefined ? ["cancelled"] : ["succeeded", "failed"];
  return one.unanswered && run.id === one.run.id && ends.includes(run.status);
}

describe("kill -9 under load", () => {
  test.each([
    { when: "while batches for D1 are under way", d1IsLocked: false },
    { when: "while D1 refuses all writes, so that only the journals have the changes", d1IsLocked: true },
  ])(
    "$when: every acknowledged answer is still true, and every row is replicated by itself",
    async ({ d1IsLocked }) => {
      const { state, token, runs } = installation;
      const load = startLoad(runs, token, CALLERS);
      // With more than four runs per caller, at least one run of each kind is acknowledged.
      await untilCreated(5 * CALLERS, load);
      if (d1IsLocked) unlockD1 = lockD1(state);
      await untilCreated(CALLERS, load);
      await killAll(server);
      await load.over;
      unlockD1();

      expect(load.surprises).toEqual([]);
      expect(load.known.length).toBeGreaterThan(CALLERS);
      expect(load.unanswered()).toBeGreaterThan(0);
      if (d1IsLocked) expect(notReplicated(state).length).toBeGreaterThan(0);

      // No request reads a run until all rows are replicated. The alarm that does it is due in a minute.
      letTimePass(state, 60_000);
      server = await installation.start();
      await until("every row is replicated", () => notReplicated(state).length === 0);
      const rows = rowsInD1(state);
      expect(load.known.filter((one) => !isTrue(one, JSON.parse(rows.get(one.run.id)?.body ?? "{}")))).toEqual([]);

      const untrue: unknown[] = [];
      await forEachOf(load.known, async (one) => {
        const { status, body } = await ask<ActionRun>("GET", `${runs}/${one.run.id}`, { token });
        if (status !== 200 || !isTrue(one, body)) untrue.push({ told: one, now: body });
      });
      expect(untrue).toEqual([]);

      await creatingAgainGivesTheSameRun(load.known, runs, token);
      await reportingAgainIsReplayed(load.known);
      await tokensStillOpenTheirRuns(load.known);
    },
  );
});

test("kill -9 with gates: nothing acknowledged is lost, and those who wait go on in order, one by one", async () => {
  const story = await playGates(installation, server);
  server = story.server;
  const { load, notBefore } = story;
  expect(load.surprises).toEqual([]);
  expect(story.unanswered).toBeGreaterThan(0);
  expect(story.waitedAtKill).toBeGreaterThan(1);

  // Each create has one run, also if it was sent again. Each run has started, and nothing else has.
  const ids = (all: readonly Told[]) => all.map(({ id }) => id).toSorted();
  expect(load.heard.deploy.toSorted()).toEqual(ids(load.deploys));
  expect(load.heard.review.toSorted()).toEqual(ids(load.reviews));
  expect([load.outOfOrder(), load.tooEarly]).toEqual([[], []]);
  expect(new Set(story.statuses)).toEqual(new Set([200]));

  expect(new Set(story.approvals)).toEqual(new Set(["approval,ada"]));
  expect(load.laterHeardAt).toBeGreaterThanOrEqual(notBefore);
  expect(story.paused).toMatchObject({ for: "pause", reason: "lunch" });
  expect(story.startedWhilePaused).toEqual([]);
});

async function creatingAgainGivesTheSameRun(known: readonly Known[], runs: string, token: string) {
  await forEachOf(known.slice(-SAMPLE), async ({ createBody, createKey, run, callback }) => {
    const again = await ask<CreatedRun>("POST", runs, { token, body: createBody, key: createKey });
    expect(again).toMatchObject({ status: 201, body: { id: run.id, callback } });
  });
}

async function reportingAgainIsReplayed(known: readonly Known[]) {
  const reported = known.filter(({ report, unanswered }) => report !== undefined && !unanswered);
  expect(reported.length).toBeGreaterThan(0);
  await forEachOf(reported.slice(-SAMPLE), async ({ callback, report, run }) => {
    const again = await ask("POST", callback.url, { token: callback.token, ...report });
    expect(again).toMatchObject({ status: 200, body: run });
    expect(again.headers.get("Idempotent-Replayed")).toBe("true");
  });
}

async function tokensStillOpenTheirRuns(known: readonly Known[]) {
  const open = known.filter(({ run, unanswered }) => run.status === "pending" && !unanswered);
  expect(open.length).toBeGreaterThan(0);
  await forEachOf(open.slice(-SAMPLE), async ({ callback, run }) => {
    const body = { status: "succeeded" };
    const report = await ask("POST", callback.url, { token: callback.token, body });
    expect(report).toMatchObject({ status: 200, body: { id: run.id, status: "succeeded" } });
  });
}
