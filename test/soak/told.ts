/**
 * The end of a soak, for webhook endpoints: each end that D1 has was sent to each endpoint that asked for it, and to no
 * other. What an endpoint did not get yet is in its deliveries.
 */

import { setTimeout as delay } from "node:timers/promises";
import { comparedWith, isOutcome, mustHearOfChange } from "./changes-heard.ts";
import { deliveriesOf } from "./deliveries.ts";
import { CHANGES_LABEL, type EndpointName, type Endpoints } from "./endpoints.ts";
import type { EndedRow } from "./landing.ts";
import type { Mailbox, Receiver } from "./receiver.ts";
import type { Stage } from "./stage.ts";

/** A lost attempt has a lease of 30 s, and an endpoint that failed gets one trial request a minute. */
const NOTIFIED_WITHIN_MS = 150_000;
/** A delivery whose next attempt is later than this is sent again, because its schedule knows waits of hours. */
const FAR_MS = 40_000;
const NUDGED_EVERY_MS = 10_000;
const POLL_MS = 2000;
/** A run can end while these checks are made. Its delivery arrives before its row is replicated. */
const REPLICATED_WITHIN_MS = 20_000;

export class NotifiedCheck {
  readonly #stage: Stage;
  readonly #receiver: Receiver;
  readonly #endpoints: Endpoints;
  readonly #rows: () => readonly EndedRow[];
  readonly #since = Date.now();

  /** `rows`: the ended runs that D1 has now. */
  constructor(stage: Stage, receiver: Receiver, endpoints: Endpoints, rows: () => readonly EndedRow[]) {
    this.#stage = stage;
    this.#receiver = receiver;
    this.#endpoints = endpoints;
    this.#rows = rows;
  }

  async run(): Promise<void> {
    await this.#waitUntilNotified();
    await this.#waitUntilReplicated();
    this.#checkDeliveries();
    this.#checkFilter();
    this.#checkMoved();
  }

  /** Whom each end must have reached by now. */
  #unheard(rows: readonly EndedRow[]): { readonly name: EndpointName; readonly row: EndedRow }[] {
    const life = this.#endpoints.lives.at(-1);
    const sinceLife = rows.filter(({ completedAt }) => completedAt > (life?.storedAt ?? 0));
    const changed = mustHearOfChange(rows).filter(({ labels }) => labels.includes(CHANGES_LABEL));
    const must = { all: rows, moved: sinceLife, changes: changed };
    return (Object.keys(must) as (keyof typeof must)[]).flatMap((name) => {
      const { heard } = this.#endpoints.mailbox(name);
      return must[name].filter(({ id }) => !heard.get(id)?.isTaken).map((row) => ({ name, row }));
    });
  }

  async #waitUntilNotified(): Promise<void> {
    let left = this.#unheard(this.#rows());
    let nudgedAt = Date.now();
    while (left.length > 0 && Date.now() - this.#since < NOTIFIED_WITHIN_MS) {
      await delay(POLL_MS);
      if (Date.now() - nudgedAt > NUDGED_EVERY_MS) {
        await this.#sendFarOnesAgain(new Set(left.map(({ name }) => name)));
        nudgedAt = Date.now();
      }
      left = this.#unheard(this.#rows());
    }
    for (const name of new Set(left.map((one) => one.name))) {
      const deliveries = await deliveriesOf(this.#endpoints, name);
      for (const { row } of left.filter((one) => one.name === name)) {
        const delivery = JSON.stringify(deliveries.get(row.id) ?? "no delivery");
        const compared = name === "changes" ? comparedWith(this.#rows(), row) : [];
        this.#violation(`UNSAID: ${name} was not told of ${row.text}, and has ${delivery}`, row.id, compared);
      }
    }
  }

  async #sendFarOnesAgain(names: ReadonlySet<EndpointName>): Promise<void> {
    for (const name of names) {
      for (const { runId, nextAttemptAt } of (await deliveriesOf(this.#endpoints, name, "waiting")).values()) {
        if (nextAttemptAt === null || Date.parse(nextAttemptAt) - Date.now() < FAR_MS) continue;
        await this.#endpoints.ask("POST", `webhook-endpoints/${name}/deliveries/${runId}/resend`, {});
        this.#stage.record.count("deliveries sent again before their time");
      }
    }
  }

  async #waitUntilReplicated(): Promise<void> {
    const since = Date.now();
    const isLacking = () => {
      const ids = new Set(this.#rows().map(({ id }) => id));
      return this.#mailboxes().some(({ heard }) => [...heard.keys()].some((id) => !ids.has(id)));
    };
    while (isLacking() && Date.now() - since < REPLICATED_WITHIN_MS) await delay(POLL_MS);
  }

  /** Each delivery tells what D1 has. */
  #checkDeliveries(): void {
    const rows = new Map(this.#rows().map((row) => [row.id, row]));
    for (const mailbox of this.#mailboxes()) {
      for (const id of mailbox.heard.keys()) {
        const row = rows.get(id);
        const text = this.#receiver.texts.get(id);
        if (row?.text !== text) this.#violation(`TOLD WRONG: ${mailbox.url} heard ${text}, D1 has ${row?.text}`, id);
      }
    }
  }

  #checkFilter(): void {
    const rows = this.#rows();
    const { heard } = this.#endpoints.mailbox("changes");
    const wanted = rows.filter((row) => isOutcome(row) && row.labels.includes(CHANGES_LABEL));
    const ids = new Set(wanted.map(({ id }) => id));
    for (const id of heard.keys()) {
      if (!ids.has(id)) this.#violation(`UNWANTED: the filter does not match ${id}`, id);
    }
    const missed = wanted.filter(({ id }) => !heard.has(id)).length;
    this.#stage.record.count("ends without a change that were not sent", missed);
  }

  /**
   * An attempt leaves only when the journal has all deliveries of its run. So a run of which anybody heard before an
   * endpoint was made again is none of that endpoint's business, and neither is one that was created after its end. But
   * while the database can't be read that knows endpoints, deliveries go to those that it had before.
   */
  #checkMoved(): void {
    const rows = new Map(this.#rows().map((row) => [row.id, row]));
    for (const { mailbox, askedAt, deletedAt } of this.#endpoints.lives) {
      const others = this.#mailboxes().filter((other) => other !== mailbox);
      for (const [id, { firstAt }] of mailbox.heard) {
        const first = Math.min(...others.map(({ heard }) => heard.get(id)?.firstAt ?? Infinity));
        if (first < askedAt)
          this.#violation(`WRONG OWNER: ${mailbox.url} heard of a run that was told before it was made`, id);
        const isLater = deletedAt !== null && (rows.get(id)?.createdAt ?? 0) > deletedAt;
        if (isLater && !this.#stage.disturbances.hidDefinitions(deletedAt, firstAt))
          this.#violation(`WRONG OWNER: ${mailbox.url} heard of a run that began after it was deleted`, id);
      }
    }
  }

  #mailboxes(): readonly Mailbox[] {
    const lives = this.#endpoints.lives.map(({ mailbox }) => mailbox);
    const others = (["all", "flaky", "changes"] as const).map((name) => this.#endpoints.mailbox(name));
    return [...others, ...lives];
  }

  #violation(sentence: string, runId: string, more: readonly string[] = []): void {
    const story = [...(this.#stage.runs.get(runId)?.story ?? []), ...more];
    this.#stage.record.violation(sentence, story, this.#since);
  }
}
