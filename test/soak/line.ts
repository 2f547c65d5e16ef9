/**
 * How one caller of a soak reaches the service: through one isolate or another. Knows which failures a disturbance
 * excuses, and sends a request again until it gets an expected response.
 */

import { setTimeout as delay } from "node:timers/promises";
import { type Answer, type Ask, ask, type Random, urlOf } from "./requests.ts";
import type { Details, Step, Verdict } from "./run-model.ts";
import type { Created, OwnRun, Stage } from "./stage.ts";

const HANG_UP_MAX_MS = 25;

export interface Sent {
  readonly answer: Answer | null;
  readonly sentAt: number;
  readonly tookMs: number;
  readonly hungUp: boolean;
}

/** A request to the environment's part of the API. */
export interface Asked extends Omit<Ask, "url"> {
  readonly environment: string;
  /** Below the environment. */
  readonly path: string;
}

export class Line {
  readonly #stage: Stage;
  readonly #n: number;
  readonly #random: Random;

  constructor(stage: Stage, n: number, random: Random) {
    this.#stage = stage;
    this.#n = n;
    this.#random = random;
  }

  async send(what: string, story: string[], asked: Asked): Promise<Sent> {
    const { site, record } = this.#stage;
    await site.up;
    const isolate = this.#random() < 0.5 ? 0 : 1;
    const mayHangUp = asked.method !== "GET" && this.#random() < 0.04;
    const hangUpAfterMs = mayHangUp ? this.#random() * HANG_UP_MAX_MS : null;
    const sentAt = Date.now();
    const answer = await ask({
      ...asked,
      url: urlOf(site.origins[isolate] ?? "", asked.environment, asked.path),
      hangUpAfterMs,
    });
    const tookMs = Date.now() - sentAt;
    record.requests++;
    record.count(what.replace(/ \d+-\d+$/, ""));
    if (answer === null) record.count("requests without an answer");
    if (what === "get" && answer !== null && tookMs > record.slowestGet.ms)
      record.slowestGet = { ms: tookMs, what: `${record.clock(sentAt)}, isolate ${isolate}` };
    const told = answer === null ? "no answer" : describe(answer);
    const key = typeof asked.key === "string" ? ` with key ${asked.key}` : "";
    record.tell(
      story,
      `${record.clock(sentAt)} caller ${this.#n}, isolate ${isolate}: ${what}${key} -> ${told}${answer?.isStale ? ", stale" : ""}, ${tookMs} ms`,
    );
    return { answer, sentAt, tookMs, hungUp: hangUpAfterMs !== null };
  }

  /** Asks for a list or a summary. Null if the answer is a failure, which is judged. */
  async read(
    what: string,
    story: string[],
    path: string,
    environment: string,
  ): Promise<(Sent & { readonly answer: Answer }) | null> {
    const { record, disturbances, site } = this.#stage;
    const sent = await this.send(what, story, { method: "GET", path, token: site.rootToken, environment });
    const { answer, sentAt } = sent;
    if (answer === null) {
      this.judgeNoAnswer(story, sent);
      return null;
    }
    if (answer.status !== 200) {
      if (!disturbances.metFault(sentAt) && !disturbances.metKill(sentAt))
        record.violation(`a ${what} was answered with ${describe(answer)}`, story, sentAt);
      return null;
    }
    return { ...sent, answer };
  }

  /** Judges the run that an answer shows, with its details if it has any. */
  judgeShown(run: OwnRun, sent: Sent, least: Step, wasAsked: boolean): void {
    if (sent.answer === null) return;
    const { callback: _, details, ...shown } = sent.answer.body as Created;
    this.judge(run, sent, run.model.shown(shown, least, Date.now()));
    this.judgeDetails(run, sent, details, wasAsked);
  }

  judgeDetails(run: OwnRun, sent: Sent, details: Details | undefined, wasAsked: boolean): void {
    if (details !== undefined) this.judge(run, sent, run.model.detailed(details, wasAsked));
  }

  judge(run: OwnRun, sent: Sent, verdict: Verdict): void {
    if (verdict !== null) this.#stage.record.violation(verdict, run.story, sent.sentAt);
  }

  /** Judges any answer that is neither a success nor a refusal. */
  judgeFailure(run: OwnRun, sent: Sent): void {
    const { answer, sentAt } = sent;
    if (answer === null) this.judgeNoAnswer(run.story, sent);
    else if (!this.mayFail(sent, run.environment, run))
      this.#stage.record.violation(`answered with ${describe(answer)}`, run.story, sentAt);
  }

  judgeNoAnswer(story: readonly string[], { hungUp, sentAt }: Sent): void {
    const { disturbances, record } = this.#stage;
    if (!hungUp && !disturbances.metKill(sentAt))
      record.violation("no answer came, although workerd runs", story, sentAt);
  }

  /**
   * A kill or an eviction excuses a failure that says the coordinator was out of reach. A fault excuses a failure to
   * read the stored action of a new run.
   */
  mayFail({ answer, sentAt }: Sent, environment: string, run: OwnRun | null): boolean {
    const { code } = (answer?.body ?? {}) as { readonly code?: string };
    const { disturbances } = this.#stage;
    if (code === "database_unavailable" && run === null)
      return disturbances.metFault(sentAt) || disturbances.metKill(sentAt);
    if (code !== "coordinator_unavailable") return false;
    const isExcused = disturbances.metDisturbance(sentAt, environment);
    if (isExcused) this.#stage.record.count("coordinator_unavailable after an eviction or a kill");
    return isExcused;
  }
}

export function describe({ status, body }: Answer): string {
  const { code, status: shown } = (body ?? {}) as { readonly code?: string; readonly status?: string };
  return `${status} ${code ?? shown ?? (Array.isArray(body) ? `${body.length} runs` : "")}`;
}

const RETRY_MS = 300;

/** A request of the operator, or of `token`. */
export type Insisted = Omit<Ask, "token"> & { readonly token?: string };

/** A 503 is never a violation. Every other unexpected response is one. */
export async function insist(
  { site, record }: Pick<Stage, "site" | "record">,
  expected: readonly number[],
  story: string[],
  asked: Insisted,
): Promise<Answer> {
  for (;;) {
    await site.up;
    const sentAt = Date.now();
    const answer = await ask({ token: site.rootToken, ...asked });
    const told = answer === null ? "no answer" : describe(answer);
    record.tell(story, `${record.clock(sentAt)} ${asked.method} ${new URL(asked.url).pathname} -> ${told}`);
    if (answer !== null && expected.includes(answer.status)) return answer;
    if (answer !== null && answer.status !== 503)
      record.violation(`answered with ${told}: ${JSON.stringify(answer.body)}`, story, sentAt);
    await delay(RETRY_MS);
  }
}
