/**
 * Runs with gates, in an environment of their own: some need an approval, and all share concurrency queues. Their
 * receiver is in the soak's own process. It judges each request as it arrives: never more runs running than the limit,
 * and nothing that nobody approved. At the end, every acknowledged run must have ended as its caller wanted.
 */

import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { type NodeServer, serve } from "../support/node-server.ts";
import { type Insisted, insist } from "./line.ts";
import { type Answer, type Random, urlOf } from "./requests.ts";

import type { Stage } from "./stage.ts";

export const GATED_ENVIRONMENT = "acme/soak/gated";

const CALLERS = 16;
/** So many concurrency queues. */
const QUEUES = 6;
const LIMIT = 2;
const GROUP = "deploys";
const GATES = { queued: {}, approved: { approval: { allowSelf: true } } } as const;
const CANCELLED = 0.15;
const APPROVED_AFTER_MAX_MS = 1500;
const JOB_MAX_MS = 300;
const PAUSE_MAX_MS = 400;
/** A token may have 250 waiting runs in a queue. On a busy machine, jobs end more slowly than callers create. */
const OPEN_MAX = 200;
const RETRY_MS = 300;
/** An attempt whose answer was lost is repeated after 30 s, and others may wait behind it. */
const ENDED_WITHIN_MS = 240_000;
/** The lease of an attempt, and time for an alarm. */
const FREE_WITHIN_MS = 60_000;

interface Queue {
  readonly holders: number;
  readonly waiters: number;
}

interface Gated {
  readonly queue: string;
  readonly story: string[];
  isApproved: boolean;
  /** Whether a request was sent that ends the run, so it may be over. */
  mayHaveEnded: boolean;
  wasCancelled: boolean;
}

interface Job {
  readonly run: string;
  readonly create: string;
  readonly url: string;
  readonly token: string;
}

export class GatedRuns {
  readonly #stage: Stage;
  readonly #random: Random;
  /** By the name of their create, because a request may arrive before the create is answered. */
  readonly #runs = new Map<string, Gated>();
  readonly #ids = new Map<string, string>();
  /** Creates of runs that the receiver has heard of. */
  readonly #heard = new Set<string>();
  readonly #reports = new Set<Promise<unknown>>();
  #server: NodeServer | null = null;
  #made = 0;

  constructor(stage: Stage, random: Random) {
    this.#stage = stage;
    this.#random = random;
  }

  async store(): Promise<void> {
    this.#server = await serve(async (request, response) => {
      this.#take((await json(request)) as Job);
      response.writeHead(202).end();
    });
    const payload = {
      run: "{{ run.id }}",
      create: "{{ parameters.create }}",
      url: "{{ run.callbackUrl }}",
      token: "{{ run.callbackToken }}",
    };
    const trigger = { type: "webhook", url: `${this.#server.url}/jobs`, payload };
    const concurrency = { group: GROUP, key: "{{ parameters.queue }}", limit: LIMIT };
    for (const [name, gates] of Object.entries(GATES)) {
      const body = { trigger, concurrency, ...gates };
      await this.#until([200, 201], [], { method: "PUT", url: this.#path(`actions/${name}`), body });
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const call = async () => {
      while (!signal.aborted) {
        await this.#stage.disturbances.goOn;
        if (this.#open() < OPEN_MAX) await this.#runOne();
        await delay(this.#random() * PAUSE_MAX_MS);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, call));
  }

  #open(): number {
    return [...this.#runs.values()].filter(({ mayHaveEnded }) => !mayHaveEnded).length;
  }

  /** Call this when nobody creates any more. */
  async check(): Promise<void> {
    const { record } = this.#stage;
    const since = Date.now();
    const open = new Map(this.#ids);
    while (open.size > 0) {
      for (const [create, id] of open) {
        const answer = await this.#until([200], [], { method: "GET", url: this.#path(`action-runs/${id}`) });
        const { status } = answer.body as { readonly status: string };
        if (status === "pending" || status === "running") continue;
        open.delete(create);
        this.#judgeEnd(create, answer);
      }
      if (open.size > 0 && Date.now() - since > ENDED_WITHIN_MS) break;
      await delay(RETRY_MS);
    }
    for (const [create, id] of open)
      record.violation(`STANDS STILL: ${id} has not ended`, this.#runs.get(create)?.story ?? [], since);
    await Promise.all(this.#reports);
    await this.#checkQueues();
    await this.#server?.close();
  }

  /** An ended run whose attempt was lost in an eviction occupies its queue until the lease is over. */
  async #checkQueues(): Promise<void> {
    const since = Date.now();
    for (;;) {
      const { body } = await this.#until([200], [], { method: "GET", url: this.#path("concurrency-groups") });
      // The actions name the groups, so they are listed without runs, too.
      const isFree = ({ holders, waiters }: Queue) => holders === 0 && waiters === 0;
      if ((body as readonly Queue[]).every(isFree)) return;
      if (Date.now() - since > FREE_WITHIN_MS) {
        const sentence = `STANDS STILL: ${JSON.stringify(body)} after all had ended`;
        this.#stage.record.violation(sentence, [], since);
        return;
      }
      await delay(RETRY_MS);
    }
  }

  async #runOne(): Promise<void> {
    const create = `gated-${this.#made++}`;
    const queue = String(Math.floor(this.#random() * QUEUES));
    const run: Gated = { queue, story: [], isApproved: false, mayHaveEnded: false, wasCancelled: false };
    this.#runs.set(create, run);
    const action = this.#random() < 0.5 ? "queued" : "approved";
    run.isApproved = action === "queued";
    const body = { parameters: { create, queue } };
    const url = this.#path(`actions/${action}/runs`);
    const made = await this.#until([201], run.story, { method: "POST", url, body, key: create });
    const { id } = made.body as { readonly id: string };
    this.#ids.set(create, id);
    this.#stage.record.count(`gated runs that were created: ${action}`);
    if (this.#random() < CANCELLED) {
      await delay(this.#random() * APPROVED_AFTER_MAX_MS);
      run.mayHaveEnded = true;
      run.wasCancelled = true;
      const cancel = { method: "DELETE", url: this.#path(`action-runs/${id}`), key: `${create}-cancel` } as const;
      await this.#until([200, 409], run.story, cancel);
    } else if (action === "approved") {
      await delay(this.#random() * APPROVED_AFTER_MAX_MS);
      run.isApproved = true;
      const approve = { method: "POST", url: this.#path(`action-runs/${id}/approve`), body: {} } as const;
      await this.#until([200], run.story, { ...approve, key: `${create}-approve` });
    }
  }

  #take(job: Job): void {
    const { record } = this.#stage;
    const run = this.#runs.get(job.create);
    const at = Date.now();
    if (run === undefined) {
      record.violation(`NOBODY'S CHANGE: the receiver heard of ${job.run}`, [], at);
      return;
    }
    record.tell(run.story, `${record.clock(at)} the receiver heard of ${job.run}`);
    record.count("gated runs that the receiver heard of");
    if (!run.isApproved) record.violation(`NOT APPROVED: ${job.run} has started`, run.story, at);
    if (this.#heard.has(job.create)) return;
    this.#heard.add(job.create);
    const running = [...this.#heard].filter((create) => {
      const other = this.#runs.get(create);
      return other !== undefined && other.queue === run.queue && !other.mayHaveEnded;
    });
    if (running.length > LIMIT)
      record.violation(`TOO MANY ARE RUNNING: ${running.join(", ")} of queue ${run.queue}`, run.story, at);
    const report = this.#report(job, run).finally(() => this.#reports.delete(report));
    this.#reports.add(report);
  }

  async #report({ create, url, token }: Job, run: Gated): Promise<void> {
    await delay(this.#random() * JOB_MAX_MS);
    run.mayHaveEnded = true;
    // The URL names the isolate that made the run. The other one takes it as well.
    const body = { status: "succeeded" };
    await this.#until([200, 409], run.story, { method: "POST", url, token, body, key: `${create}-report` });
  }

  #judgeEnd(create: string, answer: Answer): void {
    const run = this.#runs.get(create);
    const { status } = answer.body as { readonly status: string };
    this.#stage.record.count(`gated runs that ended: ${status}`);
    const isExpected = status === "cancelled" ? run?.wasCancelled : status === "succeeded";
    if (!isExpected) {
      const sentence = `ANOTHER END: ${JSON.stringify(answer.body)}`;
      this.#stage.record.violation(sentence, run?.story ?? [], Date.now());
    }
  }

  /** Below the environment, at one isolate or the other. */
  #path(path: string): string {
    const { origins } = this.#stage.site;
    const origin = origins[Math.floor(this.#random() * origins.length)] ?? "";
    return urlOf(origin, GATED_ENVIRONMENT, path);
  }

  #until(expected: readonly number[], story: string[], asked: Insisted): Promise<Answer> {
    return insist(this.#stage, expected, story, asked);
  }
}
