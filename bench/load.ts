/**
 * The load generator, a process of its own, so that what it costs is not taken from what it measures. Each caller has
 * one connection and sends its next request when it has checked the answer to its last (a closed loop).
 *
 * undici, because each request has a path and a token of its own and each answer is looked at, which the load
 * generators that replay one request are not made for; and it is Node's own client, with its parser in WebAssembly.
 */

import { setTimeout as delay } from "node:timers/promises";
import { Client } from "undici";
import { MIXED } from "./mixed.ts";
import { OPERATIONS, type OperationName, type Seeds, type State } from "./operations.ts";
import type { WorkerName } from "./site.ts";

/** Where everything is, before the first job. */
export interface Setup {
  readonly origins: Readonly<Record<WorkerName, string>>;
  readonly seeds: Seeds;
}

export interface Job {
  readonly operation: OperationName | "mixed";
  readonly callers: number;
  /** No request starts after this. */
  readonly forMs: number;
  /** At most this many requests, where it matters how many. */
  readonly most?: number;
}

export interface Measured {
  readonly answers: number;
  readonly failures: number;
  /** The first wrong answer, to say what went wrong. */
  readonly firstFailure: string | null;
  readonly elapsedMs: number;
  /** One for each answer. */
  readonly latenciesMs: readonly number[];
}

export type ToLoad = { readonly setup: Setup } | { readonly job: Job };

const ANSWER_WITHIN_MS = 30_000;
/** What a job leaves in the air, such as a flight to the database, comes down before the next begins. */
const SETTLE_MS = 20;

let setup: Setup | null = null;
/** Runs and instances that creates made, by the worker that has them. */
const open: Record<WorkerName, State["open"]> = { service: [], limits: [], peer: [] };
const clients = new Map<WorkerName, Client[]>();

process.on("message", async (message: ToLoad) => {
  if ("setup" in message) setup = message.setup;
  else process.send?.(await run(message.job));
});
process.on("disconnect", () => process.exit());

async function run({ operation, callers, forMs, most = Number.POSITIVE_INFINITY }: Job): Promise<Measured> {
  if (setup === null) throw new Error("no setup came before the first job");
  const { worker, next } = operation === "mixed" ? MIXED : OPERATIONS[operation];
  const state: State = { seeds: setup.seeds, open: open[worker] };
  const latenciesMs: number[] = [];
  let started = 0;
  let failures = 0;
  let firstFailure: string | null = null;
  const startedAt = performance.now();

  async function call(client: Client): Promise<void> {
    while (started < most && performance.now() - startedAt < forMs) {
      const request = next(state, started++);
      if (request === null) return;
      const { ask, accepts } = request;
      const askedAt = performance.now();
      const { status, body } = await send(client, ask);
      latenciesMs.push(performance.now() - askedAt);
      if (accepts(status, body)) continue;
      failures++;
      firstFailure ??= `${ask.method} ${ask.path}: ${status} ${body.slice(0, 300)}`;
    }
  }
  await Promise.all(clientsOf(worker, callers).map(call));
  const elapsedMs = performance.now() - startedAt;
  await delay(SETTLE_MS);
  return { answers: latenciesMs.length, failures, firstFailure, elapsedMs, latenciesMs };
}

async function send(client: Client, ask: Parameters<Client["request"]>[0]) {
  try {
    const answer = await client.request(ask);
    return { status: answer.statusCode, body: await answer.body.text() };
  } catch (error) {
    return { status: 0, body: String(error) };
  }
}

/** Connections are kept from job to job. */
function clientsOf(worker: WorkerName, callers: number): Client[] {
  const kept = clients.get(worker) ?? [];
  clients.set(worker, kept);
  while (kept.length < callers) {
    const options = {
      keepAliveTimeout: 60_000,
      headersTimeout: ANSWER_WITHIN_MS,
      bodyTimeout: ANSWER_WITHIN_MS,
    };
    kept.push(new Client(setup?.origins[worker] ?? "", options));
  }
  return kept.slice(0, callers);
}
