/**
 * Where the soak's webhook endpoints send their deliveries: a server in the soak's own process, so it outlives each
 * kill. It judges each delivery as it arrives, and remembers what each URL heard of each run.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { verifyWebhook, type WebhookMessage } from "../../../src/client/index.ts";
import { type NodeServer, serve } from "../../support/node-server.ts";
import type { SoakRecord } from "../record.ts";
import type { Random } from "../requests.ts";

/** How a URL answers. `late`: 204 after a while. `flaky`: at random, and not always. All answer 204 after `heal`. */
export type Manner = "reliable" | "late" | "flaky";

/** What one URL heard of one run. */
export interface Heard {
  readonly firstAt: number;
  times: number;
  /** Whether a delivery about it was answered with a 2xx. */
  isTaken: boolean;
  /** Whether a delivery about it was answered with 422, which ends it. */
  isRefused: boolean;
}

/** One URL. */
export interface Mailbox {
  readonly environment: string;
  readonly manner: Manner;
  readonly secret: string;
  readonly url: string;
  /** By run id. */
  readonly heard: Map<string, Heard>;
}

/** Called while an attempt is under way, before its answer. `runId`: whose delivery it is. */
export type DuringAttempt = (environment: string, runId: string) => Promise<void>;

const LATE_MAX_MS = 500;
const FLAKY_LATE_MAX_MS = 3000;

export class Receiver {
  readonly #record: SoakRecord;
  readonly #random: Random;
  readonly #duringAttempt: DuringAttempt;
  readonly #mailboxes = new Map<string, Mailbox>();
  #server: NodeServer | null = null;
  #isWell = false;
  /** By run id: the run with its details, as deliveries have it. */
  readonly texts = new Map<string, string>();
  /** Of each run that a reliable URL heard of: how many ms after its end. */
  readonly delays: number[] = [];

  constructor(record: SoakRecord, random: Random, duringAttempt: DuringAttempt) {
    this.#record = record;
    this.#random = random;
    this.#duringAttempt = duringAttempt;
  }

  async listen(): Promise<void> {
    this.#server = await serve((request, response) => {
      this.#take(request, response).catch(() => request.socket.destroy());
    });
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  /** Makes a URL. `name`: its last part. */
  open(environment: string, name: string, manner: Manner, secret: string): Mailbox {
    const path = `/${environment}/${name}`;
    const url = `${this.#server?.url}${path}`;
    const mailbox = { environment, manner, secret, url, heard: new Map() };
    this.#mailboxes.set(path, mailbox);
    return mailbox;
  }

  /** From now on each delivery is answered with 204. */
  heal(): void {
    this.#isWell = true;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const at = Date.now();
    const mailbox = this.#mailboxes.get(request.url ?? "");
    const delivery = mailbox === undefined ? null : this.#judge(mailbox, request, body);
    if (mailbox === undefined || delivery === null) {
      if (mailbox === undefined) this.#record.violation(`WRONG URL: a delivery came to ${request.url}`, [], at);
      response.writeHead(404).end();
      return;
    }
    const { run } = delivery.data;
    const known = mailbox.heard.get(run.id);
    const heard = known ?? { firstAt: at, times: 0, isTaken: false, isRefused: false };
    mailbox.heard.set(run.id, heard);
    heard.times++;
    const receiver = mailbox.manner === "flaky" ? "a flaky receiver" : "a receiver that is well";
    this.#record.count(`deliveries to ${receiver}${known === undefined ? "" : ", again"}`);
    if (known === undefined && mailbox.manner === "reliable") this.delays.push(at - Date.parse(delivery.timestamp));
    await this.#duringAttempt(mailbox.environment, run.id);
    await this.#answer(mailbox, heard, request, response);
  }

  /** Null if the delivery is wrong. */
  #judge({ environment, secret }: Mailbox, request: IncomingMessage, body: string): WebhookMessage | null {
    const violation = (sentence: string) => {
      this.#record.violation(`${sentence}: ${request.url} got ${body}`, [], Date.now());
      return null;
    };
    let delivery: WebhookMessage;
    try {
      delivery = verifyWebhook(body, request.headers, secret);
    } catch (error) {
      return violation(`FORGED: ${error}`);
    }
    const { type, timestamp, data } = delivery;
    const { details, ...run } = data.run;
    const id = request.headers["webhook-id"];
    if (id !== `${run.id}-ended`) return violation(`SECOND ID: ${id}`);
    if (type !== `action_run.${run.status}` || timestamp !== run.completedAt)
      return violation("WRONG EVENT: the delivery does not tell of its run's end");
    if (!data.url.includes(`/${environment.replace(/[^/]+$/, "envs/$&")}/action-runs/${run.id}`))
      return violation("WRONG ENVIRONMENT: the delivery has the URL of another run");
    const shown = `${JSON.stringify(run)} ${JSON.stringify({ ...details, heartbeat: null })}`;
    const known = this.texts.get(run.id);
    if (known !== undefined && known !== shown) return violation(`TWO STORIES: it was ${known}`);
    this.texts.set(run.id, shown);
    return delivery;
  }

  async #answer(
    { manner }: Mailbox,
    heard: Heard,
    { socket }: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const roll = this.#isWell || manner !== "flaky" ? 1 : this.#random();
    if (roll < 0.12) {
      response.writeHead(503).end("no time");
    } else if (roll < 0.2) {
      heard.isRefused = true;
      response.writeHead(422).end("no such thing");
    } else if (roll < 0.28) {
      socket.resetAndDestroy();
    } else if (roll >= 0.3) {
      if (!this.#isWell && manner === "late") await delay(this.#random() * LATE_MAX_MS);
      else if (roll < 0.4) await delay(this.#random() * FLAKY_LATE_MAX_MS);
      heard.isTaken = true;
      response.writeHead(204).end();
    }
    // Between the two, it never answers.
  }
}
