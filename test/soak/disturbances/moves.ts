/**
 * The operator of a soak, who moves environments between the databases at random, and cancels some moves. At the end,
 * every environment has left its old databases without a row.
 */

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { A_STEP_OF_A_MOVE_MS, ageMoves } from "../../support/databases/aged-moves.ts";
import { readStrangers } from "../d1-files.ts";
import type { SoakRecord } from "../record.ts";
import { ask, type Random, urlOf } from "../requests.ts";

import type { Site } from "../site.ts";

const DATABASES = 4;
const PAUSE_MIN_MS = 1000;
const PAUSE_MAX_MS = 6000;
/** How many moves are cancelled, and how soon. */
const CANCELLED = 0.3;
const CANCELLED_WITHIN_MS = 3000;
/** After how many kills the moves are an hour older. The next steps of all moves are due then. */
const AGED = 0.6;
/** A copy waits for D1 and for coordinators that were evicted. */
const SETTLED_WITHIN_MS = 120_000;
const POLL_MS = 500;
/** Each step of a move needs a start of the service: the copy, the rest, the second cleaning. */
const STARTS_MAX = 4;
/** What a move may be refused for. */
const REFUSALS = ["move_under_way", "moved_lately"];

interface EnvironmentDatabase {
  readonly database: number;
  readonly move: { readonly status: string; readonly isCancelled: boolean } | null;
}

export class Moves {
  readonly #site: Site;
  readonly #record: SoakRecord;
  readonly #environments: readonly string[];
  /** Where each environment was seen last. */
  readonly #homes = new Map<string, number>();

  constructor(site: Site, record: SoakRecord, environments: readonly string[]) {
    this.#site = site;
    this.#record = record;
    this.#environments = environments;
  }

  async run(random: Random, signal: AbortSignal): Promise<void> {
    for (;;) {
      await delay(PAUSE_MIN_MS + random() * (PAUSE_MAX_MS - PAUSE_MIN_MS), null, { signal }).catch(() => {});
      if (signal.aborted) return;
      await this.#site.up;
      const environment = this.#environments[Math.floor(random() * this.#environments.length)] ?? "";
      const database = Math.floor(random() * DATABASES);
      const home = await this.#move(environment, database);
      if (home === null || random() >= CANCELLED) continue;
      await delay(random() * CANCELLED_WITHIN_MS);
      // If it has switched meanwhile, this is the beginning of a move that is refused.
      await this.#move(environment, home);
    }
  }

  /** Call it between a kill and the start after it. */
  age(random: Random): void {
    if (random() >= AGED) return;
    const aged = ageMoves(this.#journals, A_STEP_OF_A_MOVE_MS);
    this.#record.disturbance(`the moves of ${aged} environments are an hour older`);
  }

  /** Resolves when no environment is being copied. Call it when nobody moves any more. */
  async settle(): Promise<void> {
    await this.#until("a copy", ({ move }) => move === null || !["copying", "switching"].includes(move.status));
  }

  /** Ends all moves with a clock that jumps, and looks for rows that an environment has left behind. */
  async check(): Promise<void> {
    for (let starts = 0; starts < STARTS_MAX; starts++) {
      const all = await Promise.all(this.#environments.map((environment) => this.#read(environment)));
      if (all.every(({ move }) => move === null)) break;
      await this.#site.kill();
      ageMoves(this.#journals, A_STEP_OF_A_MOVE_MS);
      await this.#site.start();
      await this.#until("a cleaning", ({ move }) => move === null || move.status === "cleaned");
    }
    await this.#until("a move", ({ move }) => move === null);
    for (const stranger of readStrangers(this.#site.state))
      this.#record.violation(`LEFT BEHIND: ${stranger}`, [], Date.now());
  }

  /** Returns where the environment lived, if the move was accepted. Otherwise null. */
  async #move(environment: string, database: number): Promise<number | null> {
    const sentAt = Date.now();
    const token = this.#site.rootToken;
    const url = urlOf(this.#site.origins[0] ?? "", environment, "database");
    const answer = await ask({ method: "PUT", url, token, body: { database } });
    const { code, database: home } = (answer?.body ?? {}) as Partial<EnvironmentDatabase> & { code?: string };
    const told = answer === null ? "no answer" : `${answer.status} ${code ?? ""}`.trim();
    this.#record.count(`moves: ${told}`);
    this.#record.disturbance(`${environment} was to move to database ${database}: ${told}`);
    if (home !== undefined) this.#seen(environment, home);
    const isRefusal = answer?.status === 409 && REFUSALS.includes(code ?? "");
    if (answer !== null && ![200, 202, 503].includes(answer.status) && !isRefusal)
      this.#record.violation(`a move was answered with ${told}: ${JSON.stringify(answer.body)}`, [], sentAt);
    return answer?.status === 202 ? (home ?? null) : null;
  }

  #seen(environment: string, home: number): void {
    const before = this.#homes.get(environment);
    if (before !== undefined && before !== home) this.#record.count("moves: the environment lives elsewhere");
    this.#homes.set(environment, home);
  }

  async #until(what: string, holds: (environment: EnvironmentDatabase) => boolean): Promise<void> {
    const since = Date.now();
    for (;;) {
      const all = await Promise.all(this.#environments.map((environment) => this.#read(environment)));
      if (all.every(holds)) return;
      if (Date.now() - since > SETTLED_WITHIN_MS) {
        const left = all.filter((one) => !holds(one));
        this.#record.violation(`STANDS STILL: ${what} is not over: ${JSON.stringify(left)}`, [], since);
        return;
      }
      await delay(POLL_MS);
    }
  }

  /** Asks until it gets an answer, because coordinators may be evicted and D1 may fail. */
  async #read(environment: string): Promise<EnvironmentDatabase> {
    for (;;) {
      await this.#site.up;
      const sentAt = Date.now();
      const url = urlOf(this.#site.origins[1] ?? "", environment, "database");
      const answer = await ask({ method: "GET", url, token: this.#site.rootToken });
      if (answer?.status === 200) {
        const read = answer.body as EnvironmentDatabase;
        this.#seen(environment, read.database);
        return read;
      }
      if (answer !== null && answer.status !== 503)
        this.#record.violation(`GET …/database was answered with ${answer.status}`, [], sentAt);
      await delay(POLL_MS);
    }
  }

  get #journals(): string {
    return join(this.#site.state, "do/first-RunCoordinator");
  }
}
