/**
 * Follows an environment's runs, as a portal does that keeps a copy of them. One kind keeps its stream as long as it can,
 * and the other stops and resumes at the cursor that it stored. At the end, each must have each run as D1 has it, and so
 * each end.
 */

import { setTimeout as delay } from "node:timers/promises";
import { ActionRunsError, createClient } from "../../src/client/index.ts";
import type { Random } from "./requests.ts";
import type { ActionRun } from "./run-model.ts";
import type { Stage } from "./stage.ts";

const STOPS_WITHIN_MS = 8000;
const PAUSES_WITHIN_MS = 3000;
/** How long the last changes may take. A stream that met a kill connects again within 10 s. */
const CAUGHT_UP_WITHIN_MS = 30_000;
const POLL_MS = 500;

export class Follower {
  readonly #stage: Stage;
  readonly #environment: string;
  readonly #isolate: number;
  readonly #random: Random;
  readonly #stops: boolean;
  readonly #known = new Map<string, string>();
  readonly #over = new AbortController();
  #cursor: string | undefined;
  #following: Promise<void> = Promise.resolve();

  /** `stops`: whether it stops and resumes. */
  constructor(stage: Stage, environment: string, isolate: number, stops: boolean, random: Random) {
    this.#stage = stage;
    this.#environment = environment;
    this.#isolate = isolate;
    this.#stops = stops;
    this.#random = random;
  }

  /** Goes on after the soak's last request, until `check` has seen what it knows. */
  start(): void {
    this.#following = this.#followUntilOver();
  }

  /** `rowsOf`: the runs of an environment as D1 has them, by id. */
  async check(rowsOf: (environment: string) => ReadonlyMap<string, string>): Promise<void> {
    const since = Date.now();
    let missed = this.#missed(rowsOf(this.#environment));
    while (missed.length > 0 && Date.now() - since < CAUGHT_UP_WITHIN_MS) {
      await delay(POLL_MS);
      missed = this.#missed(rowsOf(this.#environment));
    }
    this.#over.abort();
    await this.#following;
    this.#stage.record.count("runs that followers know", this.#known.size);
    for (const [id, row] of missed) {
      const story = this.#stage.runs.get(id)?.story ?? [];
      const known = this.#known.get(id) ?? "nothing";
      this.#stage.record.violation(`NOT FOLLOWED: D1 has ${row}, a follower has ${known}`, story, since);
    }
  }

  #missed(rows: ReadonlyMap<string, string>): (readonly [string, string])[] {
    return [...rows].filter(([id, row]) => this.#known.get(id) !== row);
  }

  async #followUntilOver(): Promise<void> {
    const { site, record } = this.#stage;
    const [org = "", project = "", env = ""] = this.#environment.split("/");
    const baseUrl = site.origins[this.#isolate % site.origins.length] ?? "";
    const client = createClient({ baseUrl, org, project, env, token: site.rootToken, retryDelayMs: 200 });
    while (!this.#over.signal.aborted) {
      const stop = new AbortController();
      const signal = AbortSignal.any([stop.signal, this.#over.signal]);
      const timer = this.#stops ? setTimeout(() => stop.abort(), this.#random() * STOPS_WITHIN_MS) : undefined;
      const onBreak = () => record.count("a follower's connection broke");
      try {
        for await (const { runs, cursor } of client.runs.follow({ after: this.#cursor, signal, onBreak })) {
          for (const run of runs) this.#known.set(run.id, JSON.stringify(run satisfies ActionRun));
          if (cursor !== null) this.#cursor = cursor;
          record.count("answers of the feed");
        }
      } catch (error) {
        // At its first request, the client does not wait for a service that is down.
        if (error instanceof ActionRunsError && error.code === "cursor_gone") {
          record.count("cursors that were gone after a resync");
          this.#cursor = undefined;
          this.#known.clear();
        }
      } finally {
        clearTimeout(timer);
      }
      await delay(this.#random() * PAUSES_WITHIN_MS, null, { signal: this.#over.signal }).catch(() => {});
    }
  }
}
