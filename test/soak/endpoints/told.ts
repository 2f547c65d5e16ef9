/**
 * The end of a soak, for webhook endpoints: each end that D1 has was sent to each endpoint that asked for it, and to no
 * other. What an endpoint did not get yet is in its deliveries. If its receiver was not well, each end has a delivery that
 * says what the receiver knows, and a recovery brings back what was given up.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { EndedRow } from "../replicated.ts";
import type { Stage } from "../stage.ts";
import { CHANGES_LABEL, type EndpointName, type Endpoints } from "./endpoints.ts";
import type { Mailbox, Receiver } from "./receiver.ts";

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

/** The clock may step by so much, and an alarm may be so late. */
const SURELY_MS = 5000;

/**
 * Of all ended runs of an environment: those that succeeded or failed, and which the endpoint must hear of. An end that
 * may have been the same as the one before it is missing, because instants don't tell the order of two ends for sure.
 */
export function mustHearOfChange(rows: readonly EndedRow[]): readonly EndedRow[] {
  return outcomesOf(rows).flatMap((group) =>
    group.filter((row) => perhapsBefore(group, row).every(({ status }) => status !== row.status)),
  );
}

/** The outcomes of each action, in the order of their ends. */
function outcomesOf(rows: readonly EndedRow[]): readonly (readonly EndedRow[])[] {
  const inOrder = rows.filter(isOutcome).toSorted((a, b) => a.completedAt - b.completedAt);
  return [...Map.groupBy(inOrder, ({ actionName, isStored }) => `${actionName} ${isStored}`).values()];
}

export function isOutcome({ status }: EndedRow): boolean {
  return status === "succeeded" || status === "failed";
}

/**
 * Those of which each may have been the last that ended before the row. A timeout has the instant of its deadline, and
 * ends some time after it. So it may have come after a run with a later instant.
 */
function perhapsBefore(rows: readonly EndedRow[], row: EndedRow): readonly EndedRow[] {
  const before = rows.filter(({ id, completedAt }) => id !== row.id && completedAt <= row.completedAt + SURELY_MS);
  const last = before.findLast(({ isTimeout, completedAt }) => !isTimeout && completedAt + SURELY_MS < row.completedAt);
  const lastAt = last?.completedAt ?? Number.NEGATIVE_INFINITY;
  return before.filter(({ completedAt }) => completedAt > lastAt - SURELY_MS);
}

/** What the row may have been compared with, to understand a violation. */
export function comparedWith(rows: readonly EndedRow[], row: EndedRow): readonly string[] {
  const group = outcomesOf(rows).find((outcomes) => outcomes.some(({ id }) => id === row.id)) ?? [];
  return perhapsBefore(group, row).map(
    ({ id, status, completedAt, isTimeout }) =>
      `before it, perhaps: ${id} ${status} ${new Date(completedAt).toISOString()}${isTimeout ? ", a timeout" : ""}`,
  );
}

const PAGE = 100;

export interface Delivery {
  readonly runId: string;
  readonly state: "waiting" | "delivered" | "failed";
  readonly nextAttemptAt: string | null;
}

/** All of them, or those in one state, by run. Throws if one run has two. */
export async function deliveriesOf(
  endpoints: Endpoints,
  name: EndpointName,
  state?: Delivery["state"],
): Promise<ReadonlyMap<string, Delivery>> {
  const found = new Map<string, Delivery>();
  const query = new URLSearchParams({ limit: String(PAGE), ...(state !== undefined && { state }) });
  let next: string | null = `webhook-endpoints/${name}/deliveries?${query}`;
  while (next !== null) {
    const page = await endpoints.ask("GET", next);
    for (const delivery of page.body as Delivery[]) {
      if (found.has(delivery.runId)) throw new Error(`${name} lists the delivery of ${delivery.runId} twice`);
      found.set(delivery.runId, delivery);
    }
    next = page.next;
  }
  return found;
}

const RECOVERED_WITHIN_MS = 90_000;
const RECOVERY_POLL_MS = 500;

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
      await delay(RECOVERY_POLL_MS);
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
      if (recover?.isOver !== true && !isLate) await delay(RECOVERY_POLL_MS);
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
