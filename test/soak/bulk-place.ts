/**
 * The environment of the soak's bulk operations: makes runs of each kind, and receives the jobs of those that share
 * a concurrency queue.
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { type Insisted, insist } from "./insist.ts";
import type { Random } from "./random.ts";
import { type Answer, urlOf } from "./requests.ts";
import type { Stage } from "./stage.ts";

export const BULK_ENVIRONMENT = "acme/soak/bulk";
const GROUP = "bulk-queue";
const HOUR_MS = 3_600_000;

/**
 * How a run is when an operation begins. `queued`: it waits in its queue, or runs. `timed`: it waits for its time.
 * `triggered`: it was cancelled, and its create had a trigger.
 */
export type Kind = "pending" | "running" | "queued" | "timed" | "failed" | "succeeded" | "cancelled" | "triggered";

export interface MadeRun {
  readonly id: string;
  readonly kind: Kind;
  /** Of its callback; null if only the receiver has it. */
  readonly token: string | null;
  readonly story: string[];
}

export class BulkEnvironment {
  /** The runs whose jobs the receiver heard of. A job lasts until somebody cancels it. */
  readonly heard = new Set<string>();
  readonly #stage: Stage;
  readonly #random: Random;
  readonly #server = createServer(async (request, response) => {
    this.heard.add(((await json(request)) as { readonly run: string }).run);
    response.writeHead(202).end();
  });
  /** A token that acts for others. */
  #portal = "";
  /** Of the receiver. */
  #url = "";
  #made = 0;

  constructor(stage: Stage, random: Random) {
    this.#stage = stage;
    this.#random = random;
    this.#server.keepAliveTimeout = 0;
  }

  get portal(): string {
    return this.#portal;
  }

  async store(): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    const { port } = this.#server.address() as AddressInfo;
    this.#url = `http://127.0.0.1:${port}/jobs`;
    const trigger = { type: "webhook", url: this.#url, payload: { run: "{{ run.id }}" } };
    const concurrency = { group: GROUP, key: "{{ parameters.queue }}" };
    await this.ask([200, 201], [], "PUT", `actions/${GROUP}`, { body: { trigger, concurrency } });
    this.#portal = (await this.createToken({ name: "bulk-portal", mayActForOthers: true })).token;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Of the environment's project. */
  async createToken(body: object): Promise<{ readonly id: string; readonly token: string }> {
    const url = `${this.#origin}/acme/soak/tokens`;
    const asked = { method: "POST", url, body: { role: "member", ...body } } as const;
    return (await insist(this.#stage, [201], [], asked)).body as { id: string; token: string };
  }

  async revoke(tokenId: string): Promise<void> {
    const url = `${this.#origin}/acme/soak/tokens/${tokenId}`;
    await insist(this.#stage, [200, 404], [], { method: "DELETE", url });
  }

  /** `path`: below the environment, or a URL. */
  ask(
    expected: readonly number[],
    story: string[],
    method: Insisted["method"],
    path: string,
    more: Partial<Insisted> = {},
    environment = BULK_ENVIRONMENT,
  ): Promise<Answer> {
    const url = path.startsWith("http") ? path : urlOf(this.#origin, environment, path);
    return insist(this.#stage, expected, story, { method, url, ...more });
  }

  /** A run of this kind with this label. Its queue has the label's name. */
  async make(kind: Kind, label: string): Promise<MadeRun> {
    const story: string[] = [];
    const create = `bulk-${this.#made++}`;
    const body = { parameters: { create, queue: label }, labels: [label], ...this.#bodyOf(kind) };
    const path = kind === "queued" ? `actions/${GROUP}/runs` : "action-runs";
    const made = await this.ask([201], story, "POST", path, { body, key: create });
    const { id, callback } = made.body as { id: string; callback?: { token: string } };
    const run = { id, kind, token: callback?.token ?? null, story };
    if (kind === "running") await this.#change(run, "heartbeat", {});
    else if (kind === "succeeded") await this.report(run);
    else if (kind === "failed") await this.#change(run, "callback", { status: "failed", error: "on purpose" });
    else if (kind === "cancelled" || kind === "triggered")
      await this.ask([200], story, "DELETE", `action-runs/${id}`, { key: create });
    return run;
  }

  #bodyOf(kind: Kind): object {
    if (kind === "queued") return {};
    if (kind !== "timed" && kind !== "triggered") return { actionName: "bulk" };
    const notBefore = new Date(Date.now() + HOUR_MS).toISOString();
    return { actionName: "bulk", notBefore, trigger: { type: "webhook", url: this.#url } };
  }

  /** Reports that it succeeded, if nobody has ended it. */
  async report(run: MadeRun): Promise<void> {
    await this.#change(run, "callback", { status: "succeeded" });
  }

  async #change({ id, token, story }: MadeRun, path: string, body: object): Promise<void> {
    const more = { body, key: `${path}-${id}`, ...(token !== null && { token }) };
    await this.ask([200, 409], story, "POST", `action-runs/${id}/${path}`, more);
  }

  get #origin(): string {
    const { origins } = this.#stage.site;
    return origins[Math.floor(this.#random() * origins.length)] ?? "";
  }
}
