/**
 * One caller of a soak, in a closed loop. It creates runs, changes them, repeats what got no answer, asks for runs and
 * lists them, and compares every answer with what it knows. Some runs it hands to its partner, and then both change them.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { coordinatorNumber, coordinatorOf, coordinatorsIn } from "./bookmark.ts";
import type { Disturbances } from "./disturbances.ts";
import type { Random } from "./random.ts";
import type { SoakRecord, Told } from "./record.ts";
import { type Answer, type Ask, ask } from "./requests.ts";
import { type ActionRun, type Attempt, RunModel, type Step, stepOf, type Verdict } from "./run-model.ts";
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
  readonly actionName: string;
  readonly token: string;
  readonly createBody: object;
  readonly createKey: string | null;
  /** Nobody changes it: it waits for its deadline. */
  readonly isAbandoned: boolean;
  lastReport: Report | null;
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

interface Created extends ActionRun {
  readonly callback: { readonly token: string; readonly expiresAt: string };
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
    if (open === null || recent === null || roll < 0.17) return this.#create();
    if (roll < 0.33) return this.#report(open);
    if (roll < 0.4) return this.#repeatReport(recent);
    if (roll < 0.47) return this.#heartbeat(open);
    if (roll < 0.52) return this.#cancel(open);
    if (roll < 0.56) return this.#repeatCreate(recent);
    if (roll < 0.82) return this.#get(recent);
    return this.#list(roll < 0.93);
  }

  /** Both callers of a shared run do this at about the same time. */
  async #race(run: OwnRun): Promise<void> {
    return this.#random() < 0.7 ? this.#report(run) : this.#cancel(run);
  }

  async #create(): Promise<void> {
    const { environments, record, runs } = this.#stage;
    const environment = this.#pick(environments) ?? "";
    const createKey = this.#random() < 0.6 ? randomUUID() : null;
    const isAbandoned = this.#random() < 0.04;
    const actionName = `caller-${this.#n}`;
    const createBody = {
      actionName,
      parameters: { create: `${this.#n}-${this.#made++}` },
      ...(isAbandoned && { timeout: 1 }),
    };
    const story: string[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      const sent = await this.#send("create", story, {
        method: "POST",
        url: environment,
        token: this.#stage.site.rootToken,
        body: createBody,
        key: createKey,
        environment,
      });
      if (sent.answer?.status === 201) {
        const { callback, ...shown } = sent.answer.body as Created;
        const model = new RunModel(shown.id, Date.parse(callback.expiresAt));
        const { token } = callback;
        const run: OwnRun = {
          model,
          story,
          environment,
          actionName,
          token,
          createBody,
          createKey,
          isAbandoned,
          lastReport: null,
        };
        runs.set(shown.id, run);
        this.#judge(run, sent, model.shown(shown, 0, Date.now()));
        this.#acknowledged(run, sent);
        this.#keep(run);
        if (isAbandoned) return;
        this.#open.push(run);
        if (this.#random() >= 0.15) return;
        this.partner?.inbox.push(run);
        return this.#random() < 0.6 ? this.#race(run) : undefined;
      }
      if (sent.answer !== null && !this.#mayFail(sent, environment, null))
        record.violation(`a create was answered with ${describe(sent.answer)}`, story, sent.sentAt);
      if (createKey === null) return;
    }
  }

  async #repeatCreate(run: OwnRun): Promise<void> {
    const { environment, createBody, createKey } = run;
    if (createKey === null) return;
    const least = run.model.step;
    const sent = await this.#send("create again", run.story, {
      method: "POST",
      url: environment,
      token: this.#stage.site.rootToken,
      body: createBody,
      key: createKey,
      environment,
    });
    if (sent.answer?.status === 201) {
      const { callback: _, ...shown } = sent.answer.body as Created;
      this.#judge(run, sent, run.model.shown(shown, least, Date.now()));
      this.#acknowledged(run, sent);
    } else this.#judgeFailure(run, sent);
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
      url: `${run.environment}/${run.model.id}/callback`,
      token: run.token,
      body,
    });
  }

  async #cancel(run: OwnRun): Promise<void> {
    const mark = `${this.#n}-${this.#made++}`;
    const attempt = run.model.attempt("cancel", mark);
    const key = this.#random() < 0.6 ? mark : null;
    const { rootToken: token } = this.#stage.site;
    await this.#change(run, attempt, key, {
      method: "DELETE",
      url: `${run.environment}/${run.model.id}`,
      token,
    });
  }

  /** Sends a change until it is answered, if it has a key. */
  async #change(run: OwnRun, attempt: Attempt, key: string | null, request: Ask): Promise<void> {
    const { model } = run;
    for (let tries = 0; tries < TRIES; tries++) {
      const least = model.step;
      const sent = await this.#send(`${attempt.kind} ${attempt.mark}`, run.story, {
        ...request,
        key,
        environment: run.environment,
      });
      const { answer } = sent;
      if (answer?.status === 200) {
        this.#judge(run, sent, model.accepted(attempt, answer.body as ActionRun, least, Date.now()));
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
    const least = model.step;
    const sent = await this.#send("heartbeat", run.story, {
      method: "POST",
      url: `${run.environment}/${model.id}/heartbeat`,
      token: run.token,
      body: {},
      environment: run.environment,
    });
    const { answer } = sent;
    if (answer?.status === 200) {
      this.#judge(run, sent, model.heard((answer.body as { status: string }).status, least));
      this.#acknowledged(run, sent);
    } else if (answer?.status === 409) {
      this.#judge(run, sent, model.refused(attempt, (answer.body as { code: string }).code, least));
    } else this.#judgeFailure(run, sent);
  }

  async #get(run: OwnRun): Promise<void> {
    const { model, environment } = run;
    const { disturbances, record } = this.#stage;
    const isOverdue = Date.now() > model.deadlineAt + DEADLINE_SLACK_MS;
    const least = isOverdue ? 2 : model.step;
    const sent = await this.#send("get", run.story, {
      method: "GET",
      url: `${environment}/${model.id}`,
      token: this.#stage.site.rootToken,
      environment,
      withoutBookmark: this.#random() < 0.7,
    });
    const { answer } = sent;
    if (answer?.status !== 200) return this.#judgeFailure(run, sent);
    const shown = answer.body as ActionRun;
    const mayBeBehind = coordinatorsIn(answer.bookmark).has(coordinatorOf(model.id));
    if (
      mayBeBehind &&
      stepOf(shown.status) < least &&
      disturbances.metDisturbance(sent.sentAt, coordinatorName(run))
    ) {
      // D1 answered because the coordinator was out of reach, and the bookmark says so.
      record.count("gets that said they may be behind");
      return;
    }
    this.#judge(run, sent, model.shown(shown, least, Date.now()));
    if (model.step === 2) this.#forget(run);
  }

  async #list(withBookmark: boolean): Promise<void> {
    const { record, runs, disturbances, site } = this.#stage;
    const environment = this.#pick(this.#stage.environments) ?? "";
    const ofOwn = this.#random() < 0.8;
    const status =
      this.#random() < 0.4 ? this.#pick(["pending", "running", "succeeded", "failed", "cancelled"]) : null;
    const query = new URLSearchParams({
      limit: String(PAGE),
      ...(ofOwn && { actionName: `caller-${this.#n}` }),
      ...(status !== null && { status }),
    });
    const story: string[] = [];
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
    const sent = await this.#send(withBookmark ? "list with a bookmark" : "list without a bookmark", story, {
      method: "GET",
      url: `${environment}?${query}`,
      token: site.rootToken,
      environment,
      isolate,
      withoutBookmark: !withBookmark,
    });
    const { answer, sentAt } = sent;
    if (answer === null) return this.#judgeNoAnswer(story, sent);
    if (answer.status !== 200) {
      if (!disturbances.metFault(sentAt) && !disturbances.metKill(sentAt))
        record.violation(`a list was answered with ${describe(answer)}`, story, sentAt);
      return;
    }
    const page = answer.body as ActionRun[];
    for (const [i, shown] of page.entries()) {
      const before = page[i - 1];
      if (before !== undefined && before.id <= shown.id)
        record.violation("a list is out of order", story, sentAt);
      const run = runs.get(shown.id);
      if (run === undefined) continue;
      const verdict = run.model.shown(shown, 0, Date.now());
      if (verdict !== null) record.violation(verdict, [...run.story, ...story], sentAt);
      if (status !== null && shown.status !== status)
        record.violation("a list shows another status", story, sentAt);
    }
    const behind = coordinatorsIn(answer.bookmark);
    if (behind.size > 0) record.count("lists that said they may be behind");
    const expected = (withBookmark ? named : remembered.filter(({ start }) => start === site.starts)).filter(
      ({ run }) =>
        !behind.has(coordinatorOf(run.model.id)) && (!ofOwn || run.actionName === `caller-${this.#n}`),
    );
    const oldest = page.length < PAGE ? "" : (page.at(-1)?.id ?? "");
    for (const { run, step } of expected) {
      if (run.model.id < oldest) continue;
      const row = page.find(({ id }) => id === run.model.id);
      const problem = listProblem(run, step, row, status);
      if (problem !== null) record.violation(problem, [...run.story, ...story], sentAt);
    }
    record.count("changes that a list had to show", expected.length);
  }

  async #send(
    what: string,
    story: string[],
    asked: Ask & {
      readonly environment: string;
      readonly isolate?: number;
      readonly withoutBookmark?: boolean;
    },
  ): Promise<Sent> {
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
      url: `${site.origins[isolate]}/${pathOf(asked.url)}`,
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

  /** Only a kill or an eviction excuses a failure, and only one that says the coordinator was out of reach. */
  #mayFail({ answer, sentAt }: Sent, environment: string, run: OwnRun | null): boolean {
    const { code } = (answer?.body ?? {}) as { readonly code?: string };
    if (code !== "coordinator_unavailable") return false;
    // A create can go to any coordinator of its environment.
    const coordinators =
      run === null ? [0, 1, 2, 3].map((n) => `${environment}/${n}`) : [coordinatorName(run)];
    const isExcused = coordinators.some((name) => this.#stage.disturbances.metDisturbance(sentAt, name));
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

/** `acme/soak/dev/…` as a path of the API. */
function pathOf(url: string): string {
  return url.replace(/^([^/]+\/[^/]+)\/([^/?]+)/, "$1/envs/$2/action-runs");
}

function describe({ status, body }: Answer): string {
  const { code, status: shown } = (body ?? {}) as { readonly code?: string; readonly status?: string };
  return `${status} ${code ?? shown ?? (Array.isArray(body) ? `${body.length} runs` : "")}`;
}
