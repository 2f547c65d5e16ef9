/**
 * How one caller of a soak reaches the service: through one isolate or another, with the bookmarks that it was given.
 * Knows which changes a list must show, and which failures a disturbance excuses.
 */

import { saysBehind } from "./bookmark.ts";
import type { Random } from "./random.ts";
import { type Answer, type Ask, ask, urlOf } from "./requests.ts";
import { type Details, type Step, stepOf, type Verdict } from "./run-model.ts";
import type { Created, Detailed, OwnRun, Stage } from "./stage.ts";

const HANG_UP_MAX_MS = 25;
const NAMED_MAX = 100;
/** A Worker remembers its changes for 5 s. One second less, because clocks of two processes differ. */
const REMEMBERED_MS = 4000;

/** What an acknowledged change showed: how far the run was, and whether it was asked to stop. */
export interface Changed {
  readonly run: OwnRun;
  readonly step: Step;
  readonly wasAsked: boolean;
}

export interface Sent {
  readonly answer: Answer | null;
  readonly sentAt: number;
  readonly isolate: number;
  readonly hungUp: boolean;
}

/** A request to the environment's part of the API. */
export interface Asked extends Omit<Ask, "url"> {
  readonly environment: string;
  /** Below the environment. */
  readonly path: string;
  readonly isolate?: number;
  readonly withoutBookmark?: boolean;
}

export class Line {
  readonly #stage: Stage;
  readonly #n: number;
  readonly #random: Random;
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

  async send(what: string, story: string[], asked: Asked): Promise<Sent> {
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
      url: urlOf(site.origins[isolate] ?? "", environment, asked.path),
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

  acknowledged(run: OwnRun, { answer, isolate, sentAt }: Sent): void {
    const { record, site } = this.#stage;
    record.acknowledged++;
    // A caller that got no bookmark was promised nothing about lists.
    if (answer === null || answer.bookmark === null) return;
    // What the answer shows, and not what is known by now, because others may have changed the run meanwhile.
    const { status, details } = answer.body as Detailed;
    const changed = { run, step: stepOf(status), wasAsked: details !== undefined && details.cancel !== null };
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

  /** Asks D1. Null if the answer is a failure, which is judged. `expected`: the changes that the answer must show. */
  async read(
    what: string,
    story: string[],
    path: string,
    environment: string,
    withBookmark: boolean,
  ): Promise<{ answer: Answer; sentAt: number; expected: readonly Changed[] } | null> {
    const { record, disturbances, site } = this.#stage;
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
    const sent = await this.send(what, story, {
      method: "GET",
      path,
      token: site.rootToken,
      environment,
      isolate,
      withoutBookmark: !withBookmark,
    });
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
    const isBehind = saysBehind(answer.bookmark);
    if (isBehind) record.count("lists and summaries that said they may be behind");
    const known = withBookmark ? named : remembered.filter(({ start }) => start === site.starts);
    const expected = known.filter(({ run: { model } }) => !isBehind && !disturbances.mayBeRefused(model.id));
    return { answer, sentAt, expected };
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

  #isolate(): number {
    return this.#random() < 0.5 ? 0 : 1;
  }
}

export function describe({ status, body }: Answer): string {
  const { code, status: shown } = (body ?? {}) as { readonly code?: string; readonly status?: string };
  return `${status} ${code ?? shown ?? (Array.isArray(body) ? `${body.length} runs` : "")}`;
}
