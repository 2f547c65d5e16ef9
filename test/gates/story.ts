/**
 * A random story of one coordinator's gates. Few groups, keys, runs and approvers, so that each meets much. After each
 * step the invariants are checked. A failure names the seed and the last steps.
 */

import type { Actor } from "../../src/runs/actor.ts";
import type { Concurrency, Gates } from "../../src/runs/gates.ts";
import type { RunReply } from "../../src/runs/protocol.ts";
import type { NewRun } from "../../src/runs/run.ts";
import type { RunEvent } from "../../src/runs/transition.ts";
import type { NewDelivery } from "../../src/webhooks/delivery.ts";
import { HOUR_MS, MINUTE_MS } from "../support/direct.ts";
import { Invariants, Violation } from "./invariants.ts";
import { Random } from "./random.ts";
import { type Row, readRows } from "./rows.ts";
import { type Awake, Stage, type UnderWay } from "./stage.ts";

type ActionName = "queue" | "newest" | "reject" | "other";

interface StoredAction {
  readonly group: string;
  readonly keys: readonly string[];
  readonly onConflict: Concurrency["onConflict"];
  version: number;
  limit: number;
}

const STEPS = {
  ...{ create: 22, ungated: 3, again: 2, approve: 14, reject: 2, release: 3 },
  ...{ report: 12, heartbeat: 6, cancel: 4, remove: 3, answer: 16, answerLate: 4 },
  ...{ put: 3, stale: 2, pause: 3, resume: 5, pass: 14, ring: 5 },
  ...{ drop: 1, poke: 2, back: 1, fail: 2, heal: 3, read: 4, evict: 2 },
} as const;
type Step = keyof typeof STEPS;

const OPEN_MAX = 24;
const SECOND_MS = 1000;
const actor = (tokenId: string, parents: string[] = [], person: string | null = null): Actor => ({
  ...{ tokenId, tokenName: tokenId, parents, person },
});
const CREATORS = [actor("t1"), actor("t2"), actor("portal", [], "Ann")];
const APPROVERS = [actor("a1"), actor("a2"), actor("t1"), actor("child", ["a1"]), actor("portal", [], "bob")];
const TRAIL = 20;

export class Story {
  readonly stage = new Stage();
  readonly #random: Random;
  readonly #seed: number;
  readonly #invariants = new Invariants(this.stage);
  readonly #actions: Record<ActionName, StoredAction>;
  readonly #trail: string[] = [];
  readonly #keys = new Map<string, NewRun>();
  #steps = 0;
  /** The attempts that the step answers. */
  #answered: UnderWay[] = [];
  #isDropped = false;
  /** Whether the clock has stepped back since the alarm was set. */
  #isBack = false;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.stage.random = () => this.#random.next();
    this.stage.isOpen = (id) => this.#invariants.open.some((row) => row.id === id);
    const group = { group: "prod", keys: [""], version: 1 };
    this.#actions = {
      queue: { ...group, onConflict: "queue", limit: 2 },
      newest: { ...group, onConflict: "cancel_running", limit: 2 },
      reject: { ...group, onConflict: "reject", limit: 3 },
      other: { group: "db", keys: ["k1", "k2"], onConflict: "queue", version: 1, limit: 1 },
    };
  }

  /** Plays so many steps, and then lets the time pass until every run has ended. Returns how many steps there were. */
  async play(steps: number): Promise<number> {
    await this.stage.begin();
    try {
      while (this.#steps < steps) await this.#stretch(steps);
      await this.#finish();
      return this.#steps;
    } catch (error) {
      const last = this.#trail.slice(-TRAIL).join("\n  ");
      throw new Violation(
        `seed ${this.#seed}, step ${this.#steps}: ${error instanceof Error ? error.message : error}\n  ${last}`,
        { cause: error },
      );
    } finally {
      await this.stage.end();
    }
  }

  get steps(): number {
    return this.#steps;
  }

  /** Steps up to the next eviction. */
  async #stretch(steps: number): Promise<void> {
    const isEvicted = await this.stage.awake(async (awake) => {
      this.stage.onSent = (runId, attempt) => this.#invariants.checkSent(awake.sql, runId, attempt);
      while (this.#steps < steps) {
        this.#steps++;
        const step = this.#random.weighted(STEPS);
        if (step === "evict") return true;
        await this.#step(step, awake);
      }
      return false;
    });
    if (!isEvicted) return;
    this.#tell("evict");
    await this.stage.evict();
    this.#invariants.isCalm = false;
    // Only what was set counts.
    this.#invariants.isArmed = !this.#isDropped && !this.#isBack;
  }

  async #step(step: Exclude<Step, "evict">, awake: Awake): Promise<void> {
    const underWay = this.#invariants.attemptsUnderWay();
    const failed = this.stage.lastFailure;
    this.stage.lastFailed.clear();
    let isRung = false;
    try {
      isRung = (await this.#act(step, awake)) === "rung";
    } catch (error) {
      // Whoever asked gets the error of a write about what was asked for, and of nothing else.
      if (error instanceof Violation || this.stage.lastFailure === failed) throw error;
      this.#tell("  …failed");
      await this.#requireOwnFailure(error);
    }
    await this.stage.settle();
    // The coordinator could not write the answer, so that the attempt's lease decides.
    for (const { runId, attempt } of this.#answered) {
      if (this.stage.lastFailed.has(runId)) this.stage.answered.delete(`${runId}#${attempt}`);
    }
    if (this.stage.violation !== null) throw this.stage.violation;
    if (this.stage.lastFailure !== failed) this.#invariants.isCalm = false;
    this.#invariants.check(awake.sql, await awake.storage.getAlarm(), isRung);
    if (isRung && this.stage.lastFailure === failed) this.#invariants.isCalm = true;
    this.#invariants.checkStillHeld(underWay, awake.sql);
  }

  /** An end that is written must not fail because a waiter could not be released. */
  async #requireOwnFailure(error: unknown): Promise<void> {
    const { asked } = this;
    if (asked === null) return;
    if (!this.stage.lastFailed.has(asked)) {
      throw new Violation(`a call about ${asked} failed because of another run: ${error}`);
    }
  }

  /** The run that the step is about; null if it is about none that exists. */
  asked: string | null = null;

  async #act(step: Exclude<Step, "evict">, awake: Awake): Promise<"rung" | undefined> {
    const { stage } = this;
    const { object } = awake;
    const random = this.#random;
    this.asked = null;
    this.#answered = [];
    switch (step) {
      case "create":
        await this.#create(awake);
        return;
      case "ungated":
        await this.#createUngated(awake);
        return;
      case "again":
        await this.#createAgain(awake);
        return;
      case "approve": {
        const row = this.#pick(({ waitingFor }) => waitingFor === "approval") ?? this.#pick(() => true);
        if (row === null) return;
        const by = random.of(APPROVERS);
        this.#tell(`approve ${short(row.id)} by ${by.tokenId}`);
        const reply = await object.approve(row.id, { by, reason: null }, this.#key(), DETAILED);
        return this.#compare(reply, awake);
      }
      case "reject": {
        const row = this.#pick(({ gates }) => gates?.approval != null);
        if (row === null) return;
        this.#tell(`reject ${short(row.id)}`);
        const decision = { by: random.of(APPROVERS), reason: "no" };
        return this.#compare(await object.reject(row.id, decision, this.#key(), DETAILED), awake);
      }
      case "release": {
        const row = this.#pick(({ waitingFor }) => waitingFor === "time");
        if (row === null) return;
        this.#tell(`release ${short(row.id)}`);
        this.#invariants.opened.add(row.id);
        let reply: RunReply;
        try {
          reply = await object.release(row.id, actor("boss"), this.#key(), DETAILED);
        } catch (error) {
          this.#invariants.opened.delete(row.id);
          throw error;
        }
        if (!reply.ok) this.#invariants.opened.delete(row.id);
        return this.#compare(reply, awake);
      }
      case "report": {
        const row = this.#pick(({ waitingFor }) => waitingFor === null) ?? this.#pick(() => true);
        if (row === null) return;
        const event: RunEvent = random.of([
          { type: "succeeded", output: null },
          { type: "failed", error: "exit 1", output: null },
          { type: "started" },
        ]);
        this.#tell(`report ${event.type} of ${short(row.id)}`);
        return this.#compare(await object.applyEvent(row.id, event, this.#key()), awake);
      }
      case "heartbeat": {
        const row = this.#pick(() => true);
        if (row === null) return;
        this.#tell(`heartbeat of ${short(row.id)}`);
        return this.#compare(await object.heartbeat(row.id, {}), awake);
      }
      case "cancel": {
        const row = this.#pick(() => true);
        if (row === null) return;
        const graceMs = random.of([0, 5 * SECOND_MS, MINUTE_MS]);
        this.#tell(`cancel ${short(row.id)} with ${graceMs} ms`);
        const request = { type: "cancel_requested", by: "ann", reason: null, graceMs } as const;
        return this.#compare(await object.cancel(row.id, request, this.#key(), DETAILED), awake);
      }
      case "remove": {
        const row = this.#pick(() => true);
        if (row === null) return;
        const mayWrite = !random.isOneIn(4);
        this.#tell(`delete ${short(row.id)}`);
        const reply = await object.applyEvent(row.id, { type: "cancelled" }, this.#key(), { mayWrite });
        if (reply.ok && !mayWrite && row.gates !== null) throw new Violation(`a viewer deleted ${row.id}`);
        return this.#compare(reply, awake);
      }
      case "answer":
      case "answerLate": {
        const attempts = step === "answer" ? stage.underWay : stage.underWay.slice(0, 2);
        const attempt = random.maybe(attempts);
        if (attempt === null) return;
        const status = random.of([200, 200, 200, 202, 500, 503, 404, 409, null]);
        this.#tell(`answer ${status} to attempt ${attempt.attempt} of ${short(attempt.runId)}`);
        this.#answered = [attempt];
        attempt.answer(status);
        return;
      }
      case "put":
      case "stale": {
        const name = random.of(Object.keys(this.#actions) as ActionName[]);
        const action = this.#actions[name];
        const isStale = step === "stale";
        const version = isStale ? Math.max(action.version - 1, 1) : action.version + 1;
        const limit = random.of([1, 1, 2, 3, 4]);
        if (!isStale) Object.assign(action, { version, limit });
        // The call may not reach the coordinator.
        const isTold = isStale || random.isOneIn(2);
        this.#tell(`${name} has version ${version} with limit ${limit}, ${isTold ? "told" : "not told"}`);
        if (!isTold || (isStale && version === action.version)) return;
        const isNoted =
          this.#invariants.isInGroup(action.group, name) &&
          this.#invariants.noteLimit(action.group, name, version, limit);
        await object.setLimit(action.group, name, version, limit);
        if (isNoted) this.#forgetPauses();
        return;
      }
      case "pause": {
        const group = random.of(["prod", "db", ""]);
        const until = random.of([null, SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS]);
        const pause = { until: until === null ? null : stage.now + until };
        this.#tell(`pause ${group || "all"} for ${until} ms`);
        this.#invariants.pauses.set(group, pause);
        await object.pause({ group, reason: "freeze", ...pause, by: "ann", via: null, at: stage.now });
        return;
      }
      case "resume": {
        const group = random.maybe([...this.#invariants.pauses.keys()]);
        if (group === null) return;
        this.#tell(`resume ${group || "all"}`);
        this.#invariants.pauses.delete(group);
        await object.resume(group);
        this.#forgetPauses();
        return;
      }
      case "pass": {
        const ms = random.of([
          1,
          100,
          SECOND_MS,
          SECOND_MS,
          5 * SECOND_MS,
          10 * SECOND_MS,
          30 * SECOND_MS,
          MINUTE_MS,
        ]);
        this.#invariants.isCalm = false;
        stage.pass(ms);
        this.#tell(`${ms} ms pass`);
        if (random.isOneIn(5)) return;
        return this.#ring(awake);
      }
      case "ring":
        return this.#ring(awake);
      case "drop":
        this.#tell("the alarm is dropped");
        this.#isDropped = true;
        this.#invariants.isArmed = false;
        this.#invariants.isCalm = false;
        await awake.storage.deleteAlarm();
        return;
      case "poke":
        this.#tell("poke");
        await object.poke();
        this.#isDropped = false;
        this.#invariants.isArmed = !this.#isBack;
        return;
      case "back": {
        const ms = random.of([10, SECOND_MS, 20 * SECOND_MS, HOUR_MS]);
        this.#tell(`the clock steps back by ${ms} ms`);
        this.#invariants.isCalm = false;
        this.#invariants.isArmed = false;
        this.#isBack = true;
        stage.pass(-ms);
        return;
      }
      case "fail":
        stage.failsOneIn = random.of([3, 8, 8]);
        this.#tell(`one write of ${stage.failsOneIn} fails`);
        return;
      case "heal":
        if (stage.failsOneIn === Number.POSITIVE_INFINITY) return;
        this.#tell("writes work again");
        stage.failsOneIn = Number.POSITIVE_INFINITY;
        return;
      case "read": {
        const row = this.#pick(() => true);
        if (row === null) return;
        this.#tell(`read ${short(row.id)}`);
        await object.approval(row.id, actor("a reader"));
        return this.#compare(await object.read(row.id, DETAILED), awake);
      }
    }
  }

  async #ring(awake: Awake): Promise<"rung" | undefined> {
    if (this.#isDropped) {
      await awake.object.poke();
      this.#isDropped = false;
    }
    this.#tell("ring");
    const { rings } = this.stage;
    const isWhole = await this.stage.ring(awake);
    // After the clock stepped back, the alarm is as far ahead as it was set.
    if (this.stage.rings > rings) this.#isBack = false;
    if (this.#isBack) return;
    this.#forgetPauses();
    this.#invariants.isArmed = true;
    return isWhole ? "rung" : undefined;
  }

  /** Those that are over, when the coordinator has looked at them too. */
  #forgetPauses(): void {
    for (const [group, { until }] of this.#invariants.pauses) {
      if (until !== null && until <= this.stage.now) this.#invariants.pauses.delete(group);
    }
  }

  /** The whole time passes: every run must end, and nothing is left. */
  async #finish(): Promise<void> {
    const { stage } = this;
    stage.failsOneIn = Number.POSITIVE_INFINITY;
    this.#tell("the end");
    await stage.awake(async (awake) => {
      stage.onSent = (runId, attempt) => this.#invariants.checkSent(awake.sql, runId, attempt);
      for (const group of this.#invariants.pauses.keys()) await awake.object.resume(group);
      this.#invariants.pauses.clear();
      this.#invariants.isCalm = false;
      this.#invariants.check(awake.sql, await awake.storage.getAlarm(), false);
      for (let n = 0; n < 80 && this.#invariants.rows.size > 0; n++) {
        this.#invariants.isCalm = false;
        stage.pass(n < 40 ? 20 * SECOND_MS : 10 * MINUTE_MS);
        for (const attempt of stage.underWay) if (this.#random.isOneIn(3)) attempt.answer(200);
        await this.#ring(awake);
        if (stage.violation !== null) throw stage.violation;
        this.#invariants.check(awake.sql, await awake.storage.getAlarm(), true);
      }
      const left = readRows(awake.sql, Number.MAX_SAFE_INTEGER);
      if (left.length > 0) throw new Violation(`${left.length} runs did not end: ${JSON.stringify(left[0])}`);
      this.#requireWholeTimelines(awake.sql);
    });
  }

  #requireWholeTimelines(sql: SqlStorage): void {
    const wrong = sql.exec<{ id: string; released: number }>(
      `SELECT id, (SELECT count(*) FROM events WHERE run_id = id AND type = 'released') AS released,
         (SELECT type FROM events WHERE run_id = id ORDER BY seq DESC LIMIT 1) AS last
       FROM runs WHERE gates IS NOT NULL AND (released <> (released_at IS NOT NULL) OR last <> 'ended')`,
    );
    const [first] = [...wrong];
    if (first !== undefined)
      throw new Violation(`the timeline of ${first.id} has ${first.released} releases`);
    const rest = [
      ...sql.exec("SELECT run_id FROM deliveries UNION ALL SELECT id FROM runs WHERE slot_state IS NOT NULL"),
    ];
    if (rest.length > 0) throw new Violation(`something is left: ${JSON.stringify(rest[0])}`);
  }

  async #create(awake: Awake): Promise<void> {
    if (this.#invariants.open.length >= OPEN_MAX) return;
    const random = this.#random;
    const { now } = this.stage;
    const hasGroup = !random.isOneIn(6);
    const name = random.of(Object.keys(this.#actions) as ActionName[]);
    const action = this.#actions[name];
    const isStale = random.isOneIn(8) && action.version > 1;
    const version = isStale ? action.version - 1 : action.version;
    const isClaimed = hasGroup && random.isOneIn(12);
    const { group, onConflict } = action;
    const limit = isStale ? random.of([1, 2, 3]) : action.limit;
    const slot = { group, key: random.of(action.keys) };
    const claimed = { ...slot, limit: 1, onConflict: "queue", isClaimed } as const;
    const required = random.of([0, 0, 0, 1, 2]);
    const inMs = random.of([0, 0, 0, SECOND_MS, 20 * SECOND_MS, MINUTE_MS]);
    const notBefore = inMs === 0 ? null : now + inMs;
    if (!hasGroup && required === 0 && notBefore === null) return;
    const gates: Gates = {
      notBefore,
      approval: required === 0 ? null : { required, allowSelf: random.isOneIn(4) },
      concurrency: hasGroup ? (isClaimed ? claimed : { ...slot, limit, onConflict }) : null,
      waitUntil: (notBefore ?? now) + random.of([2 * SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS, HOUR_MS]),
      creator: random.of(CREATORS),
      sealedUnder: null,
    };
    const timeoutMs = random.of([20 * SECOND_MS, MINUTE_MS, 10 * MINUTE_MS]);
    const run = await this.#newRun({
      actionName: name,
      actionVersion: version,
      source: "action",
      gates,
      timeoutMs,
    });
    const text = `${name} v${version} ${JSON.stringify({ ...gates, notBefore: inMs, waitUntil: gates.waitUntil - now })}`;
    this.#tell(`create ${short(run.id)} ${text}`);
    this.asked = run.id;
    if (hasGroup && !isClaimed && this.#invariants.noteLimit(group, name, version, limit)) {
      // The next alarm looks at every slot.
      this.#invariants.isCalm = false;
      this.#invariants.mustRing = true;
    }
    const key = random.isOneIn(3) ? `t:${this.#steps}` : null;
    if (key !== null) this.#keys.set(key, run);
    const changeKey = { key: key ?? `m:${run.id}`, fingerprint: "" };
    const reply = await awake.object.createGated(run, changeKey, this.#delivery(), {
      preview: required === 0 ? null : "{}",
      include: "details",
    });
    if (!reply.ok && reply.reason !== "concurrency_limit" && reply.reason !== "id_taken") {
      throw new Violation(`a create is refused as ${reply.reason}`);
    }
    this.#compare(reply, awake);
  }

  async #createUngated(awake: Awake): Promise<void> {
    if (this.#invariants.open.length >= OPEN_MAX) return;
    const run = await this.#newRun({ gates: null, timeoutMs: MINUTE_MS });
    this.#tell(`create ${short(run.id)} without gates`);
    this.asked = run.id;
    await awake.object.create(run, { key: `m:${run.id}`, fingerprint: "" }, this.#delivery());
  }

  /** The same key makes no second run. */
  async #createAgain(awake: Awake): Promise<void> {
    const found = this.#random.maybe([...this.#keys]);
    if (found === null) return;
    const [key, first] = found;
    const run = { ...first, id: await this.stage.mint() };
    this.#tell(`create ${short(first.id)} again`);
    const isThere = [...awake.sql.exec("SELECT 1 FROM runs WHERE id = ?", first.id)].length > 0;
    if (!isThere) return;
    this.asked = first.id;
    const details = { preview: null };
    const reply = await awake.object.createGated(run, { key, fingerprint: "" }, this.#delivery(), details);
    if (!reply.ok || reply.id !== first.id || !reply.replayed)
      throw new Violation(`the key ${key} made a second run`);
  }

  async #newRun(rest: Pick<NewRun, "gates" | "timeoutMs"> & Partial<NewRun>): Promise<NewRun> {
    const createdAt = this.stage.now;
    const { gates, timeoutMs } = rest;
    return {
      ...{ id: await this.stage.mint(), createdAt, actionName: "free", entityId: null },
      ...{ parameters: "{}", recommendations: "{}", triggeredBy: "ann", via: null, source: "trigger" },
      ...{ actionVersion: null, retryOf: null, labels: "[]", traceparent: null },
      heartbeatTimeoutMs: this.#random.of([null, null, 30 * SECOND_MS]),
      deadlineAt: (gates?.waitUntil ?? createdAt) + timeoutMs,
      ...rest,
    };
  }

  #delivery(): NewDelivery {
    const host = this.#random.of(["a.example", "b.example"]);
    const maxAttempts = this.#random.of([1, 3, null]);
    const request = { host, maxAttempts, initialDelayMs: 1000, sealed: new Uint8Array(8), weight: 8 };
    return {
      ...request,
      startOn: this.#random.of(["accepted", "accepted", "heartbeat"] as const),
      ...(this.#random.isOneIn(2) && { stopRequest: request }),
    };
  }

  /** An answer says what the journal says. */
  #compare(reply: RunReply, { sql }: Awake): undefined {
    if (!reply.ok) return;
    const [row] = sql.exec<{ status: string; waitingFor: string | null }>(
      "SELECT status, waiting_for AS waitingFor FROM runs WHERE id = ?",
      reply.id,
    );
    const told =
      reply.details === undefined ? null : (JSON.parse(reply.details) as { waiting: { for: string } | null });
    if (reply.status !== row?.status || (told !== null && (told.waiting?.for ?? null) !== row.waitingFor)) {
      throw new Violation(
        `the answer about ${reply.id} says ${reply.status}, ${JSON.stringify(told?.waiting)}, and the journal ${JSON.stringify(row)}`,
      );
    }
  }

  #pick(is: (row: Row) => boolean): Row | null {
    const row = this.#random.maybe(this.#invariants.open.filter(is));
    this.asked = row?.id ?? null;
    return row;
  }

  #key() {
    return { key: `t:change-${this.#steps}`, fingerprint: "" };
  }

  #tell(text: string): void {
    this.#trail.push(`${this.#steps} ${text}`);
  }
}

const DETAILED = { include: "details" } as const;

function short(id: string): string {
  return id.slice(-8);
}
