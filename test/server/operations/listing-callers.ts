/**
 * Callers that create a run, report it and list the newest runs, again and again. Each list must show the report,
 * unless it says that it is stale. While the server is gone, they repeat what got no answer.
 */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ActionRun, CreatedRun } from "../load.ts";

const PAUSE_MS = 20;
const GONE_MS = 50;
/** More runs than all callers create during a request. */
const PAGE = 50;

interface Asked {
  readonly token: string;
  readonly body?: object;
}

interface Told<T> {
  readonly body: T;
  readonly isStale: boolean;
}

export class ListingCallers {
  /** The runs whose report was acknowledged. */
  readonly ended: string[] = [];
  /** Lists that lacked a report, and responses that should not happen. */
  readonly surprises: string[] = [];
  readonly #runs: string;
  readonly #token: string;
  readonly #over: Promise<unknown>;
  #isStopped = false;

  /** `runs`: the URL of an environment's runs. */
  constructor(runs: string, token: string, callers: number) {
    this.#runs = runs;
    this.#token = token;
    this.#over = Promise.all(Array.from({ length: callers }, () => this.#call()));
  }

  /** Resolves when no request is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#over;
  }

  async #call(): Promise<void> {
    while (!this.#isStopped) {
      const token = this.#token;
      const made = await this.#told<CreatedRun>(201, "POST", this.#runs, { token, body: { actionName: "deploy" } });
      const { id, callback } = made.body;
      const report = { token: callback.token, body: { status: "succeeded" } };
      await this.#told<ActionRun>(200, "POST", callback.url, report);
      this.ended.push(id);
      const list = await this.#told<ActionRun[]>(200, "GET", `${this.#runs}?limit=${PAGE}`, { token });
      const shown = list.body.find((run) => run.id === id)?.status ?? "no run";
      if (shown !== "succeeded" && !list.isStale)
        this.surprises.push(`a list shows ${shown} after the report of ${id}`);
      await delay(PAUSE_MS);
    }
  }

  /** Repeats the request with its key until it gets an answer. */
  async #told<T>(status: number, method: string, url: string, { token, body }: Asked): Promise<Told<T>> {
    const headers = new Headers({ Authorization: `Bearer ${token}`, "Content-Type": "application/json" });
    if (method === "POST") headers.set("Idempotency-Key", randomUUID());
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    for (;;) {
      const answer = await fetch(url, init).catch(() => null);
      const text = await answer?.text().catch(() => undefined);
      if (answer != null && text !== undefined && answer.status === status)
        return { body: JSON.parse(text) as T, isStale: answer.headers.has("Action-Runs-Stale") };
      // A server that has just started again may not reach everything yet.
      if (answer != null && answer.status !== 503) {
        this.surprises.push(`${method} ${url} ${answer.status} ${text}`);
        throw new Error(this.surprises.at(-1));
      }
      await delay(GONE_MS);
    }
  }
}
