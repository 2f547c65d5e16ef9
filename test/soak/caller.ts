/**
 * One caller of a soak, in a closed loop. It creates runs, runs its stored action, retries, changes runs, repeats what
 * got no answer, asks for runs, lists and counts them, and compares every answer with what it knows. Some runs it hands
 * to its partner, and then both change them.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { BulkRounds } from "./bulk/bulk-rounds.ts";
import { type Asked, describe, Line, type Sent } from "./line.ts";
import { Reads } from "./reads.ts";
import { ask, type Random, urlOf } from "./requests.ts";

import { type ActionRun, type Attempt, type Origin, RunModel, stepOf } from "./run-model.ts";
import type { Created, Creation, Detailed, OwnRun, Stage } from "./stage.ts";

const PAUSE_MAX_MS = 200;
const TRIES = 5;
const RECENT_MAX = 30;
const DEADLINE_SLACK_MS = 250;
/** After how many of the ends that a caller made, the run's coordinator is evicted. */
const ENDS_DISTURBED = 0.02;
const GRACES_S = [0, 1, 5, 30];
const STOPPED_AT_ONCE_MAX = 4;
/** What may become of a run that everybody changes. */
const OUTCOMES = ["accepted", "run_succeeded", "run_failed", "run_timed_out", "run_cancelled"];

export class Caller {
  readonly #stage: Stage;
  readonly #n: number;
  readonly #random: Random;
  readonly #line: Line;
  readonly #reads: Reads;
  readonly #open: OwnRun[] = [];
  readonly #recent: OwnRun[] = [];
  /** Runs that its partner handed over. */
  readonly inbox: OwnRun[] = [];
  partner: Caller | null = null;
  readonly #bulk: BulkRounds;
  #made = 0;

  constructor(stage: Stage, n: number, random: Random, bulk: BulkRounds) {
    this.#stage = stage;
    this.#bulk = bulk;
    this.#n = n;
    this.#random = random;
    this.#line = new Line(stage, n, random);
    this.#reads = new Reads(stage, this.#line, this.#owner, random);
  }

  get #owner(): string {
    return `caller-${this.#n}`;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#stage.disturbances.goOn;
      await this.#act();
      await delay(this.#random() * PAUSE_MAX_MS);
    }
  }

  async #act(): Promise<void> {
    const shared = this.inbox.shift();
    if (shared !== undefined) {
      this.#keep(shared);
      return this.#race(shared);
    }
    const open = this.#pick(this.#open);
    const recent = this.#pick(this.#recent);
    const roll = this.#random();
    if (open === null || recent === null || roll < 0.115) return this.#create();
    if (roll < 0.12) return this.#stopMany(open.environment);
    if (roll < 0.17) return this.#runAction();
    if (roll < 0.21) return this.#retry(recent);
    if (roll < 0.34) return this.#report(open);
    if (roll < 0.4) return this.#repeatReport(recent);
    if (roll < 0.49) return this.#heartbeat(open);
    if (roll < 0.52) return this.#cancel(open);
    if (roll < 0.57) return this.#stop(open);
    if (roll < 0.6) return this.#repeatCreate(recent);
    if (roll < 0.82) return this.#get(recent);
    if (roll < 0.86) return this.#reads.summarize();
    return this.#reads.list();
  }

  /** Both callers of a shared run do this at about the same time. */
  async #race(run: OwnRun): Promise<void> {
    const roll = this.#random();
    if (roll < 0.6) return this.#report(run);
    return roll < 0.8 ? this.#stop(run) : this.#cancel(run);
  }

  /** Stores the action that this caller runs, in every environment. */
  async store(): Promise<void> {
    const { environments, site } = this.#stage;
    for (const environment of environments) {
      const answer = await ask({
        method: "PUT",
        url: urlOf(site.origins[0] ?? "", environment, `actions/${this.#owner}`),
        token: site.rootToken,
        body: { labels: [this.#owner], parametersSchema: { type: "object", required: ["create"] } },
      });
      if (answer?.status !== 201) throw new Error(`an action was not stored: ${answer?.status}`);
    }
  }

  async #create(): Promise<void> {
    const labels = [this.#owner, this.#pick(["blue", "green"]) ?? ""].sort();
    const isAbandoned = this.#random() < 0.05;
    const more = { actionName: this.#owner, labels, ...(isAbandoned && { timeout: 1 }) };
    const origin = { action: null, retryOf: null, labels };
    await this.#createWith("create", "action-runs", more, origin, isAbandoned);
  }

  async #runAction(): Promise<void> {
    const labels = [this.#owner, "green"].sort();
    const origin = { action: this.#owner, retryOf: null, labels };
    await this.#createWith("run an action", `actions/${this.#owner}/runs`, { labels: ["green"] }, origin);
  }

  async #retry(run: OwnRun): Promise<void> {
    const { model, environment, owner } = run;
    // A run that another caller owns would be found by its owner's name.
    if (model.step < 2 || owner !== this.#owner) return this.#get(run);
    const origin = { ...model.origin, retryOf: model.id };
    // It has the deadline of the first run, which may be as short.
    await this.#createWith("retry", `action-runs/${model.id}/retry`, {}, origin, run.isAbandoned, environment);
  }

  /**
   * Makes a new run, which this caller then owns. Each has parameters of its own, so that two runs of one request are
   * found.
   */
  async #createWith(
    what: string,
    path: string,
    more: object,
    origin: Origin,
    isAbandoned = false,
    environment = this.#pick(this.#stage.environments) ?? "",
  ): Promise<void> {
    const { record, runs } = this.#stage;
    const key = this.#random() < 0.6 ? randomUUID() : null;
    const body = { ...more, parameters: { create: `${this.#n}-${this.#made++}` } };
    const creation: Creation = { what, environment, path, body, key, origin };
    const { asked } = this.#reads;
    asked.set(environment, (asked.get(environment) ?? 0) + 1);
    const story: string[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      const sent = await this.#sendCreation(creation, story, what);
      if (sent.answer?.status === 201) {
        const { callback, details: _, ...shown } = sent.answer.body as Created;
        const model = new RunModel(shown.id, Date.parse(callback.expiresAt), origin);
        const { token } = callback;
        const run: OwnRun = {
          model,
          story,
          environment,
          owner: this.#owner,
          token,
          creation,
          isAbandoned,
          lastReport: null,
        };
        runs.set(shown.id, run);
        this.#line.judgeShown(run, sent, 0, false);
        this.#stage.record.acknowledged++;
        this.#keep(run);
        if (isAbandoned) return;
        this.#open.push(run);
        if (this.#random() >= 0.15) return;
        this.partner?.inbox.push(run);
        return this.#random() < 0.6 ? this.#race(run) : undefined;
      }
      if (sent.answer !== null && !this.#line.mayFail(sent, environment, null))
        record.violation(`${what} was answered with ${describe(sent.answer)}`, story, sent.sentAt);
      if (key === null) return;
    }
  }

  async #repeatCreate(run: OwnRun): Promise<void> {
    const { creation, model } = run;
    if (creation.key === null) return;
    const { step, wasAsked } = model;
    const sent = await this.#sendCreation(creation, run.story, `${creation.what} again`);
    if (sent.answer?.status === 201) {
      this.#line.judgeShown(run, sent, step, wasAsked);
      this.#stage.record.acknowledged++;
    } else if (!this.#line.mayFail(sent, run.environment, null)) this.#line.judgeFailure(run, sent);
  }

  #sendCreation({ environment, path, body, key }: Creation, story: string[], what: string): Promise<Sent> {
    return this.#line.send(what, story, {
      method: "POST",
      path: this.#random() < 0.5 ? path : `${path}?include=details`,
      token: this.#stage.site.rootToken,
      body,
      key,
      environment,
    });
  }

  async #report(run: OwnRun): Promise<void> {
    const mark = `${this.#n}-${this.#made++}`;
    const succeeds = this.#random() < 0.6;
    const body = succeeds ? { status: "succeeded", output: { mark } } : { status: "failed", error: mark };
    const attempt = run.model.attempt(succeeds ? "succeed" : "fail", mark);
    const key = this.#random() < 0.8 ? mark : null;
    if (key !== null) run.lastReport = { attempt, key, body };
    await this.#sendReport(run, attempt, key, body);
  }

  async #repeatReport(run: OwnRun): Promise<void> {
    const { lastReport } = run;
    if (lastReport === null) return this.#get(run);
    await this.#sendReport(run, lastReport.attempt, lastReport.key, lastReport.body);
  }

  async #sendReport(run: OwnRun, attempt: Attempt, key: string | null, body: object): Promise<void> {
    await this.#change(run, attempt, key, { method: "POST", path: "/callback", token: run.token, body });
  }

  async #cancel(run: OwnRun): Promise<void> {
    const mark = `${this.#n}-${this.#made++}`;
    const attempt = run.model.attempt("cancel", mark);
    const key = this.#random() < 0.6 ? mark : null;
    const { rootToken: token } = this.#stage.site;
    await this.#change(run, attempt, key, { method: "DELETE", path: "", token });
  }

  /** A cancel that gives a running job some time. */
  async #stop(run: OwnRun): Promise<void> {
    const mark = `${this.#n}-${this.#made++}`;
    const attempt = run.model.attempt("stop", mark);
    const body = { reason: mark, graceSeconds: this.#pick(GRACES_S) ?? 0 };
    const { rootToken: token } = this.#stage.site;
    await this.#change(run, attempt, this.#random() < 0.6 ? mark : null, {
      method: "POST",
      path: "/cancel?include=details",
      token,
      body,
    });
  }

  /** A bulk cancel of its open runs. It meets them while everybody changes them, and is judged at the end of the soak. */
  async #stopMany(environment: string): Promise<void> {
    const runs = this.#open.filter((run) => run.environment === environment).slice(0, STOPPED_AT_ONCE_MAX);
    const mark = `${this.#n}-${this.#made++}`;
    for (const { model } of runs) model.attempt("stop", mark);
    const runIds = runs.map(({ model }) => model.id);
    const graceSeconds = this.#pick(GRACES_S) ?? 0;
    await this.#bulk.begin({
      environment,
      mark,
      token: null,
      person: null,
      mayEndAs: ["completed"],
      body: { operation: "cancel", reason: mark, graceSeconds, runIds },
      may: new Map(runIds.map((id) => [id, OUTCOMES])),
    });
  }

  /** Sends a change until it is answered, if it has a key. `request.path`: below the run. */
  async #change(run: OwnRun, attempt: Attempt, key: string | null, request: Omit<Asked, "environment">): Promise<void> {
    const { model, environment } = run;
    for (let tries = 0; tries < TRIES; tries++) {
      const least = model.step;
      const path = `action-runs/${model.id}${request.path}`;
      const asked = { ...request, path, key, environment };
      const sent = await this.#line.send(`${attempt.kind} ${attempt.mark}`, run.story, asked);
      const { answer } = sent;
      if (answer?.status === 200 || answer?.status === 202) {
        const { details, ...shown } = answer.body as Detailed;
        const judge = answer.status === 200 ? "accepted" : "asked";
        this.#line.judge(run, sent, model[judge](attempt, shown, least, Date.now()));
        if (attempt.kind === "stop") this.#line.judgeDetails(run, sent, details, true);
        this.#stage.record.acknowledged++;
        if (model.step === 2 && this.#random() < ENDS_DISTURBED)
          void this.#stage.disturbances.evictSoon(environment, this.#random);
        // As people do: they change a run and look at the list, perhaps while the batch is under way that lacks the
        // change.
        if (this.#random() < 0.3) await this.#reads.list(environment);
      } else if (answer?.status === 409) {
        this.#line.judge(run, sent, model.refused(attempt, (answer.body as { code: string }).code, least));
      } else {
        this.#line.judgeFailure(run, sent);
        // Sometimes nobody repeats it, so that it may or may not have happened.
        if (key !== null && this.#random() < 0.85) continue;
      }
      break;
    }
    if (model.step === 2) this.#forget(run);
  }

  async #heartbeat(run: OwnRun): Promise<void> {
    const { model } = run;
    const attempt = model.attempt("heartbeat", "heartbeat");
    const { step: least, wasAsked } = model;
    const sent = await this.#line.send("heartbeat", run.story, {
      method: "POST",
      path: `action-runs/${model.id}/heartbeat`,
      token: run.token,
      body: {},
      environment: run.environment,
    });
    const { answer } = sent;
    if (answer?.status === 200) {
      const { status, cancel } = answer.body as { readonly status: string; readonly cancel: object | null };
      this.#line.judge(run, sent, model.heard(status, cancel !== null, least, wasAsked));
      this.#stage.record.acknowledged++;
    } else if (answer?.status === 409) {
      this.#line.judge(run, sent, model.refused(attempt, (answer.body as { code: string }).code, least));
    } else this.#line.judgeFailure(run, sent);
  }

  async #get(run: OwnRun): Promise<void> {
    const { model, environment } = run;
    const { disturbances, record } = this.#stage;
    const isOverdue = Date.now() > model.endsBy + DEADLINE_SLACK_MS;
    const least = isOverdue ? 2 : model.step;
    const { wasAsked } = model;
    const isDetailed = this.#random() < 0.4;
    const sent = await this.#line.send(isDetailed ? "get details" : "get", run.story, {
      method: "GET",
      path: `action-runs/${model.id}${isDetailed ? "?include=details" : ""}`,
      token: this.#stage.site.rootToken,
      environment,
    });
    const { answer } = sent;
    if (answer?.status !== 200) return this.#line.judgeFailure(run, sent);
    if (
      answer.isStale &&
      stepOf((answer.body as ActionRun).status) < least &&
      disturbances.metDisturbance(sent.sentAt, environment)
    ) {
      // D1 answered because the coordinator was out of reach.
      record.count("stale gets that were behind");
      return;
    }
    this.#line.judgeShown(run, sent, least, wasAsked);
    if (model.step === 2) this.#forget(run);
  }

  #keep(run: OwnRun): void {
    this.#recent.push(run);
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
  }

  #forget(run: OwnRun): void {
    const at = this.#open.indexOf(run);
    if (at >= 0) this.#open.splice(at, 1);
  }

  #pick<T>(list: readonly T[]): T | null {
    return list[Math.floor(this.#random() * list.length)] ?? null;
  }
}
