/**
 * People who cancel and retry many runs at once, in an environment of their own. In each round, an actor makes runs,
 * begins one or two operations over them, disturbs the operations, and judges what came of each run.
 */

import { setTimeout as delay } from "node:timers/promises";
import { forAll, type Random } from "../requests.ts";
import type { Stage } from "../stage.ts";
import { type Begun, type BulkOperation, contradiction, isOver, type Order, stepBack } from "./bulk-operation.ts";
import {
  BULK_ENVIRONMENT,
  BulkEnvironment,
  type Kind,
  type MadeRun,
  PLANS,
  type Plan,
  type Round,
  reportedMeanwhile,
} from "./bulk-plans.ts";
import { BulkVerdict } from "./bulk-verdict.ts";

const ACTORS = 4;
const POLL_MS = 300;
const REPEATED_AFTER_MS = 1000;
/** A step whose answer was lost has a lease of 60 s, and the next step can be lost as well. */
const ENDED_WITHIN_MS = 420_000;
/** How often all connections of an actor send one request at the same time. */
const CROWDED = 0.3;
const CROWD = 8;
/** How often the coordinator that drives an operation is evicted within its first seconds. */
const EVICTED = 0.4;
const EVICTED_WITHIN_MS = 4000;
/** How many runs are reported, retried and created while operations meet them. */
const MEANWHILE = 3;
/** A run of the second after a request may be in the set. */
const SURELY_LATER_MS = 1200;

/** What becomes of an operation while it is under way. */
interface Watch {
  /** When the operation has decided a run, or is over. */
  readonly onDecided: () => Promise<void>;
}

export class BulkRounds {
  readonly environment: BulkEnvironment;
  readonly verdict: BulkVerdict;
  readonly #stage: Stage;
  readonly #random: Random;
  /** Operations that nobody follows before the end of the soak. */
  readonly #left = new Set<Begun>();
  #made = 0;

  constructor(stage: Stage, random: Random) {
    this.#stage = stage;
    this.#random = random;
    this.environment = new BulkEnvironment(stage, random);
    this.verdict = new BulkVerdict(stage, this.environment);
  }

  async run(signal: AbortSignal): Promise<void> {
    const act = async (_: unknown, n: number) => {
      // Each actor begins with another plan, so that a short soak has all of them.
      for (let at = n * 3; !signal.aborted; at++) {
        await this.#stage.disturbances.goOn;
        const plan = PLANS[at % PLANS.length];
        if (plan !== undefined) await this.#play(plan);
      }
    };
    await Promise.all(Array.from({ length: ACTORS }, act));
  }

  /** Judges what nobody has followed. Call it when nobody begins anything any more. */
  async finish(): Promise<void> {
    await forAll([...this.#left], async (begun) => {
      const operation = await this.follow(begun);
      if (operation !== null) await this.verdict.judge(begun, operation, [...begun.order.may.keys()]);
    });
  }

  async #play(plan: Plan): Promise<void> {
    const { environment } = this;
    const label = `round-${this.#made++}`;
    const kinds = Object.entries(plan.kinds).flatMap(([kind, n]) => Array<Kind>(n).fill(kind as Kind));
    const runs = await forAll(kinds, (kind) => environment.make(kind, label));
    const retried = plan.name === "a retry by ids" ? await this.#retrySome(runs, `${label}-before`) : [];
    const revocable = plan.isRevoked === true ? await environment.createToken({ name: label }) : { id: "", token: "" };
    const round: Round = {
      label,
      runs,
      retried: new Set(retried),
      portal: environment.portal,
      token: revocable.token,
      random: this.#random,
    };
    const onDecided = async () => {
      if (plan.isRevoked === true) await environment.revoke(revocable.id);
    };
    const later: MadeRun[] = [];
    const watched = await Promise.all(
      plan.orders(round).map(async (order) => {
        const begun = await this.begin(order);
        const stop = () => environment.ask([200], begun.story, "POST", `bulk-operations/${begun.id}/cancel`);
        const watch = { onDecided: plan.isStopped === true ? async () => void (await stop()) : onDecided };
        void this.#evict();
        if (plan.isBusy === true) later.push(...(await this.#disturb(round, order)));
        return { begun, operation: await this.follow(begun, watch) };
      }),
    );
    const ids = [...runs, ...later].map(({ id }) => id);
    for (const { begun, operation } of watched) {
      if (operation !== null) await this.verdict.judge(begun, operation, ids);
      if (plan.isOneQueue === true) this.verdict.judgeQueue(begun, ids);
    }
    this.#stage.record.count(`bulk rounds: ${plan.name}`);
  }

  /** Several requests with one key begin one operation. */
  async begin(order: Order): Promise<Begun> {
    const sentAt = Date.now();
    const story: string[] = [];
    const { token, person, environment, body, mark } = order;
    const more = { body, key: mark, person, ...(token !== null && { token }) };
    const send = async () => {
      for (;;) {
        const answer = await this.environment.ask([202, 409], story, "POST", "bulk-operations", more, environment);
        if (answer.status === 202) return (answer.body as BulkOperation).id;
        this.#stage.record.count(`bulk operations refused: ${(answer.body as { readonly code: string }).code}`);
        await delay(this.#random() * REPEATED_AFTER_MS);
      }
    };
    const senders = this.#random() < CROWDED ? CROWD : 1;
    const ids = new Set(await Promise.all(Array.from({ length: senders }, send)));
    const [id = ""] = ids;
    if (ids.size > 1) this.#stage.record.violation(`TWO OPERATIONS: ${[...ids].join()}`, story, sentAt);
    const begun = { order, id, sentAt, story };
    this.#stage.bulk.push(begun);
    this.#left.add(begun);
    this.#stage.record.count(`bulk operations begun: ${body.operation}`);
    return begun;
  }

  /** The operation when it is over; null if it never is. */
  async follow(begun: Begun, { onDecided }: Watch = { onDecided: async () => {} }): Promise<BulkOperation | null> {
    const { order, id, sentAt, story } = begun;
    const { record } = this.#stage;
    this.#left.delete(begun);
    const since = Date.now();
    let before: BulkOperation | null = null;
    let isTold = false;
    for (;;) {
      const answer = await this.environment.ask([200], story, "GET", `bulk-operations/${id}`, {}, order.environment);
      const operation = answer.body as BulkOperation;
      const wrong = contradiction(operation) ?? (before === null ? null : stepBack(before, operation));
      if (wrong !== null)
        record.violation(`MISCOUNTED: ${wrong}: ${JSON.stringify([before, operation])}`, story, sentAt);
      before = operation;
      if (!isTold && (isOver(operation) || operation.counts.accepted > 0)) {
        isTold = true;
        await onDecided();
      } else if (isOver(operation)) {
        record.count(`bulk operations ended: ${operation.abortReason ?? operation.status}`);
        return operation;
      }
      if (Date.now() - since > ENDED_WITHIN_MS) {
        record.violation(`STANDS STILL: ${JSON.stringify(operation)}`, story, sentAt);
        return null;
      }
      await delay(POLL_MS);
    }
  }

  /** Reports some of its runs, retries some, and creates runs that no operation may meet, because it began before. */
  async #disturb({ runs, label }: Round, order: Order): Promise<MadeRun[]> {
    const some = runs.slice(0, MEANWHILE);
    if (order.body.operation === "retry") await this.#retrySome(runs, order.mark);
    else {
      for (const { id } of some) reportedMeanwhile(order, id);
      await forAll(some, (run) => this.environment.report(run));
    }
    await delay(SURELY_LATER_MS);
    return forAll(Array(MEANWHILE).fill("pending"), (kind: Kind) => this.environment.make(kind, label));
  }

  /** One by one, as people do. Returns the ids of the runs that were retried. */
  async #retrySome(runs: readonly MadeRun[], key: string): Promise<string[]> {
    const some = runs.filter(({ kind }) => kind === "failed").slice(0, MEANWHILE);
    await forAll(some, async ({ id, story }) => {
      const asked = { body: {}, key: `${key}-${id}` };
      await this.environment.ask([201], story, "POST", `action-runs/${id}/retry`, asked);
    });
    return some.map(({ id }) => id);
  }

  async #evict(): Promise<void> {
    if (this.#random() >= EVICTED) return;
    await delay(this.#random() * EVICTED_WITHIN_MS);
    await this.#stage.disturbances.evictNow(BULK_ENVIRONMENT, "evictions that hit a bulk operation");
  }
}
