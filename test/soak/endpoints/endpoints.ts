/**
 * The webhook endpoints of one environment: one whose receiver is well, one whose receiver is not, one that hears of
 * changes only, and one that is deleted and made again under its name. All are stored before the first run.
 */

import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { describe } from "../line.ts";
import { type Answer, type Ask, ask, type Random, urlOf } from "../requests.ts";
import type { Stage } from "../stage.ts";
import type { Mailbox, Manner, Receiver } from "./receiver.ts";

export type EndpointName = "all" | "flaky" | "changes" | "moved";

/** Only runs with this label, and only outcomes that changed. */
export const CHANGES_LABEL = "green";
const FILTERS: Readonly<Record<EndpointName, object>> = {
  all: { events: ["action_run.*"] },
  flaky: { events: ["action_run.*"] },
  changes: {
    events: ["action_run.succeeded", "action_run.failed"],
    labels: [CHANGES_LABEL],
    onlyOnChange: true,
    includeUnstored: true,
  },
  moved: { events: ["action_run.*"] },
};
const MOVES_AFTER_MS = [5000, 30_000] as const;
const GONE_MAX_MS = 3000;
const PAUSE_MS = 300;
const TRIES = 400;

/** One life of the endpoint that is made again and again. Instants by the soak's clock. */
export interface Life {
  readonly mailbox: Mailbox;
  /** When its first PUT was sent, and when one was answered. */
  readonly askedAt: number;
  readonly storedAt: number;
  /** When its DELETE was answered; null if it was not deleted. */
  deletedAt: number | null;
}

export class Endpoints {
  readonly environment: string;
  readonly lives: Life[] = [];
  readonly #stage: Stage;
  readonly #receiver: Receiver;
  readonly #random: Random;
  readonly #mailboxes = new Map<EndpointName, Mailbox>();

  constructor(stage: Stage, receiver: Receiver, environment: string, random: Random) {
    this.#stage = stage;
    this.#receiver = receiver;
    this.environment = environment;
    this.#random = random;
  }

  /** Stores all of them. */
  async store(): Promise<void> {
    await this.#put("all", this.#open("all", "reliable"));
    await this.#put("flaky", this.#open("flaky", "flaky"));
    await this.#put("changes", this.#open("changes", "reliable"));
    await this.#begin();
  }

  /** The URL that an endpoint has now. */
  mailbox(name: EndpointName): Mailbox {
    const mailbox = this.#mailboxes.get(name);
    if (mailbox === undefined) throw new Error(`${name} is not stored`);
    return mailbox;
  }

  /** Deletes one and makes it again with another URL, until the soak is over. */
  async move(signal: AbortSignal): Promise<void> {
    const [from, to] = MOVES_AFTER_MS;
    for (;;) {
      await delay(from + this.#random() * (to - from), null, { signal }).catch(() => {});
      if (signal.aborted) return;
      await this.#until([204, 404], "DELETE", "webhook-endpoints/moved");
      const last = this.lives.at(-1);
      if (last !== undefined) last.deletedAt = Date.now();
      await delay(this.#random() * GONE_MAX_MS);
      await this.#begin();
      this.#stage.record.count("endpoints made again under their names");
    }
  }

  /** Asks for something below the environment. Again while nobody answers. `path`: below the environment, or a URL. */
  async ask(method: Ask["method"], path: string, body?: object): Promise<Answer> {
    return this.#until([200, 202], method, path, body);
  }

  #open(name: EndpointName, manner: Manner, life = ""): Mailbox {
    const secret = `whsec_${randomBytes(24).toString("base64")}`;
    const mailbox = this.#receiver.open(this.environment, name + life, manner, secret);
    this.#mailboxes.set(name, mailbox);
    return mailbox;
  }

  async #begin(): Promise<void> {
    const mailbox = this.#open("moved", "late", `-${this.lives.length}`);
    const askedAt = Date.now();
    await this.#put("moved", mailbox);
    this.lives.push({ mailbox, askedAt, storedAt: Date.now(), deletedAt: null });
  }

  /** Again until it is answered. One that was stored without an answer is stored as it is. */
  async #put(name: EndpointName, { url, secret }: Mailbox): Promise<void> {
    const body = { url, signingSecret: secret, ...FILTERS[name] };
    await this.#until([201, 200], "PUT", `webhook-endpoints/${name}`, body);
  }

  async #until(expected: readonly number[], method: Ask["method"], path: string, body?: object): Promise<Answer> {
    const { site, record, disturbances } = this.#stage;
    const story: string[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      await site.up;
      const sentAt = Date.now();
      const origin = site.origins[Math.floor(this.#random() * site.origins.length)] ?? "";
      const url = path.startsWith("http") ? path : urlOf(origin, this.environment, path);
      const answer = await ask({ method, url, token: site.rootToken, body });
      if (answer !== null && expected.includes(answer.status)) return answer;
      const told = answer === null ? "no answer" : describe(answer);
      record.tell(story, `${record.clock(sentAt)} ${method} ${path} -> ${told}`);
      if (answer !== null && answer.status !== 503)
        throw new Error(`${method} ${path} was answered with ${told}: ${JSON.stringify(answer.body)}`);
      if (!disturbances.metFault(sentAt) && !disturbances.metDisturbance(sentAt, this.environment))
        record.violation(`${method} ${path} had no success, although nothing was disturbed`, story, sentAt);
      await delay(PAUSE_MS);
    }
    throw new Error(`${method} ${path} never succeeded:\n${story.join("\n")}`);
  }
}
