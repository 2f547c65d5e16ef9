/**
 * Callers of runs with gates for a test that kills the server meanwhile, and the receiver of the jobs. It reports one
 * deploy after the other. As a real one does, it takes each job once, and repeats a report that got no answer.
 */

import { json } from "node:stream/consumers";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { type ActionRun, type Answer, type Ask, ask } from "../load.ts";

const CREATORS = 3;
const REVIEWERS = 2;
const JOB = { id: "{{ run.id }}", url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" };

interface Job {
  readonly id: string;
  readonly url: string;
  readonly token: string;
}

/** A create that was sent. `askedAt` and `answeredAt` order what happened in this process. */
export interface Told {
  readonly key: string;
  readonly askedAt: number;
  /** Infinity, and no id, if the server was gone. */
  answeredAt: number;
  id: string | null;
  /** Whether the first approval was answered. */
  isApproved: boolean;
}

export class GatedLoad {
  /** The ids of the jobs of each action, in the order in which the receiver heard of them. */
  readonly heard: Readonly<Record<"deploy" | "review" | "later" | "frozen", string[]>> = {
    deploy: [],
    review: [],
    later: [],
    frozen: [],
  };
  readonly deploys: Told[] = [];
  readonly reviews: Told[] = [];
  /** Deploys that were heard of before the report on the deploy before them was sent. */
  readonly tooEarly: string[] = [];
  readonly reports: Promise<number>[] = [];
  /** Responses that should not happen. */
  readonly surprises: string[] = [];
  reported = 0;
  /** When the receiver heard of the run that had to wait for its time. */
  laterHeardAt = 0;
  readonly #environment: string;
  readonly #goOn = Promise.withResolvers<void>();
  readonly #mayReport = Promise.withResolvers<void>();
  #receiver: NodeServer | undefined;
  #deploying: string | null = null;
  #clock = 0;

  /** `environment`: its URL. */
  constructor(environment: string) {
    this.#environment = environment;
  }

  /** The trigger of an action's jobs. */
  async listen(): Promise<(action: keyof GatedLoad["heard"]) => object> {
    this.#receiver = await serve(async (request, response) => {
      this.#take(request.url?.slice(1) as keyof GatedLoad["heard"], (await json(request)) as Job);
      response.writeHead(202).end();
    });
    const { url } = this.#receiver;
    const retry = { initialDelayMs: 100 };
    return (action) => ({ type: "webhook", url: `${url}/${action}`, payload: JOB, retry });
  }

  /** Until the server is gone, callers create deploys, and create reviews and approve them. */
  async start(creator: string, approver: string): Promise<void> {
    const callers = [
      ...Array.from({ length: CREATORS }, () => () => this.create("deploy", creator, this.deploys)),
      ...Array.from({ length: REVIEWERS }, () => async () => {
        const review = await this.create("review", creator, this.reviews);
        return review !== null && (await this.approve(review, approver));
      }),
    ];
    await Promise.all(
      callers.map(async (call) => {
        while (await call());
      }),
    );
  }

  /** Lets the receiver report the jobs that it has heard of. */
  mayReport(): void {
    this.#mayReport.resolve();
  }

  /** Call this when the server runs again. */
  goOn(): void {
    this.#goOn.resolve();
  }

  async create(action: "deploy" | "review", token: string, known: Told[]): Promise<Told | null> {
    const key = `${action}-${known.length}`;
    const told: Told = { key, askedAt: this.#clock++, answeredAt: Infinity, id: null, isApproved: false };
    known.push(told);
    return (await this.createAgain(told, token)) ? told : null;
  }

  /** Sends the create of this key. False if the server is gone. */
  async createAgain(told: Told, token: string): Promise<boolean> {
    const action = told.key.split("-")[0];
    const asked = { token, body: {}, key: told.key };
    const answer = await this.#told<ActionRun>(201, "POST", `actions/${action}/runs`, asked);
    if (answer === null) return false;
    if (told.id !== null && told.id !== answer.body.id) this.surprises.push(`${told.key} is another run`);
    told.id ??= answer.body.id;
    told.answeredAt = Math.min(told.answeredAt, this.#clock++);
    return true;
  }

  async approve({ id, key }: Told, token: string): Promise<boolean> {
    const asked = { token, body: {}, key: `approve-${key}` };
    const answer = await this.#told(200, "POST", `action-runs/${id}/approve`, asked);
    const told = this.reviews.find((one) => one.key === key);
    if (answer !== null && told !== undefined) told.isApproved = true;
    return answer !== null;
  }

  /** Deploys that were heard of before one whose create had been answered before theirs was sent. */
  outOfOrder(): string[] {
    const told = this.heard.deploy.map((id) => this.deploys.find((one) => one.id === id));
    let latest = -1;
    return told.flatMap((one) => {
      if (one === undefined) return ["a deploy that nobody created"];
      const overtook = one.answeredAt < latest;
      latest = Math.max(latest, one.askedAt);
      return overtook ? [one.key] : [];
    });
  }

  async close(): Promise<void> {
    await this.#receiver?.close();
  }

  #take(action: keyof GatedLoad["heard"], job: Job): void {
    if (this.heard[action].includes(job.id)) return;
    this.heard[action].push(job.id);
    if (action === "later") this.laterHeardAt = Date.now();
    if (action !== "deploy") return;
    if (this.#deploying !== null) this.tooEarly.push(job.id);
    this.#deploying = job.id;
    this.reports.push(this.#report(job));
  }

  async #report({ id, url, token }: Job): Promise<number> {
    await this.#mayReport.promise;
    const asked = { token, body: { status: "succeeded" }, key: `report-${id}` };
    // From now on, the next deploy may start.
    this.#deploying = null;
    const first = await ask("POST", url, asked).catch(() => null);
    if (first === null) await this.#goOn.promise;
    const { status } = first ?? (await ask("POST", url, asked));
    this.reported++;
    return status;
  }

  /** The expected answer; null if there is none because the server is gone. */
  async #told<T>(status: number, method: string, path: string, asked: Ask): Promise<Answer<T> | null> {
    const answer = await ask<T>(method, `${this.#environment}/${path}`, asked).catch((error: unknown) => {
      if (/describe/.test(String(error))) this.surprises.push(String(error));
      return null;
    });
    if (answer !== null && answer.status !== status) {
      this.surprises.push(`${method} ${path} ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer;
  }
}
