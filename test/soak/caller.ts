/**
 * One caller of a soak, in a closed loop. It creates runs, runs its stored action, retries, changes runs, repeats what got no
 * answer, asks for runs, lists and counts them, and compares every answer with what it knows. Some runs it hands to its
 * partner, and then both change them.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { coordinatorNumber, coordinatorOf, coordinatorsIn } from "./bookmark.ts";
import type { Disturbances } from "./disturbances.ts";
import type { Random } from "./random.ts";
import type { SoakRecord, Told } from "./record.ts";
import { type Answer, type Ask, ask, urlOf } from "./requests.ts";
import {
  type ActionRun,
  type Attempt,
  type Details,
  type Origin,
  RunModel,
  type Step,
  stepOf,
  type Verdict,
} from "./run-model.ts";
import type { Site } from "./site.ts";

const PAUSE_MAX_MS = 200;
const TRIES = 5;
const HANG_UP_MAX_MS = 25;
const RECENT_MAX = 30;
const NAMED_MAX = 100;
const PAGE = 50;
/** A Worker remembers for 5 s which coordinators it changed. One second less, because clocks of two processes differ. */
const REMEMBERED_MS = 4000;
const DEADLINE_SLACK_MS = 250;
const GRACES_S = [0, 1, 5, 30];
const STATUSES = ["pending", "running", "succeeded", "failed", "cancelled"];

/** What all callers share. */
export interface Stage {
  readonly site: Site;
  readonly record: SoakRecord;
  readonly disturbances: Disturbances;
  readonly environments: readonly string[];
  /** All runs that were acknowledged, by id. */
  readonly runs: Map<string, OwnRun>;
}

export interface OwnRun extends Told {
  /** The scope of its runs: org/project/env. */
  readonly environment: string;
  /** Its callers find it by this name, and by the label of the same text. */
  readonly owner: string;
  readonly token: string;
  readonly creation: Creation;
  /** Nobody changes it: it waits for its deadline. */
  readonly isAbandoned: boolean;
  lastReport: Report | null;
}

/** A create, a run of a stored action, or a retry. */
interface Creation {
  readonly what: string;
  readonly environment: string;
  readonly path: string;
  readonly body: object;
  readonly key: string | null;
  readonly origin: Origin;
}

interface Report {
  readonly attempt: Attempt;
  readonly key: string;
  readonly body: object;
}

interface Changed {
  readonly run: OwnRun;
  readonly step: Step;
}

interface Sent {
  readonly answer: Answer | null;
  readonly sentAt: number;
  readonly isolate: number;
  readonly hungUp: boolean;
}

interface Detailed extends ActionRun {
  readonly details?: Details;
}

interface Created extends Detailed {
  readonly callback: { readonly token: string; readonly expiresAt: string };
}

/** A request to the environment's part of the API. */
interface Asked extends Omit<Ask, "url"> {
  readonly environment: string;
  /** Below the environment. */
  readonly path: string;
  readonly isolate?: number;
  readonly withoutBookmark?: boolean;
}

/** A list or a summary of a caller's own runs, or of all. */
interface Reading {
  readonly environment: string;
  readonly query: URLSearchParams;
  readonly ofOwn: boolean;
  readonly status: string | null;
}

export class Caller {
  readonly #stage: Stage;
  readonly #n: number;
  readonly #random: Random;
  readonly #open: OwnRun[] = [];
  readonly #recent: OwnRun[] = [];
  /** Runs that its partner handed over. */
  readonly inbox: OwnRun[] = [];
  partner: Caller | null = null;
  #made = 0;
  /** How many new runs it asked for, by environment. */
  readonly #asked = new Map<string, number>();
  /** The bookmark that this caller holds, by environment. It is a union of all that this caller was given there. */
  readonly #bookmarks = new Map<string, string>();
  /** The changes that the held bookmark names, by environment and run. */
  readonly #named = new Map<string, Map<string, Changed>>();
  /** Changes through one isolate that it must remember. */
  #remembered: (Changed & { readonly isolate: number; readonly start: number; readonly sentAt: number })[] =
    [];

  constructor(stage: Stage, n: number, random: Random) {
    this.#stage = stage;
    this.#n = n;
    this.#random = random;
  }

  get #owner(): string {
    return `caller-${this.#n}`;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
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
    if (open === null || recent === null || roll < 0.12) return this.#create();
    if (roll < 0.17) return this.#runAction();
    if (roll < 0.21) return this.#retry(recent);
    if (roll < 0.34) return this.#report(open);
    if (roll < 0.4) return this.#repeatReport(recent);
    if (roll < 0.49) return this.#heartbeat(open);
    if (roll < 0.52) return this.#cancel(open);
    if (roll < 0.57) return this.#stop(open);
    if (roll < 0.6) return this.#repeatCreate(recent);
    if (roll < 0.82) return this.#get(recent);
    if (roll < 0.86) return this.#summarize(this.#random() < 0.6);
    return this.#list(this.#random() < 0.6);
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
    await this.#createWith("retry", `action-runs/${model.id}/retry`, {}, origin, false, environment);
  }

  /** Makes a new run, which this caller then owns. Each has parameters of its own, so that two runs of one request are found. */
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
    this.#asked.set(environment, (this.#asked.get(environment) ?? 0) + 1);
    const story: string[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      const sent = await this.#sendCreation(creation, story, what);
      if (sent.answer?.status === 201) {
        const { callback, details: _, ...shown } = sent.answer.body as Created;
        const model = new RunModel(shown.id, Date.parse(callback.expiresAt), origin);
        const { token } = callback;
        const run: OwnRun = {
          ...{ model, story, environment, owner: this.#owner, token, creation, isAbandoned },
          lastReport: null,
        };
        runs.set(shown.id, run);
        this.#judgeShown(run, sent, 0, false);
        this.#acknowledged(run, sent);
        this.#keep(run);
        if (isAbandoned) return;
        this.#open.push(run);
        if (this.#random() >= 0.15) return;
        this.partner?.inbox.push(run);
        return this.#random() < 0.6 ? this.#race(run) : undefined;
      }
      if (sent.answer !== null && !this.#mayFail(sent, environment, null))
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
      this.#judgeShown(run, sent, step, wasAsked);
      this.#acknowledged(run, sent);
    } else if (!this.#mayFail(sent, run.environment, null)) this.#judgeFailure(run, sent);
  }

  #sendCreation({ environment, path, body, key }: Creation, story: string[], what: string): Promise<Sent> {
    return this.#send(what, story, {
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
    await this.#change(run, attempt, key, {
      method: "POST",
      path: "/callback",
      token: run.token,
      body,
    });
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

  /** Sends a change until it is answered, if it has a key. `request.path`: below the run. */
  async #change(
    run: OwnRun,
    attempt: Attempt,
    key: string | null,
    request: Omit<Asked, "environment">,
  ): Promise<void> {
    const { model, environment } = run;
    for (let tries = 0; tries < TRIES; tries++) {
      const least = model.step;
      const path = `action-runs/${model.id}${request.path}`;
      const asked = { ...request, path, key, environment };
      const sent = await this.#send(`${attempt.kind} ${attempt.mark}`, run.story, asked);
      const { answer } = sent;
      if (answer?.status === 200 || answer?.status === 202) {
        const { details, ...shown } = answer.body as Detailed;
        const judge = answer.status === 200 ? "accepted" : "asked";
        this.#judge(run, sent, model[judge](attempt, shown, least, Date.now()));
        if (attempt.kind === "stop") this.#judgeDetails(run, sent, details, true);
        this.#acknowledged(run, sent);
      } else if (answer?.status === 409) {
        this.#judge(run, sent, model.refused(attempt, (answer.body as { code: string }).code, least));
      } else {
        this.#judgeFailure(run, sent);
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
    const sent = await this.#send("heartbeat", run.story, {
      method: "POST",
      path: `action-runs/${model.id}/heartbeat`,
      token: run.token,
      body: {},
      environment: run.environment,
    });
    const { answer } = sent;
    if (answer?.status === 200) {
      const { status, cancel } = answer.body as { readonly status: string; readonly cancel: object | null };
      this.#judge(run, sent, model.heard(status, cancel !== null, least, wasAsked));
      this.#acknowledged(run, sent);
    } else if (answer?.status === 409) {
      this.#judge(run, sent, model.refused(attempt, (answer.body as { code: string }).code, least));
    } else this.#judgeFailure(run, sent);
  }

  async #get(run: OwnRun): Promise<void> {
    const { model, environment } = run;
    const { disturbances, record } = this.#stage;
    const isOverdue = Date.now() > model.endsBy + DEADLINE_SLACK_MS;
    const least = isOverdue ? 2 : model.step;
    const { wasAsked } = model;
    const isDetailed = this.#random() < 0.4;
    const sent = await this.#send(isDetailed ? "get details" : "get", run.story, {
      method: "GET",
      path: `action-runs/${model.id}${isDetailed ? "?include=details" : ""}`,
      token: this.#stage.site.rootToken,
      environment,
      withoutBookmark: this.#random() < 0.7,
    });
    const { answer } = sent;
    if (answer?.status !== 200) return this.#judgeFailure(run, sent);
    const mayBeBehind = coordinatorsIn(answer.bookmark).has(coordinatorOf(model.id));
    if (
      mayBeBehind &&
      stepOf((answer.body as ActionRun).status) < least &&
      disturbances.metDisturbance(sent.sentAt, coordinatorName(run))
    ) {
      // D1 answered because the coordinator was out of reach, and the bookmark says so.
      record.count("gets that said they may be behind");
      return;
    }
    this.#judgeShown(run, sent, least, wasAsked);
    if (model.step === 2) this.#forget(run);
  }

  async #list(withBookmark: boolean): Promise<void> {
    const { record, runs } = this.#stage;
    const reading = this.#reading(this.#random() < 0.4 ? this.#pick(STATUSES) : null);
    const { query, ofOwn, status } = reading;
    query.set("limit", String(PAGE));
    const isDetailed = this.#random() < 0.4;
    if (isDetailed) query.set("include", "details");
    const story: string[] = [];
    const what = withBookmark ? "list with a bookmark" : "list without a bookmark";
    const read = await this.#read(what, story, `action-runs?${query}`, reading, withBookmark);
    if (read === null) return;
    const { answer, sentAt, expected } = read;
    const page = answer.body as Detailed[];
    for (const [i, { details, ...shown }] of page.entries()) {
      const before = page[i - 1];
      if (before !== undefined && before.id <= shown.id)
        record.violation("a list is out of order", story, sentAt);
      const run = runs.get(shown.id);
      if (run === undefined) continue;
      const tell = (verdict: Verdict) => {
        if (verdict !== null) record.violation(verdict, [...run.story, ...story], sentAt);
      };
      tell(run.model.shown(shown, 0, Date.now()));
      if ((details !== undefined) !== isDetailed) tell(`details were ${isDetailed ? "" : "not "}asked for`);
      else if (details !== undefined) tell(run.model.detailed(details, false));
      if (ofOwn && run.owner !== this.#owner) tell("a list shows another caller's run");
      if (status !== null && shown.status !== status) tell("a list shows another status");
    }
    const oldest = page.length < PAGE ? "" : (page.at(-1)?.id ?? "");
    for (const { run, step } of expected) {
      if (run.model.id < oldest) continue;
      const row = page.find(({ id }) => id === run.model.id);
      const problem = listProblem(run, step, row, status);
      if (problem !== null) record.violation(problem, [...run.story, ...story], sentAt);
    }
    record.count("changes that a list had to show", expected.length);
  }

  /** A caller has so few runs that each count of its own is exact. */
  async #summarize(withBookmark: boolean): Promise<void> {
    const { record } = this.#stage;
    const reading = this.#reading(null);
    const { environment, query, ofOwn } = reading;
    const story: string[] = [];
    const path = `action-runs/summary?${query}`;
    const read = await this.#read("summary", story, path, reading, withBookmark);
    if (read === null) return;
    const { answer, sentAt, expected } = read;
    const counts = answer.body as Readonly<Record<string, number | { readonly atLeast: number }>>;
    const tell = (sentence: string) =>
      record.violation(
        `${sentence}: ${JSON.stringify(counts)}`,
        [...story, ...expected.flatMap(({ run }) => run.story)],
        sentAt,
      );
    if (Object.keys(counts).join() !== STATUSES.join()) return tell("a summary lacks a status");
    const countOf = (status: string) => {
      const count = counts[status] ?? 0;
      return typeof count === "number" ? count : count.atLeast;
    };
    for (const status of STATUSES.slice(2)) {
      const ended = expected.filter(({ run, step }) => step === 2 && run.model.endStatus === status).length;
      if (countOf(status) < ended) tell(`SUMMARY BEHIND: ${ended} runs were known to be ${status}`);
    }
    const sum = STATUSES.reduce((all, status) => all + countOf(status), 0);
    const isExact = Object.values(counts).every((count) => typeof count === "number");
    if (isExact && sum < expected.length) tell(`SUMMARY BEHIND: ${expected.length} runs were known`);
    const asked = this.#asked.get(environment) ?? 0;
    if (ofOwn && sum > asked) tell(`TOO MANY: this caller asked for ${asked} runs`);
    record.count("changes that a summary had to count", expected.length);
  }

  #reading(status: string | null): Reading {
    const environment = this.#pick(this.#stage.environments) ?? "";
    const ofOwn = this.#random() < 0.8;
    const byLabel = this.#random() < 0.5;
    const query = new URLSearchParams({
      ...(ofOwn && { [byLabel ? "label" : "actionName"]: this.#owner }),
      ...(status !== null && { status }),
    });
    return { environment, query, ofOwn, status };
  }

  /** Asks D1. Null if the answer is a failure, which is judged. `expected`: the changes that the answer must show. */
  async #read(
    what: string,
    story: string[],
    path: string,
    { environment, ofOwn }: Reading,
    withBookmark: boolean,
  ): Promise<{ answer: Answer; sentAt: number; expected: readonly Changed[] } | null> {
    const { record, disturbances, site } = this.#stage;
    const isolate = this.#isolate();
    const named = [...(this.#named.get(environment)?.values() ?? [])];
    // An isolate that starts again remembers nothing. Before the list waits for the start, its number is the old one.
    await site.up;
    const remembered = this.#remembered.filter(
      (change) =>
        change.run.environment === environment &&
        change.isolate === isolate &&
        change.start === site.starts &&
        Date.now() - change.sentAt < REMEMBERED_MS,
    );
    const sent = await this.#send(what, story, {
      method: "GET",
      path,
      token: site.rootToken,
      environment,
      isolate,
      withoutBookmark: !withBookmark,
    });
    const { answer, sentAt } = sent;
    if (answer === null) {
      this.#judgeNoAnswer(story, sent);
      return null;
    }
    if (answer.status !== 200) {
      if (!disturbances.metFault(sentAt) && !disturbances.metKill(sentAt))
        record.violation(`a ${what} was answered with ${describe(answer)}`, story, sentAt);
      return null;
    }
    const behind = coordinatorsIn(answer.bookmark);
    if (behind.size > 0) record.count("lists and summaries that said they may be behind");
    const known = withBookmark ? named : remembered.filter(({ start }) => start === site.starts);
    const expected = known.filter(
      ({ run }) => !behind.has(coordinatorOf(run.model.id)) && (!ofOwn || run.owner === this.#owner),
    );
    return { answer, sentAt, expected };
  }

  async #send(what: string, story: string[], asked: Asked): Promise<Sent> {
    const { site, record } = this.#stage;
    await site.up;
    const isolate = asked.isolate ?? this.#isolate();
    const { environment } = asked;
    const bookmark = asked.withoutBookmark ? null : (this.#bookmarks.get(environment) ?? null);
    const mayHangUp = asked.method !== "GET" && this.#random() < 0.04;
    const hangUpAfterMs = mayHangUp ? this.#random() * HANG_UP_MAX_MS : null;
    const sentAt = Date.now();
    const answer = await ask({
      ...asked,
      url: urlOf(site.origins[isolate] ?? "", environment, asked.path),
      bookmark,
      hangUpAfterMs,
    });
    const tookMs = Date.now() - sentAt;
    record.requests++;
    record.count(`${what.split(" ")[0] === "list" ? what : what.replace(/ \d+-\d+$/, "")}`);
    if (answer === null) record.count("requests without an answer");
    else if (answer.status < 500 && answer.bookmark !== null && !asked.withoutBookmark)
      this.#bookmarks.set(environment, answer.bookmark);
    if (what === "get" && answer !== null && tookMs > record.slowestGet.ms)
      record.slowestGet = { ms: tookMs, what: `${record.clock(sentAt)}, isolate ${isolate}` };
    const told = answer === null ? "no answer" : describe(answer);
    const key = typeof asked.key === "string" ? ` with key ${asked.key}` : "";
    const sentBookmark = bookmark === null ? "" : ` bookmark ${bookmark}`;
    record.tell(
      story,
      `${record.clock(sentAt)} caller ${this.#n}, isolate ${isolate}: ${what}${key}${sentBookmark} -> ${told}, ${tookMs} ms, bookmark ${answer?.bookmark ?? "none"}`,
    );
    return { answer, sentAt, isolate, hungUp: hangUpAfterMs !== null };
  }

  #acknowledged(run: OwnRun, { answer, isolate, sentAt }: Sent): void {
    const { record, site } = this.#stage;
    record.acknowledged++;
    // A caller that got no bookmark was promised nothing about lists.
    if (answer === null || answer.bookmark === null) return;
    // What the answer shows, and not what is known by now, because others may have changed the run meanwhile.
    const changed = { run, step: stepOf((answer.body as ActionRun).status) };
    const named = this.#named.get(run.environment) ?? new Map<string, Changed>();
    this.#named.set(run.environment, named);
    named.delete(run.model.id);
    named.set(run.model.id, changed);
    for (const oldest of named.keys()) {
      if (named.size <= NAMED_MAX) break;
      named.delete(oldest);
    }
    this.#remembered = this.#remembered.filter((change) => sentAt - change.sentAt < REMEMBERED_MS);
    this.#remembered.push({ ...changed, isolate, start: site.starts, sentAt });
  }

  /** Judges the run that an answer shows, with its details if it has any. */
  #judgeShown(run: OwnRun, sent: Sent, least: Step, wasAsked: boolean): void {
    if (sent.answer === null) return;
    const { callback: _, details, ...shown } = sent.answer.body as Created;
    this.#judge(run, sent, run.model.shown(shown, least, Date.now()));
    this.#judgeDetails(run, sent, details, wasAsked);
  }

  #judgeDetails(run: OwnRun, sent: Sent, details: Details | undefined, wasAsked: boolean): void {
    if (details !== undefined) this.#judge(run, sent, run.model.detailed(details, wasAsked));
  }

  #judge(run: OwnRun, sent: Sent, verdict: Verdict): void {
    if (verdict !== null) this.#stage.record.violation(verdict, run.story, sent.sentAt);
  }

  /** Judges any answer that is neither a success nor a refusal. */
  #judgeFailure(run: OwnRun, sent: Sent): void {
    const { answer, sentAt } = sent;
    if (answer === null) this.#judgeNoAnswer(run.story, sent);
    else if (!this.#mayFail(sent, run.environment, run))
      this.#stage.record.violation(`answered with ${describe(answer)}`, run.story, sentAt);
  }

  #judgeNoAnswer(story: readonly string[], { hungUp, sentAt }: Sent): void {
    const { disturbances, record } = this.#stage;
    if (!hungUp && !disturbances.metKill(sentAt))
      record.violation("no answer came, although workerd runs", story, sentAt);
  }

  /**
   * A kill or an eviction excuses a failure that says the coordinator was out of reach. A fault excuses a failure to read the
   * stored action of a new run.
   */
  #mayFail({ answer, sentAt }: Sent, environment: string, run: OwnRun | null): boolean {
    const { code } = (answer?.body ?? {}) as { readonly code?: string };
    const { disturbances } = this.#stage;
    if (code === "database_unavailable" && run === null)
      return disturbances.metFault(sentAt) || disturbances.metKill(sentAt);
    if (code !== "coordinator_unavailable") return false;
    // A create can go to any coordinator of its environment.
    const coordinators =
      run === null ? [0, 1, 2, 3].map((n) => `${environment}/${n}`) : [coordinatorName(run)];
    const isExcused = coordinators.some((name) => disturbances.metDisturbance(sentAt, name));
    if (isExcused) this.#stage.record.count("coordinator_unavailable after an eviction or a kill");
    return isExcused;
  }

  #keep(run: OwnRun): void {
    this.#recent.push(run);
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
  }

  #forget(run: OwnRun): void {
    const at = this.#open.indexOf(run);
    if (at >= 0) this.#open.splice(at, 1);
  }

  #isolate(): number {
    return this.#random() < 0.5 ? 0 : 1;
  }

  #pick<T>(list: readonly T[]): T | null {
    return list[Math.floor(this.#random() * list.length)] ?? null;
  }
}

/** Why a page contradicts a change that it must show; null if it does not. A filter may leave out a run that went on. */
function listProblem(
  run: OwnRun,
  step: Step,
  row: ActionRun | undefined,
  status: string | null,
): string | null {
  if (row !== undefined)
    return stepOf(row.status) < step ? `LIST BEHIND: ${row.status} was listed after step ${step}` : null;
  const mustBeThere = status === null || (run.model.endStatus === status && step === 2);
  return mustBeThere ? `LIST BEHIND: the run is missing after step ${step}` : null;
}

function coordinatorName({ environment, model }: OwnRun): string {
  return `${environment}/${coordinatorNumber(model.id)}`;
}

function describe({ status, body }: Answer): string {
  const { code, status: shown } = (body ?? {}) as { readonly code?: string; readonly status?: string };
  return `${status} ${code ?? shown ?? (Array.isArray(body) ? `${body.length} runs` : "")}`;
}
