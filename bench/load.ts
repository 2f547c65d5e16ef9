/**
 * The load generator, a process of its own, so that what it costs is not taken from what it measures. Each caller has
 * one connection and sends its next request when it has checked the answer to its last (a closed loop).
 *
 * undici, because each request has a path and a token of its own and each answer is looked at, which the load
 * generators that replay one request are not made for; and it is Node's own client, with its parser in WebAssembly.
 */

import { setTimeout as delay } from "node:timers/promises";
import { Client } from "undici";
import type { Meanwhile } from "./comparisons.ts";
import { MIXED } from "./mixed.ts";
import { newState, OPERATIONS, type Operation, type OperationName, type State } from "./operations.ts";
import type { Site, WorkerName } from "./site.ts";

/** Where everything is, before the first job. */
type Setup = Pick<Site, "origins"> & Pick<State, "seeds">;

export interface Job {
  readonly operation: OperationName | "mixed";
  readonly callers: number;
  /** No request starts after this. */
  readonly forMs: number;
  /** At most this many requests, where it matters how many. */
  readonly most?: number;
  /** Goes on from before the job until it ends. Its wrong answers count as the job's. */
  readonly meanwhile?: Meanwhile | undefined;
}

export interface Measured {
  readonly answers: number;
  readonly failures: number;
  /** The first wrong answer, to say what went wrong. */
  readonly firstFailure: string | null;
  readonly elapsedMs: number;
  /** One for each answer. */
  readonly latenciesMs: readonly number[];
  /** Answers a second of what went on meanwhile; null if nothing did. */
  readonly meanwhilePerSecond: number | null;
}

export type ToLoad = { readonly setup: Setup } | { readonly job: Job };

type Request = NonNullable<ReturnType<Operation["next"]>>;

const ANSWER_WITHIN_MS = 30_000;
/** What a job leaves in the air, such as a flight to the database, comes down before the next begins. */
const SETTLE_MS = 20;
/** What goes on meanwhile has begun when the job begins. */
const LEAD_MS = 250;

let setup: Setup | null = null;
/** What creates made, by the worker that has it. */
const states = new Map<WorkerName, State>();
const clients = new Map<string, Client[]>();
/** Turns of the callers meanwhile, over all jobs, so that each of them has its turn however short a job is. */
let turns = 0;

process.on("message", async (message: ToLoad) => {
  if ("setup" in message) setup = message.setup;
  else process.send?.(await run(message.job));
});
process.on("disconnect", () => process.exit());

async function run(job: Job): Promise<Measured> {
  const { operation, callers, forMs, most = Number.POSITIVE_INFINITY, meanwhile } = job;
  const { worker, next } = operation === "mixed" ? MIXED : OPERATIONS[operation];
  const state = stateOf(worker);
  const latenciesMs: number[] = [];
  let started = 0;
  let failures = 0;
  let firstFailure: string | null = null;
  let startedAt = performance.now();

  async function call(client: Client): Promise<void> {
    while (started < most && performance.now() - startedAt < forMs) {
      const request = next(state, started++);
      if (request === null) return;
      latenciesMs.push(await answer(client, request));
    }
  }

  /** How long it took, in ms. */
  async function answer(client: Client, { ask, accepts }: Request): Promise<number> {
    const askedAt = performance.now();
    const { status, text } = await client
      .request(ask)
      .then(async ({ statusCode, body }) => ({ status: statusCode, text: await body.text() }))
      .catch((error: unknown) => ({ status: 0, text: String(error) }));
    const ms = performance.now() - askedAt;
    if (accepts(status, text)) return ms;
    failures++;
    firstFailure ??= `${ask.method} ${ask.path}: ${status} ${text.slice(0, 300)}`;
    return ms;
  }

  let [isMeasured, isOver] = [false, false];
  /** Answers while the job is measured. */
  async function keepPace({ operation, callers, perSecond }: Meanwhile): Promise<number> {
    const { worker, next } = OPERATIONS[operation];
    const pool = clientsOf(worker, callers, "meanwhile");
    const busy = new Map<Client, Promise<void>>();
    let answers = 0;
    const from = performance.now();
    for (let n = 0; !isOver; n++) {
      await delay(from + (n * 1000) / perSecond - performance.now());
      const client = pool[turns++ % callers];
      const request = next(stateOf(worker), turns);
      if (client === undefined || request === null || busy.has(client)) continue;
      const answered = answer(client, request).then(() => {
        busy.delete(client);
        if (isMeasured && !isOver) answers++;
      });
      busy.set(client, answered);
    }
    await Promise.all(busy.values());
    return answers;
  }

  const paced = meanwhile === undefined ? null : keepPace(meanwhile);
  if (paced !== null) await delay(LEAD_MS);
  startedAt = performance.now();
  isMeasured = true;
  await Promise.all(clientsOf(worker, callers).map(call));
  const elapsedMs = performance.now() - startedAt;
  isOver = true;
  const inPace = await paced;
  await delay(SETTLE_MS);
  const meanwhilePerSecond = inPace === null ? null : (inPace / elapsedMs) * 1000;
  return { answers: latenciesMs.length, failures, firstFailure, elapsedMs, latenciesMs, meanwhilePerSecond };
}

function stateOf(worker: WorkerName): State {
  if (setup === null) throw new Error("no setup came before the first job");
  const state = states.get(worker) ?? newState(setup.seeds);
  states.set(worker, state);
  return state;
}

/** Connections are kept from job to job. */
function clientsOf(worker: WorkerName, callers: number, purpose = ""): Client[] {
  const kept = clients.get(worker + purpose) ?? [];
  clients.set(worker + purpose, kept);
  while (kept.length < callers) {
    const patience = { headersTimeout: ANSWER_WITHIN_MS, bodyTimeout: ANSWER_WITHIN_MS };
    kept.push(new Client(setup?.origins[worker] ?? "", { keepAliveTimeout: 60_000, ...patience }));
  }
  return kept.slice(0, callers);
}
