/**
 * The load generator. It is a process of its own, so that its own work does not slow down what it measures. Each caller
 * has one connection, and sends its next request when it has checked the last response (a closed loop).
 *
 * Each request has its own path and token, and each response is checked. Load generators replay one request, so we use
 * undici, Node's own HTTP client.
 */

import { setTimeout as delay } from "node:timers/promises";
import { Client } from "undici";
import { monotonicMs } from "../clock.ts";
import type { Meanwhile } from "../rates/comparisons.ts";
import type { ServerName } from "../servers/server.ts";
import type { Job, Measured, ToLoad } from "./generator.ts";
import { MIXED } from "./mixed.ts";
import { OPERATIONS } from "./operations.ts";
import { whenNotified } from "./receiving.ts";
import { newState, type Operation, type Seeds, type State } from "./requests.ts";

type Request = NonNullable<ReturnType<Operation["next"]>>;

const ANSWER_WITHIN_MS = 30_000;
/** The pause between two jobs, so that work such as a batch for D1 ends before the next job begins. */
const SETTLE_MS = 20;
/** How long the other load runs before the job begins, at most as long as the job. */
const LEAD_MAX_MS = 250;

let seeds: Seeds | null = null;
const origins = new Map<ServerName, string>();
/** What creates made, by server. */
const states = new Map<ServerName, State>();
/** Connections, by server and purpose. */
const clients = new Map<ServerName, Map<string, Client[]>>();
/** Counts the turns of the other load over all jobs, so that each caller has its turn, even in short jobs. */
let turns = 0;

process.on("message", async (message: ToLoad) => {
  if ("seeds" in message) seeds = message.seeds;
  else if ("reached" in message) reach(message.reached.server, message.reached.origin);
  else process.send?.(await run(message.job));
});
process.on("disconnect", () => process.exit());

async function run(job: Job): Promise<Measured> {
  const { operation, callers, forMs, most = Number.POSITIVE_INFINITY, meanwhile } = job;
  const { server, next, isNotified = false }: Operation = operation === "mixed" ? MIXED : OPERATIONS[operation];
  const state = stateOf(server);
  const latenciesMs: number[] = [];
  /** When the answer to the report on each run arrived, if an endpoint hears of it. */
  const reports = new Map<string, number>();
  let started = 0;
  let failures = 0;
  let firstFailure: string | null = null;
  let isRefused = false;
  let startedAt = performance.now();

  async function call(client: Client): Promise<void> {
    while (!isRefused && started < most && performance.now() - startedAt < forMs) {
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
      .catch((error: unknown) => {
        isRefused ||= (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
        return { status: 0, text: String(error) };
      });
    const ms = performance.now() - askedAt;
    if (accepts(status, text)) {
      if (isNotified) reports.set(ask.path.split("/").at(-2) ?? "", monotonicMs());
      return ms;
    }
    failures++;
    firstFailure ??= `${ask.method} ${ask.path}: ${status} ${text.slice(0, 300)}`;
    return ms;
  }

  let [isMeasured, isOver] = [false, false];
  /** Responses while the job is measured. */
  async function keepPace({ operation, callers, perSecond }: Meanwhile): Promise<number> {
    const { server, next } = OPERATIONS[operation];
    const pool = clientsOf(server, callers, "meanwhile");
    const busy = new Map<Client, Promise<void>>();
    let answers = 0;
    const from = performance.now();
    for (let n = 0; !isOver && !isRefused; n++) {
      await delay(from + (n * 1000) / perSecond - performance.now());
      const client = pool[turns++ % callers];
      const request = next(stateOf(server), turns);
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
  if (paced !== null) await delay(Math.min(LEAD_MAX_MS, forMs));
  const pool = clientsOf(server, callers);
  startedAt = performance.now();
  const beganAt = monotonicMs();
  isMeasured = true;
  await Promise.all(pool.map(call));
  const elapsedMs = performance.now() - startedAt;
  isOver = true;
  const inPace = await paced;
  const notified = reports.size === 0 ? null : await whenNotified(state.seeds.receiver, reports, beganAt);
  const missing = notified?.missing ?? [];
  failures += missing.length;
  if (missing.length > 0) firstFailure ??= `no delivery of the end of run ${missing[0]} arrived`;
  await delay(SETTLE_MS);
  const meanwhilePerSecond = inPace === null ? null : (inPace / elapsedMs) * 1000;
  const measured = { answers: latenciesMs.length, failures, firstFailure, elapsedMs, latenciesMs };
  return { ...measured, meanwhilePerSecond, notified, isRefused };
}

function stateOf(server: ServerName): State {
  if (seeds === null) throw new Error("no seeds came before the first job");
  const state = states.get(server) ?? newState(seeds);
  states.set(server, state);
  return state;
}

/** A server has started: its connections are new, and the runs that it had are not reported on. */
function reach(server: ServerName, origin: string): void {
  origins.set(server, origin);
  states.delete(server);
  for (const pool of clients.get(server)?.values() ?? []) for (const client of pool) void client.destroy();
  clients.set(server, new Map());
}

/** Connections are kept from job to job. */
function clientsOf(server: ServerName, callers: number, purpose = ""): Client[] {
  const kept = clients.get(server)?.get(purpose) ?? [];
  clients.get(server)?.set(purpose, kept);
  while (kept.length < callers) {
    const patience = { headersTimeout: ANSWER_WITHIN_MS, bodyTimeout: ANSWER_WITHIN_MS };
    kept.push(new Client(origins.get(server) ?? "", { keepAliveTimeout: 60_000, ...patience }));
  }
  return kept.slice(0, callers);
}
