/**
 * The end of a soak, for an endpoint whose receiver was not well: each end has a delivery that says what the receiver
 * knows, and a recovery brings back what was given up. An endpoint that is well has nothing to recover.
 */

import { setTimeout as delay } from "node:timers/promises";
import { deliveriesOf } from "./deliveries.ts";
import type { Endpoints } from "./endpoints.ts";
import type { EndedRow } from "./landing.ts";
import type { Stage } from "./stage.ts";

const RECOVERED_WITHIN_MS = 90_000;
const POLL_MS = 500;

export class RecoveryCheck {
  readonly #stage: Stage;
  readonly #endpoints: Endpoints;
  readonly #rows: () => readonly EndedRow[];
  readonly #since = Date.now();

  /** `rows`: the ended runs that D1 has now. */
  constructor(stage: Stage, endpoints: Endpoints, rows: () => readonly EndedRow[]) {
    this.#stage = stage;
    this.#endpoints = endpoints;
    this.#rows = rows;
  }

  /** Call it when everything was told. `startedAt`: before the first run of the soak. */
  async run(startedAt: number): Promise<void> {
    await this.#checkFlaky();
    await this.#recoverFailed(startedAt);
    await this.#recoverMissing(startedAt);
  }

  /** Each run has a delivery, and each delivery says what the receiver knows. */
  async #checkFlaky(): Promise<void> {
    const rows = this.#rows();
    const { heard } = this.#endpoints.mailbox("flaky");
    const deliveries = await deliveriesOf(this.#endpoints, "flaky");
    for (const { id, text } of rows) {
      const delivery = deliveries.get(id);
      const { isTaken = false, isRefused = false } = heard.get(id) ?? {};
      const told = JSON.stringify(delivery);
      if (delivery === undefined) this.#violation(`UNSAID: flaky has no delivery of ${text}`, id);
      else this.#stage.record.count(`deliveries of the flaky endpoint: ${delivery.state}`);
      if (delivery?.state === "delivered" && !isTaken)
        this.#violation(`NOT DELIVERED: the receiver never said so, but it is ${told}`, id);
      if (delivery?.state === "failed" && !isRefused)
        this.#violation(`NOT REFUSED: the receiver never said so, but it is ${told}`, id);
    }
  }

  async #recoverFailed(startedAt: number): Promise<void> {
    const failed = await deliveriesOf(this.#endpoints, "flaky", "failed");
    const order = { since: new Date(startedAt).toISOString(), include: "failed" };
    await this.#endpoints.ask("POST", "webhook-endpoints/flaky/recover", order);
    this.#stage.record.count("failed deliveries recovered", failed.size);
    const since = Date.now();
    const left = () => deliveriesOf(this.#endpoints, "flaky", "failed");
    let still = await left();
    while (still.size > 0 && Date.now() - since < RECOVERED_WITHIN_MS) {
      await delay(POLL_MS);
      still = await left();
    }
    for (const [id, delivery] of still)
      this.#violation(`NOT RECOVERED: the receiver is well, but it is ${JSON.stringify(delivery)}`, id);
    const gone = await deliveriesOf(this.#endpoints, "flaky");
    for (const id of failed.keys()) {
      if (!gone.has(id)) this.#violation("NOT RECOVERED: the recovery has lost its delivery", id);
    }
  }

  /** Nothing was missed. */
  async #recoverMissing(startedAt: number): Promise<void> {
    const order = { since: new Date(startedAt).toISOString(), include: "missing" };
    const until = Date.now() + RECOVERED_WITHIN_MS;
    await this.#endpoints.ask("POST", "webhook-endpoints/all/recover", order);
    type Status = { readonly recover: { readonly messages: number; readonly isOver: boolean } | null };
    for (;;) {
      const { recover } = (await this.#endpoints.ask("GET", "webhook-endpoints/all/status")).body as Status;
      const isLate = Date.now() > until;
      if (recover?.isOver !== true && !isLate) await delay(POLL_MS);
      else {
        if (recover?.isOver !== true || recover.messages > 0)
          this.#violation(`UNSAID: a recovery of what all missed is ${JSON.stringify(recover)}`, "");
        return;
      }
    }
  }

  #violation(sentence: string, runId: string): void {
    const story = this.#stage.runs.get(runId)?.story ?? [];
    this.#stage.record.violation(sentence, story, this.#since);
  }
}
