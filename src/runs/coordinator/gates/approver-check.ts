/**
 * Asks D1 whether approvers' tokens were revoked, before a run is released. Only the critical section that an answer
 * begins releases a run with approvals, so an approval never counts whose revocation was acknowledged before the
 * question. While D1 does not answer, approvals count, and the timeline says so.
 */

import { within } from "../../../base/time.ts";
import { selectRevoked } from "../../d1/control-database.ts";
import { type Actor, type Approval, isWaiting, type Run } from "../../run.ts";
import type { RunReply } from "../../run-calls.ts";
import { Part } from "../context.ts";

const CHECK_MAX_MS = 2500;
/** After this time without an answer, the platform has lost the question. */
const LOST_MS = 2 * CHECK_MAX_MS;
const CHECKED_RUNS = 200;

/** `asked`: ids of approvers and of the tokens above them. `revoked`: null if D1 did not answer. */
interface Answer {
  readonly asked: ReadonlySet<string>;
  readonly revoked: ReadonlySet<string> | null;
}

const NOTHING: Answer = { asked: new Set(), revoked: new Set() };

export class ApproverCheck extends Part {
  /** Called in the critical section that an answer about these runs has begun. Never throws. Set once. */
  scheduler: { approversKnown(runIds: readonly string[], now: number): void } | null = null;
  #answer = NOTHING;
  readonly #wanted = new Map<string, readonly Approval[]>();
  readonly #asked = new Set<string>();
  #busySince: number | null = null;

  /** Whether a run with these approvals may do nothing in this critical section. */
  isUnchecked(approvals: readonly Approval[]): boolean {
    const { asked } = this.#answer;
    const isOpen = lineOf(approvals).some((id) => !asked.has(id));
    return isOpen || this.revokedOf(approvals).length > 0;
  }

  /** Those of the approvals that don't count any more, as this critical section knows. */
  revokedOf(approvals: readonly Approval[]): readonly Approval[] {
    const { revoked } = this.#answer;
    return approvals.filter((approval) => lineOf([approval]).some((id) => revoked?.has(id)));
  }

  isUnknown(approvals: readonly Approval[]): boolean {
    return this.#answer.revoked === null && lineOf(approvals).length > 0;
  }

  /** If the approvals of a run change meanwhile, it is asked about again. */
  start(runs: readonly Pick<Run, "id" | "approvals">[], now: number): void {
    for (const { id, approvals } of runs) if (!this.#asked.has(id)) this.#wanted.set(id, approvals);
    if (this.#wanted.size === 0 || this.isBusy) return;
    this.#busySince = now;
    void this.#run();
  }

  /** Approvals of revoked tokens are withdrawn before, in the same critical section. `by`: who decides now. */
  async before(runId: string, by: Actor | null, decide: () => RunReply): Promise<RunReply> {
    const run = this.journal.runs.byId(runId);
    const given = by === null ? [] : [{ by, at: 0, reason: null }];
    const approvals = run === null ? [] : [...run.approvals, ...given];
    if (run === null || !isWaiting(run) || lineOf(approvals).length === 0) return decide();
    const answer = await this.#ask(approvals);
    return this.#withAnswer(answer, () => {
      this.scheduler?.approversKnown([runId], Date.now());
      // An isolate may still know a token that was revoked.
      if (this.revokedOf(given).length > 0) return { ok: false, reason: "token_invalid" };
      return decide();
    });
  }

  /** Reads in a critical section that knows which of the run's approvals count. Changes nothing. */
  async reading<T>(runId: string, read: () => T): Promise<T> {
    const approvals = this.journal.runs.byId(runId)?.approvals ?? [];
    if (lineOf(approvals).length === 0) return read();
    return this.#withAnswer(await this.#ask(approvals), read);
  }

  get isBusy(): boolean {
    return this.#busySince !== null;
  }

  /** When the alarm must look, in case the object dies; Infinity if no question is under way. */
  nextAt(): number {
    return this.#busySince === null ? Number.POSITIVE_INFINITY : this.#busySince + LOST_MS;
  }

  /** The runs of a lost question are forgotten, and must be found again. */
  forgetLost(now: number): boolean {
    const isLost = now >= this.nextAt();
    if (isLost) {
      this.#busySince = null;
      this.#asked.clear();
    }
    return isLost;
  }

  async #run(): Promise<void> {
    // The critical section that began this goes on, and can want more runs.
    await null;
    while (this.#wanted.size > 0) {
      const runs = [...this.#wanted].slice(0, CHECKED_RUNS);
      const ids = runs.map(([id]) => id);
      for (const id of ids) {
        this.#wanted.delete(id);
        this.#asked.add(id);
      }
      const answer = await this.#ask(runs.flatMap(([, approvals]) => approvals));
      this.#asked.clear();
      const now = Date.now();
      this.#busySince = now;
      this.#withAnswer(answer, () => this.scheduler?.approversKnown(ids, now));
    }
    this.#busySince = null;
  }

  async #ask(approvals: readonly Approval[]): Promise<Answer> {
    const asked: ReadonlySet<string> = new Set(lineOf(approvals));
    const { scope } = this.journal;
    const project = scope.slice(0, scope.lastIndexOf("/"));
    try {
      const select = () => selectRevoked(this.context.env.DB, project, [...asked]);
      const revoked = asked.size === 0 ? [] : await within(CHECK_MAX_MS, select());
      return { asked, revoked: new Set(revoked) };
    } catch (error) {
      this.logFailure("approvers_unchecked", error);
      return { asked, revoked: null };
    }
  }

  #withAnswer<T>(answer: Answer, work: () => T): T {
    this.#answer = answer;
    try {
      return work();
    } finally {
      this.#answer = NOTHING;
    }
  }
}

/** The ids of the tokens that gave the approvals, and of those above them. The operator can't be revoked. */
function lineOf(approvals: readonly Approval[]): readonly string[] {
  return approvals.flatMap(({ by: { tokenId, parents } }) => (tokenId === "root" ? [] : [tokenId, ...parents]));
}
