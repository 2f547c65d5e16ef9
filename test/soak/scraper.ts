/**
 * Scrapes the metrics of each environment, as Prometheus does: no counter may fall, whatever fails meanwhile. At the
 * end, they must count exactly the ended runs that D1 has.
 */

import { setTimeout as delay } from "node:timers/promises";
import { urlOf } from "./requests.ts";
import type { Stage } from "./stage.ts";

/** More than the time for which a response is shared. */
const EVERY_MS = 11_000;
const COUNTED_WITHIN_MS = 45_000;
/** An endpoint that is made again counts anew. */
const MADE_AGAIN = 'endpoint="moved"';
const ENDED_TOTAL = /^action_runs_ended_total\{status="(\w+)"/;

export class Scraper {
  readonly #stage: Stage;
  /** By environment: the last value of each counter, by its name and labels. */
  readonly #last = new Map<string, Map<string, number>>();
  #scrapes = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await Promise.all(this.#stage.environments.map((environment) => this.#scrape(environment)));
      await delay(EVERY_MS, null, { signal }).catch(() => {});
    }
  }

  /** `endedRuns`: how many ended runs of an environment D1 has, by status. Runs whose time is up end meanwhile. */
  async check(endedRuns: (environment: string) => Readonly<Record<string, number>>): Promise<void> {
    for (const environment of this.#stage.environments) {
      const since = Date.now();
      let sentence = "there was no answer";
      for (let isSame = false; !isSame; await delay(isSame ? 0 : EVERY_MS)) {
        const counted: Record<string, number> = {};
        for (const [name, n] of (await this.#scrape(environment)) ?? []) {
          const [, status] = ENDED_TOTAL.exec(name) ?? [];
          if (status !== undefined && n > 0) counted[status] = (counted[status] ?? 0) + n;
        }
        const had = endedRuns(environment);
        sentence = `${environment}: metrics have ${JSON.stringify(counted)}, D1 has ${JSON.stringify(had)}`;
        isSame = Object.entries(had).every(([status, n]) => counted[status] === n);
        if (!isSame && Date.now() - since > COUNTED_WITHIN_MS) {
          this.#stage.record.violation(`MISCOUNTED: ${sentence}`, [], since);
          break;
        }
      }
    }
  }

  /** The counters; null if there was no answer. */
  async #scrape(environment: string): Promise<Map<string, number> | null> {
    const { site, record } = this.#stage;
    const sentAt = Date.now();
    const origin = site.origins[this.#scrapes++ % site.origins.length] ?? "";
    const headers = { Authorization: `Bearer ${site.rootToken}` };
    const response = await fetch(urlOf(origin, environment, "metrics"), { headers }).catch(() => null);
    record.count(`GET metrics: ${response?.status ?? "no answer"}`);
    const text = response?.status === 200 ? await response.text().catch(() => null) : null;
    if (text === null) return null;
    const lines = text.split("\n").filter((line) => /^\w+_(total|bucket|count|sum)\{/.test(line));
    const now = new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
    for (const [name, n] of this.#last.get(environment) ?? []) {
      if ((now.get(name) ?? 0) < n && !name.includes(MADE_AGAIN))
        record.violation(`COUNTER FELL: ${environment} ${name} from ${n} to ${now.get(name)}`, [], sentAt);
    }
    this.#last.set(environment, now);
    return now;
  }
}
