/**
 * A random story of one coordinator's gates. After each step the invariants are checked. A failure names the seed and
 * the last steps.
 */

import { MINUTE_MS } from "../../support/direct.ts";
import { attemptsUnderWay, requireSendable, requireStillOccupied } from "../invariants/attempts.ts";
import { requireInvariants } from "../invariants/invariants.ts";
import { fail, Violation } from "../invariants/known.ts";
import { readRows } from "../rows.ts";
import type { Awake } from "../stage.ts";
import { CREATES } from "./creates.ts";
import { DECISIONS, REVOCATIONS } from "./decisions.ts";
import { LIMITS_AND_PAUSES, PLANS } from "./limits-and-pauses.ts";
import { REPORTS } from "./reports.ts";
import { type Act, type Acts, Scene, SECOND_MS } from "./scene.ts";
import { STORAGE } from "./storage.ts";
import { ring, TIME } from "./time.ts";

/** A seed tells the same story as long as the order and the weights of these stay. */
const USUAL = { ...CREATES, ...DECISIONS, ...REPORTS, ...LIMITS_AND_PAUSES, ...TIME, ...STORAGE };
const ACTS = { ...USUAL, ...REVOCATIONS, ...PLANS };
/** A stop request is sent within 15 minutes after the end of its run. */
const STOPPED_BY_MS = 10 * MINUTE_MS;
type Step = keyof typeof ACTS | "restart";

function weightsOf(acts: Acts): Readonly<Record<Step, number>> {
  const weights = Object.entries(acts).map(([name, [weight]]) => [name, weight]);
  return { ...Object.fromEntries(weights), restart: 2 };
}

interface StoryOptions {
  /** Whether tokens that approve are revoked, and D1 does not always answer. */
  readonly revokes?: boolean;
  /** Whether pauses are planned, and runs are let through. */
  readonly plans?: boolean;
}

export class Story {
  readonly #seed: number;
  readonly #scene: Scene;
  readonly #weights: Readonly<Record<Step, number>>;

  constructor(seed: number, { revokes = false, plans = false }: StoryOptions = {}) {
    this.#weights = weightsOf({ ...USUAL, ...(revokes && REVOCATIONS), ...(plans && PLANS) });
    this.#seed = seed;
    this.#scene = new Scene(seed);
  }

  /** Plays so many steps, and then lets the time pass until every run has ended. Returns how many steps there were. */
  async play(steps: number): Promise<number> {
    const scene = this.#scene;
    await scene.stage.begin();
    try {
      while (scene.steps < steps) await this.#untilRestart(steps);
      await this.#finish();
      return scene.steps;
    } catch (error) {
      const message = error instanceof Error ? error.message : error;
      throw new Violation(`seed ${this.#seed}, step ${scene.steps}: ${message}\n  ${scene.lastTold}`, { cause: error });
    } finally {
      await scene.stage.end();
    }
  }

  /** Steps up to the next restart. */
  async #untilRestart(steps: number): Promise<void> {
    const scene = this.#scene;
    const { stage, known } = scene;
    const isRestarted = await stage.awake(async (awake) => {
      stage.onSent = (runId, attempt) => requireSendable(awake.sql, runId, attempt);
      while (scene.steps < steps) {
        scene.steps++;
        const step = scene.random.weighted(this.#weights);
        if (step === "restart") return true;
        await this.#step(ACTS[step][1], awake);
      }
      return false;
    });
    if (!isRestarted) return;
    scene.tell("restart");
    await stage.restart();
    known.isCalm = false;
    // Only what was set counts.
    known.isArmed = !scene.isDropped && !scene.isBack;
  }

  async #step(act: Act, awake: Awake): Promise<void> {
    const scene = this.#scene;
    const { stage, known } = scene;
    const underWay = attemptsUnderWay(known);
    const failed = stage.lastFailure;
    stage.beginStep();
    scene.asked = null;
    scene.answered = [];
    known.cancelling = null;
    known.refused = null;
    let isRung = false;
    try {
      isRung = (await act(scene, awake)) === "rung";
    } catch (error) {
      // Whoever asked gets the error of a write about what was asked for, and of nothing else.
      if (error instanceof Violation || stage.lastFailure === failed) throw error;
      scene.tell("  …failed");
      known.refused = scene.asked;
      this.#requireOwnFailure(error);
    }
    await stage.settle();
    for (const { runId, attempt } of scene.answered) {
      // It is over, so its run may leave the queue in this step, whichever write about the run fails afterwards.
      if (stage.newest.get(runId) === attempt) underWay.delete(runId);
      if (!stage.lastFailed.has(runId)) continue;
      // The coordinator may not have written the answer, so that from now on the attempt's lease decides.
      stage.answered.delete(`${runId}#${attempt}`);
      stage.unheard.add(runId);
    }
    if (stage.violation !== null) throw stage.violation;
    if (stage.lastFailure !== failed) known.isCalm = false;
    requireInvariants(known, awake.sql, await awake.storage.getAlarm(), isRung);
    if (isRung && stage.lastFailure === failed) known.isCalm = true;
    requireStillOccupied(known, underWay, awake.sql);
  }

  /** An end that is written must not fail because a queued run could not be released. */
  #requireOwnFailure(error: unknown): void {
    const { asked, stage } = this.#scene;
    if (asked === null || stage.hasFailedForAll || stage.lastFailed.has(asked)) return;
    fail(`a call about ${asked} failed because of another run: ${error}`);
  }

  /** The whole time passes: every run must end, and nothing is left. */
  async #finish(): Promise<void> {
    const scene = this.#scene;
    const { stage, known } = scene;
    stage.failsOneIn = Number.POSITIVE_INFINITY;
    stage.d1 = "up";
    stage.answerQuestions();
    await stage.settle();
    scene.tell("the end");
    await stage.awake(async (awake) => {
      const { object, sql, storage } = awake;
      stage.onSent = (runId, attempt) => requireSendable(sql, runId, attempt);
      for (const { group, from } of known.pauses.values()) await object.gates.resume(group, from);
      // D1 answers what these releases ask.
      await stage.settle();
      known.pauses.clear();
      known.isCalm = false;
      requireInvariants(known, sql, await storage.getAlarm(), false);
      for (let n = 0; n < 80 && known.rows.size > 0; n++) {
        known.isCalm = false;
        stage.pass(n < 40 ? 20 * SECOND_MS : 10 * MINUTE_MS);
        for (const attempt of stage.underWay) if (scene.random.isOneIn(3)) attempt.answer(200);
        await ring(scene, awake);
        if (stage.violation !== null) throw stage.violation;
        requireInvariants(known, sql, await storage.getAlarm(), true);
      }
      const left = readRows(sql, Number.MAX_SAFE_INTEGER);
      if (left.length > 0) fail(`${left.length} runs did not end: ${JSON.stringify(left[0])}`);
      requireNothingLeft(sql);
      // What was deferred is sent.
      for (let n = 0; n < 3; n++) {
        stage.pass(40 * SECOND_MS);
        await ring(scene, awake);
      }
      requireStopped(scene, sql);
    });
  }
}

/** The job of each run that must stop was asked to, if an attempt to start it had left. */
function requireStopped({ stage, stoppable }: Scene, sql: SqlStorage): void {
  const rows = sql.exec<{ id: string; completedAt: number }>(
    `SELECT id, completed_at AS completedAt FROM runs
     WHERE status = 'cancelled' OR end_cause IN ('deadline', 'silence') AND gates ->> '$.concurrency' IS NOT NULL`,
  );
  for (const { id, completedAt } of rows) {
    if (!stoppable.has(id) || !stage.newest.has(id) || stage.stopped.has(id)) continue;
    // Its time is bounded. While writes fail, that time can pass.
    const failedAt = stage.failedAt.get(id)?.at(-1) ?? 0;
    if (failedAt < completedAt + STOPPED_BY_MS) fail(`the job of ${id} was not asked to stop`);
  }
}

/** Each timeline has its end, and a release if there was one. No dispatch is left, and nothing in a queue. */
function requireNothingLeft(sql: SqlStorage): void {
  const wrong = sql.exec<{ id: string; released: number }>(
    `SELECT id, (SELECT count(*) FROM events WHERE run_id = id AND type = 'released') AS released,
       (SELECT type FROM events WHERE run_id = id ORDER BY seq DESC LIMIT 1) AS last
     FROM runs WHERE gates IS NOT NULL AND (released <> (released_at IS NOT NULL) OR last <> 'ended')`,
  );
  const [first] = [...wrong];
  if (first !== undefined) fail(`the timeline of ${first.id} has ${first.released} releases`);
  const rest = [
    ...sql.exec("SELECT run_id FROM dispatches UNION ALL SELECT id FROM runs WHERE concurrency_state IS NOT NULL"),
  ];
  if (rest.length > 0) fail(`something is left: ${JSON.stringify(rest[0])}`);
}
